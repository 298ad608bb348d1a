//! One run of a workflow: its state, and what may be asked of it.

mod apply;
mod attempt;
mod clock;
mod command;
mod decide;
mod end;
mod progress;
mod rejection;
mod status;
mod steer;
#[cfg(test)]
mod tests;
mod timers;
mod why;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Context;
use super::definition::{Mode, Step, Workflow};
use super::event::Properties;
use super::id::{AttemptId, ExecutionId};
use super::outcome::StepError;
use super::time::Timestamp;
use clock::Clock;

pub use attempt::{Attempt, AttemptStatus, Branch, BranchPath};
pub use command::{Command, Decision, Effect, Given};
pub use progress::Progress;
pub use rejection::Rejection;
pub use status::{Status, WaitingFor};
pub use why::{CallPhase, OpenCall, Surroundings, Why};

/// The state of an execution: what folding its log gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    id: ExecutionId,
    workflow: Arc<Workflow>,
    mode: Mode,
    status: Status,
    pause_requested: bool,
    context: Context,
    branches: BTreeMap<BranchPath, Branch>,
    attempts: Vec<Attempt>,
    error: Option<Arc<StepError>>,
    /// Where it stood when it failed or was cancelled.
    failed_step: Option<usize>,
    /// Attempts before the newest retry by hand; their visits use up nothing.
    attempts_before: usize,
    clock: Clock,
    /// Since when it stands as it does, reports of progress aside.
    stands_since: Timestamp,
    /// Why it is paused or was cancelled.
    reason: Option<Arc<str>>,
    properties: Properties,
    last_seq: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
    finished_at: Option<Timestamp>,
}

impl Execution {
    /// Its id.
    pub fn id(&self) -> ExecutionId {
        self.id
    }

    /// The version of the workflow that it started with.
    pub fn workflow(&self) -> &Arc<Workflow> {
        &self.workflow
    }

    /// Who moves it from step to step.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Where it is in its life.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether a pause waits for the running step to end.
    pub fn pause_requested(&self) -> bool {
        self.pause_requested
    }

    /// Its data so far.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Every attempt so far, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The attempt of this id.
    pub fn attempt(&self, id: AttemptId) -> Option<&Attempt> {
        // The one that is asked for is nearly always the newest.
        self.attempts.iter().rev().find(|attempt| attempt.id == id)
    }

    /// Why it failed or was parked.
    pub fn error(&self) -> Option<&StepError> {
        self.error.as_deref()
    }

    /// What clients attached.
    pub fn properties(&self) -> &Properties {
        &self.properties
    }

    /// The place of its newest event in the log.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// When it was started.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When its newest event happened.
    pub fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// When it ended.
    pub fn finished_at(&self) -> Option<Timestamp> {
        self.finished_at
    }

    /// The attempts that a worker has now, be it with an open call or elsewhere.
    pub fn running_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.branches.values().filter_map(|branch| self.attempts.get(branch.attempt()?))
    }

    /// The attempts whose call is, or should be, open.
    pub fn open_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.branches.values().filter_map(|branch| match branch {
            Branch::Running(place) => self.attempts.get(*place),
            Branch::Elsewhere { .. } | Branch::Retrying { .. } | Branch::Ready(_) => None,
        })
    }

    /// Whether a call to a worker is, or should be, open.
    pub fn has_open_call(&self) -> bool {
        self.status == Status::Running && self.open_attempts().next().is_some()
    }

    /// Whether a step was begun that has neither done its work nor failed for good.
    pub fn is_at_work(&self) -> bool {
        let begun = |branch: &Branch| !matches!(branch, Branch::Ready(_));
        self.status == Status::Running && self.branches.values().any(begun)
    }

    /// What it waits for, if it runs and no call of it is open.
    pub fn waiting_for(&self) -> Option<WaitingFor> {
        if self.status != Status::Running {
            return None;
        }
        match self.branches.values().next() {
            Some(Branch::Running(_)) => None,
            Some(Branch::Elsewhere { .. }) => Some(WaitingFor::Callback),
            Some(Branch::Retrying { .. }) => Some(WaitingFor::Retry),
            Some(Branch::Ready(_)) | None => Some(WaitingFor::Next),
        }
    }

    /// The step that runs or is next, or else the one that it ended at.
    pub fn current_step(&self) -> Option<&Step> {
        self.current_place().and_then(|place| self.workflow.steps.get(place))
    }

    fn current_place(&self) -> Option<usize> {
        match self.branches.values().next() {
            Some(branch) => branch.step(&self.attempts),
            None => self.failed_step,
        }
    }

    /// The definition of the step that `attempt` is of.
    pub fn step_of(&self, attempt: &Attempt) -> &Step {
        // `apply` makes attempts only for steps that it found in this very list.
        &self.workflow.steps[attempt.step]
    }

    /// The steps that were never entered, once the execution completed.
    pub fn skipped_steps(&self) -> impl Iterator<Item = &Step> {
        let completed = self.status == Status::Completed;
        let steps = self.workflow.steps.iter().enumerate();
        steps.filter(move |(place, _)| completed && self.visits(*place) == 0).map(|(_, step)| step)
    }

    /// How often the step at `place` was entered.
    fn visits(&self, place: usize) -> u32 {
        let of_step = self.attempts.iter().filter(|attempt| attempt.step == place);
        of_step.map(|attempt| attempt.visit).max().unwrap_or(0)
    }

    /// How many of its visits the step at `place` has used up since the newest retry by hand.
    fn visits_used(&self, place: usize) -> u32 {
        let attempts = self.attempts.iter().skip(self.attempts_before);
        let mut visits = attempts.filter(|attempt| attempt.step == place).map(|attempt| attempt.visit);
        // They count on without a hole, and the first may have begun before.
        visits.next().map_or(0, |first| visits.next_back().unwrap_or(first).saturating_sub(first).saturating_add(1))
    }

    /// The step that `named` names; where several share a handler, the one that runs.
    fn find_step(&self, named: &str) -> Option<usize> {
        self.workflow.find_step(named, |place| self.running_attempts().any(|attempt| attempt.step == place))
    }
}
