//! When no process was there: such time counts for no timeout.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::time::{Timestamp, whole_millis};

/// Outages that are remembered; of more, the oldest count as one, and what lay between them as outage.
pub const OUTAGES_MAX: usize = 10_000;
/// How long an outage is remembered; no attempt is waited for as long.
pub const OUTAGE_MEMORY: TimeDelta = TimeDelta::days(366);

/// A time at which no process was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outage {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

/// The outages that are known: oldest first, and apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outages(Vec<Outage>);

impl Outages {
    /// Sorts `outages` and joins those that touch; one that ends before it begins is none.
    pub fn new(outages: impl IntoIterator<Item = Outage>) -> Self {
        let mut sorted: Vec<Outage> = outages.into_iter().filter(|outage| outage.from < outage.to).collect();
        sorted.sort_unstable();
        sorted.dedup_by(|later, earlier| {
            let joined = later.from <= earlier.to;
            if joined {
                earlier.to = earlier.to.max(later.to);
            }
            joined
        });
        Self(sorted)
    }

    /// Those that are still to be remembered at `now`.
    ///
    /// Up-time may come to count as outage by it, never outage as up-time: a timeout comes late rather than early.
    pub fn remembered(mut self, now: Timestamp) -> Self {
        let since = now.as_datetime().checked_sub_signed(OUTAGE_MEMORY).map_or(now, Timestamp::new);
        self.0.retain(|outage| outage.to > since);
        let beyond = self.0.len().saturating_sub(OUTAGES_MAX);
        if let Some(last_joined) = self.0.get(beyond).filter(|_| beyond > 0) {
            let joined = Outage { from: self.0[0].from, to: last_joined.to };
            self.0.splice(..=beyond, [joined]);
        }
        self
    }

    /// All of them, oldest first.
    pub fn as_slice(&self) -> &[Outage] {
        &self.0
    }

    /// How much of the time between two moments was outage.
    pub fn within(&self, from: Timestamp, to: Timestamp) -> Duration {
        let met = self.ending_after(from).iter().take_while(|outage| outage.from < to);
        let millis = met.map(|outage| outage.to.min(to).millis_since(outage.from.max(from))).sum();
        Duration::from_millis(millis)
    }

    /// The moment at which `uptime` will have passed since `from`, but for outages.
    pub fn after(&self, from: Timestamp, uptime: Duration) -> Timestamp {
        let (mut at, mut left) = (from, whole_millis(uptime));
        for outage in self.ending_after(from) {
            let up = outage.from.millis_since(at);
            if left <= up {
                break;
            }
            left -= up;
            at = outage.to;
        }
        later(at, left)
    }

    fn ending_after(&self, moment: Timestamp) -> &[Outage] {
        &self.0[self.0.partition_point(|outage| outage.to <= moment)..]
    }
}

/// What lies beyond the end of the calendar is its end.
fn later(at: Timestamp, millis: u64) -> Timestamp {
    let by = i64::try_from(millis).ok().and_then(TimeDelta::try_milliseconds);
    let sum = by.and_then(|by| at.as_datetime().checked_add_signed(by));
    Timestamp::new(sum.unwrap_or(DateTime::<Utc>::MAX_UTC))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::new(DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis))
    }

    fn outages(spans: &[(i64, i64)]) -> Outages {
        Outages::new(spans.iter().map(|(from, to)| Outage { from: at(*from), to: at(*to) }))
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn outages_that_touch_are_one_and_empty_ones_are_none() {
        let joined = outages(&[(50, 60), (10, 20), (20, 25), (12, 14), (40, 40), (70, 65)]);
        assert_eq!(joined, outages(&[(10, 25), (50, 60)]));
        assert_eq!(joined.as_slice().len(), 2);
    }

    #[test]
    fn uptime_goes_on_behind_each_outage() {
        let outages = outages(&[(10, 20), (30, 40)]);
        assert_eq!(outages.after(at(0), millis(10)), at(10), "it is there as the outage begins");
        assert_eq!(outages.after(at(0), millis(11)), at(21));
        assert_eq!(outages.after(at(15), millis(10)), at(30));
        assert_eq!(outages.after(at(15), millis(11)), at(41));
        assert_eq!(outages.after(at(0), Duration::from_micros(500)), at(1), "not a moment too early");
        let end = Timestamp::new(DateTime::<Utc>::MAX_UTC);
        assert_eq!(outages.after(at(0), Duration::MAX), end);
        assert_eq!(outages.within(at(15), at(35)), millis(10));
        assert_eq!(outages.within(at(35), at(15)), Duration::ZERO);
    }

    #[test]
    fn what_is_old_is_forgotten_and_what_is_too_much_is_joined() {
        let day = 24 * 60 * 60 * 1000;
        let known = outages(&[(0, 10), (20, 3 * day), (400 * day, 400 * day + 1)]);
        assert_eq!(known.clone().remembered(at(367 * day)), outages(&[(20, 3 * day), (400 * day, 400 * day + 1)]));
        assert_eq!(known.clone().remembered(at(366 * day + 9)), known, "a part of the first is not forgotten");

        let many: Vec<(i64, i64)> = (0..OUTAGES_MAX as i64 + 5).map(|n| (10 * n, 10 * n + 1)).collect();
        let kept = outages(&many).remembered(at(day));
        assert_eq!(kept.as_slice().len(), OUTAGES_MAX);
        assert_eq!(kept.as_slice()[..2], *outages(&[(0, 51), (60, 61)]).as_slice());
        assert_eq!(kept.clone().remembered(at(day)), kept);
    }

    proptest! {
        #[test]
        fn every_millisecond_counts_once_as_outage_or_as_uptime(
            spans in vec((0i64..100, 0i64..30), 0..8), from in 0i64..150, to in 0i64..150, uptime in 0u64..60,
        ) {
            let spans: Vec<(i64, i64)> = spans.into_iter().map(|(from, length)| (from, from + length)).collect();
            let outages = outages(&spans);
            let is_out = |moment: i64| spans.iter().any(|(from, to)| (*from..*to).contains(&moment));
            let counted = (from..to).filter(|moment| is_out(*moment)).count() as u64;
            prop_assert_eq!(outages.within(at(from), at(to)), millis(counted));

            let mut end = from;
            let mut left = uptime;
            while left > 0 {
                left -= u64::from(!is_out(end));
                end += 1;
            }
            prop_assert_eq!(outages.after(at(from), millis(uptime)), at(end));
        }
    }
}
