//! What is counted of executions: what was committed, and how long it took.
//!
//! An actor that dies between a commit and its turn to see it counts nothing of it; its successor reads only where it led.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

use super::Runtime;
use crate::domain::{Attempt, AttemptId, AttemptStatus, Execution, Outcome, Status, Workflow, WorkflowId};
use crate::metrics::{ExecutionMeters, HandlerMeters, Handlers};

/// Versions of workflows whose meters are at hand.
const VERSIONS_MAX: usize = 1_000;

/// The meters of the handlers of a workflow, in the order of its steps.
type StepMeters = Arc<[HandlerMeters]>;

/// What all actors of one server count with.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) meters: ExecutionMeters,
    handlers: Handlers,
    steps: Cache<(WorkflowId, u64), StepMeters>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { meters: Default::default(), handlers: Default::default(), steps: Cache::new(VERSIONS_MAX) }
    }
}

impl Tally {
    fn steps_of(&self, workflow: &Workflow) -> StepMeters {
        let key = (workflow.id, workflow.version);
        if let Some(known) = self.steps.get(&key) {
            return known;
        }
        let meters: StepMeters = workflow.steps.iter().map(|step| self.handlers.of(step.handler.as_str())).collect();
        self.steps.insert(key, Arc::clone(&meters));
        meters
    }
}

/// An answer that came, or a failure in its place.
#[derive(Clone, Copy, Debug)]
struct Answered {
    attempt: AttemptId,
    at: Instant,
    /// From the call to the answer.
    took: Duration,
}

/// What an actor keeps to count what happens to its execution.
#[derive(Debug, Default)]
pub(super) struct OwnTally {
    /// Looked up once.
    steps: Option<StepMeters>,
    /// The newest answer that may end an attempt, until that is committed.
    answered: Option<Answered>,
    /// When the answer came that the newest commit took.
    moved_at: Option<Instant>,
}

impl OwnTally {
    /// Notes that the call of `attempt`, made at `sent_at`, came to this outcome at `at`.
    pub(super) fn note_answer(&mut self, attempt: AttemptId, outcome: &Outcome, sent_at: Instant, at: Instant) {
        self.answered = match outcome {
            Outcome::Answered(_) | Outcome::Failed(_) => Some(Answered { attempt, at, took: at - sent_at }),
            // It goes on elsewhere.
            Outcome::Accepted { .. } => None,
        };
    }

    /// When the answer came that the present moment follows from; told once.
    pub(super) fn take_moved_at(&mut self) -> Option<Instant> {
        self.moved_at.take()
    }

    /// Counts what a commit changed that led from `before` (`None` for a new execution) to `after`.
    pub(super) fn count(&mut self, tally: &Tally, before: Option<&Execution>, after: &Execution) {
        let Self { steps, answered, moved_at } = self;
        let steps = steps.get_or_insert_with(|| tally.steps_of(after.workflow()));
        *moved_at = None;
        let Some(before) = before else { return tally.meters.started.inc() };
        for open in before.running_attempts() {
            let (Some(attempt), Some(meters)) = (after.attempt(open.id), steps.get(open.step)) else { continue };
            match attempt.status {
                AttemptStatus::Running => continue,
                AttemptStatus::Cancelled => {
                    meters.cancelled.inc();
                    continue;
                }
                AttemptStatus::Success => meters.succeeded.inc(),
                AttemptStatus::Failed => meters.failed.inc(),
            }
            let answer = answered.take_if(|answer| answer.attempt == attempt.id);
            *moved_at = answer.map(|answer| answer.at);
            meters.seconds.observe(answer.map_or_else(|| seconds_of(attempt), |answer| answer.took.as_secs_f64()));
        }
        if before.status().is_ended() {
            return;
        }
        match after.status() {
            Status::Running | Status::Paused => {}
            Status::Completed => tally.meters.completed.inc(),
            Status::Failed => tally.meters.failed.inc(),
            Status::Cancelled => tally.meters.cancelled.inc(),
        }
    }
}

/// How long it took as its log tells: the end was reported, or came without one.
fn seconds_of(attempt: &Attempt) -> f64 {
    attempt.finished_at.map_or(0.0, |end| end.seconds_since(attempt.started_at))
}

impl Runtime {
    /// The meters of executions, and of handlers.
    pub fn meters(&self) -> (&ExecutionMeters, &Handlers) {
        (&self.0.tally.meters, &self.0.tally.handlers)
    }
}
