//! When no process was there.

use std::time::Duration;

use super::time::Timestamp;

/// Times at which no process was there, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outages(Vec<(Timestamp, Timestamp)>);

impl Outages {
    /// These times, from and to.
    pub fn new(times: Vec<(Timestamp, Timestamp)>) -> Self {
        Self(times)
    }

    /// How long no process was there between two moments.
    pub fn within(&self, from: Timestamp, to: Timestamp) -> Duration {
        let common = |(began, ended): &(Timestamp, Timestamp)| {
            Duration::from_millis((*ended).min(to).millis_since((*began).max(from)))
        };
        self.0.iter().map(common).sum()
    }

    /// The moment at which `uptime` has passed since `from`.
    pub fn after(&self, from: Timestamp, uptime: Duration) -> Timestamp {
        from.plus_seconds(uptime.as_secs_f64())
    }
}
