//! What an execution may be asked, and what follows.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::event::Event;
use crate::domain::id::AttemptId;
use crate::domain::outages::Outages;
use crate::domain::outcome::{Outcome, StepError};
use crate::domain::properties_patch::PropertiesPatch;
use crate::domain::report::{Completion, ProgressReport};
use crate::domain::time::Timestamp;

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
    /// A timer rang: do what is due by now.
    Wake,
    /// End it now.
    Cancel {
        /// Why, for those who watch.
        reason: String,
    },
    /// Go on after a failure or a cancellation.
    Retry {
        /// The name or handler of the step to go on from, where it is not the one that it ended at.
        from_step: Option<String>,
    },
    /// Complete it now, with this as its `completion_data`.
    Complete(Map<String, Value>),
    /// Stop moving because of this error of Discovery's own.
    Park(StepError),
}

impl Command {
    /// What it is called where operators see it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TakeOutcome { .. } => "take_outcome",
            Self::ReportProgress { .. } => "report_progress",
            Self::ReportCompletion { .. } => "report_completion",
            Self::Next => "next",
            Self::Pause { .. } => "pause",
            Self::Resume { .. } => "resume",
            Self::SetProperties(_) => "set_properties",
            Self::Recover => "recover",
            Self::Wake => "wake",
            Self::Cancel { .. } => "cancel",
            Self::Retry { .. } => "retry",
            Self::Complete(_) => "complete",
            Self::Park(_) => "park",
        }
    }
}

/// What the core may not find out by itself.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The time of the decision.
    pub now: Timestamp,
    /// An id that nobody else has.
    pub new_id: Uuid,
    /// A random number from 0 to 1.
    pub draw: f64,
    /// When no process was there: such time counts for no timeout.
    pub outages: &'a Outages,
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
    /// Break the call for this attempt off, if it is open.
    AbortCall(AttemptId),
}
