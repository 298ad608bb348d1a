//! How long an execution has taken, as its workflow's timeout counts it.

use std::time::Duration;

use crate::domain::outages::Outages;
use crate::domain::time::Timestamp;

/// Runs while the execution runs, and stands still while it is paused.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Clock {
    /// When it ran before, from and to.
    spans: Vec<(Timestamp, Timestamp)>,
    since: Option<Timestamp>,
}

impl Clock {
    /// A clock that runs since `at`, from nothing.
    pub(super) fn started(at: Timestamp) -> Self {
        Self { spans: Vec::new(), since: Some(at) }
    }

    pub(super) fn stop(&mut self, at: Timestamp) {
        self.spans.extend(self.since.take().map(|since| (since, at)));
    }

    pub(super) fn go_on(&mut self, at: Timestamp) {
        self.since.get_or_insert(at);
    }

    /// When `timeout` will have passed on it, or has; `None` while it stands still.
    pub(super) fn runs_out(&self, timeout: Duration, outages: &Outages) -> Option<Timestamp> {
        let spent = |(from, to): &(Timestamp, Timestamp)| {
            Duration::from_millis(to.millis_since(*from)).saturating_sub(outages.within(*from, *to))
        };
        let spent: Duration = self.spans.iter().map(spent).sum();
        self.since.map(|since| outages.after(since, timeout.saturating_sub(spent)))
    }
}
