//! Points in time and lengths of time, as the wire shows them.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time in whole milliseconds, rounded up: whoever waits for so long has then waited long enough.
pub(super) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// A point in time in UTC, to the millisecond: what is shown is what is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Cuts `at` to whole milliseconds.
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(3))
    }

    /// The same moment as chrono knows it.
    pub fn as_datetime(self) -> DateTime<Utc> {
        self.0
    }

    /// The moment so much earlier, to the millisecond; the first that there is where that is too far away.
    pub fn minus(self, earlier: Duration) -> Self {
        let millis = i64::try_from(earlier.as_millis()).ok().and_then(TimeDelta::try_milliseconds);
        let moment = self.0.checked_sub_signed(millis.unwrap_or(TimeDelta::MAX));
        Self(moment.unwrap_or(DateTime::<Utc>::MIN_UTC))
    }

    /// Milliseconds since 1970, negative before.
    pub fn as_millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// The moment `seconds` later, to the millisecond; the last that there is where that is too far away.
    pub fn plus_seconds(self, seconds: f64) -> Self {
        let millis = TimeDelta::try_milliseconds((seconds * 1000.0).round() as i64).unwrap_or(TimeDelta::MAX);
        Self(self.0.checked_add_signed(millis).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// Milliseconds from `earlier` to this moment, 0 where the clock went backwards.
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from((self.0 - earlier.0).num_milliseconds()).unwrap_or(0)
    }

    /// Seconds from `earlier` to this moment, to the millisecond, 0 where the clock went backwards.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        // A duration below 285,000 years fits a double to the millisecond.
        self.millis_since(earlier) as f64 / 1000.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::<Utc>::deserialize(deserializer).map(Self::new)
    }
}

/// A length of time in seconds, fractions allowed: positive, finite and at most ten years.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Seconds(f64);

impl Seconds {
    /// The longest length of time that a definition may name, in seconds (ten years).
    pub const MAX: f64 = 315_360_000.0;

    /// Takes `seconds` if it is over 0 and not over [`Seconds::MAX`]; the error is a sentence.
    pub fn new(seconds: f64) -> Result<Self, String> {
        if seconds.is_finite() && seconds > 0.0 && seconds <= Self::MAX {
            Ok(Self(seconds))
        } else {
            Err(format!("must be a number of seconds over 0 and at most {}", Self::MAX))
        }
    }

    /// As a number of seconds.
    pub fn as_f64(self) -> f64 {
        self.0
    }

    /// As the standard library knows it.
    pub fn as_duration(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 {
            // `new` keeps it below 2^53.
            serializer.serialize_u64(self.0 as u64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
