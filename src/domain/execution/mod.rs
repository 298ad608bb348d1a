//! One run of a workflow: its state, and what may be asked of it.

mod apply;
mod decide;
mod progress;
mod rejection;
mod steer;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::context::Context;
use super::definition::{Mode, Step, Workflow};
use super::event::{Event, Properties};
use super::id::{AttemptId, ExecutionId};
use super::outcome::{Outcome, StepError};
use super::properties_patch::PropertiesPatch;
use super::report::{Completion, ProgressReport};
use super::time::Timestamp;

pub use progress::Progress;
pub use rejection::Rejection;

/// Where an execution is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Moving, or waiting for something that will move it.
    Running,
    /// Held until somebody resumes it.
    Paused,
    /// Every step that was to run has run.
    Completed,
    /// A step failed for good.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

impl Status {
    /// All of them, in the order of their lives.
    pub const ALL: [Self; 5] = [Self::Running, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled];

    /// Whether it moves no more.
    pub fn is_ended(self) -> bool {
        match self {
            Self::Running | Self::Paused => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What a running execution waits for when no step of it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// Manual mode: for somebody to ask for the next step.
    Next,
}

/// How an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// The worker has it.
    Running,
    /// It did its work.
    Success,
    /// It did not.
    Failed,
}

impl AttemptStatus {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }
}

/// One attempt at one visit of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The id of its row in the step history.
    pub id: AttemptId,
    /// Which step: the place in the definition's list.
    pub step: usize,
    /// Counts the tries of one visit, from 1.
    pub attempt: u32,
    /// Counts how often the step was entered, from 1.
    pub visit: u32,
    /// How it stands.
    pub status: AttemptStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The context that it was given.
    pub input: Context,
    /// What the worker answered.
    pub output: Option<Arc<Value>>,
    /// The newest report.
    pub progress: Option<Arc<ProgressReport>>,
    /// The end that the step reported while its call was open.
    pub completion: Option<Arc<Completion>>,
    /// Why it failed.
    pub error: Option<Arc<StepError>>,
}

/// Names one line of steps within an execution; there is one today, the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchPath(Vec<u32>);

impl BranchPath {
    /// The line that every execution begins with.
    pub fn root() -> Self {
        Self::default()
    }
}

/// Where a branch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// This attempt (a place in the list of attempts) runs.
    Running(usize),
    /// This step (a place in the definition's list) is next and was not asked for yet.
    Ready(usize),
}

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
    failed_step: Option<usize>,
    properties: Properties,
    last_seq: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
    finished_at: Option<Timestamp>,
}

/// What an execution may be asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The call of this attempt came to its end.
    TakeOutcome {
        /// Which attempt was called.
        attempt: AttemptId,
        /// What became of it.
        outcome: Outcome,
    },
    /// A step tells how far it is.
    ReportProgress {
        /// The step's name or handler.
        step: String,
        /// The report.
        report: ProgressReport,
        /// The attempt that the reporter proved to be; `None`: whichever runs.
        attempt: Option<AttemptId>,
    },
    /// A step tells that it is done.
    ReportCompletion {
        /// The step's name or handler.
        step: String,
        /// The report.
        completion: Completion,
        /// The attempt that the reporter proved to be; `None`: whichever runs.
        attempt: Option<AttemptId>,
    },
    /// Manual mode: run the next step.
    Next,
    /// Stop moving once the running step has ended.
    Pause {
        /// Why, for those who watch.
        reason: String,
    },
    /// Move again.
    Resume {
        /// Why, for those who watch.
        reason: String,
    },
    /// Change what clients attached; possible after the end too.
    SetProperties(PropertiesPatch),
    /// Go on where a crash or a stop left off.
    Recover,
    /// Stop moving because of this error of Discovery's own.
    Park(StepError),
}

/// What the core may not find out by itself.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// The time of the decision.
    pub now: Timestamp,
    /// An id that nobody else has.
    pub new_id: Uuid,
}

/// What follows from a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// To be committed, in this order; may be empty.
    pub events: Vec<Event>,
    /// To be done once they are committed.
    pub effects: Vec<Effect>,
}

/// Something to do in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Call Pioneer for this attempt.
    CallStep(AttemptId),
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

    /// The attempts that a worker has now.
    pub fn running_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.branches.values().filter_map(|branch| match branch {
            Branch::Running(place) => self.attempts.get(*place),
            Branch::Ready(_) => None,
        })
    }

    /// Whether a call to a worker is, or should be, open.
    pub fn has_open_call(&self) -> bool {
        self.status == Status::Running && self.running_attempts().next().is_some()
    }

    /// What it waits for, if it runs and nothing moves it but somebody's word.
    pub fn waiting_for(&self) -> Option<WaitingFor> {
        let idle = self.status == Status::Running && self.running_attempts().next().is_none();
        idle.then_some(WaitingFor::Next)
    }

    /// The step that runs or is next, or else the one that it failed at.
    pub fn current_step(&self) -> Option<&Step> {
        let place = match self.branches.values().next() {
            Some(Branch::Running(attempt)) => self.attempts.get(*attempt).map(|attempt| attempt.step),
            Some(Branch::Ready(step)) => Some(*step),
            None => self.failed_step,
        };
        place.and_then(|place| self.workflow.steps.get(place))
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

    /// The step that `named` names; where several share a handler, the one that runs.
    fn find_step(&self, named: &str) -> Option<usize> {
        self.workflow.find_step(named, |place| self.running_attempts().any(|attempt| attempt.step == place))
    }
}
