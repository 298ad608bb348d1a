//! Executions, and what their actors do.

use prometheus::{Histogram, IntCounter, IntCounterVec};

use super::meter::{MOMENTS, counter, counters, histogram};
use super::{Page, Told};

/// The meters of what happens to executions.
#[derive(Clone, Debug)]
pub struct ExecutionMeters {
    /// Executions that were started.
    pub started: IntCounter,
    /// Executions that came to a good end.
    pub completed: IntCounter,
    /// Executions that failed.
    pub failed: IntCounter,
    /// Executions that somebody ended.
    pub cancelled: IntCounter,
    /// From the arrival of a step's answer to the call of the next step, in seconds.
    pub overhead: Histogram,
    /// Actors that were started again because they had crashed.
    pub restarted_after_crash: IntCounter,
    /// Actors that were started again because somebody asked for it.
    pub restarted_on_request: IntCounter,
    finished: IntCounterVec,
    restarts: IntCounterVec,
}

impl Default for ExecutionMeters {
    fn default() -> Self {
        let finished = counters(
            "discovery_executions_finished_total",
            "Executions that ended, by the status that they ended with; one that is retried by hand ends again.",
            &["status"],
        );
        let restarts = counters(
            "discovery_actor_restarts_total",
            "Actors of executions that were started again, by the reason.",
            &["reason"],
        );
        Self {
            started: counter("discovery_executions_started_total", "Executions that were started."),
            completed: finished.with_label_values(&["completed"]),
            failed: finished.with_label_values(&["failed"]),
            cancelled: finished.with_label_values(&["cancelled"]),
            overhead: histogram(
                "discovery_step_overhead_seconds",
                "From the arrival of a step's answer to the call of the next step: deciding, the commit, and the wait \
                 for a turn at the handler.",
                &MOMENTS,
            ),
            restarted_after_crash: restarts.with_label_values(&["crash"]),
            restarted_on_request: restarts.with_label_values(&["request"]),
            finished,
            restarts,
        }
    }
}

impl Told for ExecutionMeters {
    fn tell(&self, page: &mut Page) {
        page.meter(&self.started);
        page.meter(&self.finished);
        page.meter(&self.overhead);
        page.meter(&self.restarts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_counts_for_itself() {
        let (one, other) = (ExecutionMeters::default(), ExecutionMeters::default());
        one.started.inc();
        one.clone().started.inc();
        assert_eq!((one.started.get(), other.started.get()), (2, 0));
    }
}
