//! Events: what is committed, published and folded.
//!
//! An event has a public part, its JSON text as clients see it, and may have a private part: what folding needs beyond
//! that. The private fields are those with `skip_serializing`; they are written as an object of their own.

mod body;
mod text;

use serde::{Deserialize, Serialize};

use super::id::ExecutionId;
use super::time::Timestamp;
use text::{ObjectText, PrivateJson, splice};

pub use body::{
    MaxVisitsExceeded, Properties, StepCompleted, StepFailed, StepFinished, StepProgress, StepStarted, StepWaiting,
    WorkflowCancelled, WorkflowCompleted, WorkflowFailed, WorkflowPaused, WorkflowPausing, WorkflowResumed,
    WorkflowStarted,
};

/// Something that happened to an execution, with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// 1, 2, 3 … within the execution.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub body: EventBody,
}

/// What happened. The variants' names, in snake case, are the events' names on the wire.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant's payload says what it means")]
pub enum EventBody {
    WorkflowStarted(WorkflowStarted),
    StepStarted(StepStarted),
    StepProgress(StepProgress),
    StepCompleted(StepCompleted),
    StepWaiting(StepWaiting),
    StepError(StepFailed),
    StepFinished(StepFinished),
    MaxVisitsExceeded(MaxVisitsExceeded),
    WorkflowPausing(WorkflowPausing),
    WorkflowPaused(WorkflowPaused),
    WorkflowResumed(WorkflowResumed),
    WorkflowCancelled(WorkflowCancelled),
    WorkflowCompleted(WorkflowCompleted),
    WorkflowFailed(WorkflowFailed),
    ExecutionPropertiesUpdated(Properties),
}

/// A stored event cannot be read: it was written by another version, or damaged.
#[derive(Debug)]
pub struct FoldError {
    /// Where in the log.
    pub seq: u64,
    /// What is wrong with it.
    pub detail: String,
}

impl std::fmt::Display for FoldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "event {} of the log cannot be read: {}", self.seq, self.detail)
    }
}

impl std::error::Error for FoldError {}

/// The head that every event has on the wire, before its own fields.
#[derive(Serialize)]
struct Head<'a> {
    event: &'static str,
    execution_id: &'a ExecutionId,
    seq: u64,
    timestamp: Timestamp,
}

#[derive(Deserialize)]
struct StoredHead {
    timestamp: Timestamp,
}

impl EventBody {
    /// The event's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WorkflowStarted(_) => "workflow_started",
            Self::StepStarted(_) => "step_started",
            Self::StepProgress(_) => "step_progress",
            Self::StepCompleted(_) => "step_completed",
            Self::StepWaiting(_) => "step_waiting",
            Self::StepError(_) => "step_error",
            Self::StepFinished(_) => "step_finished",
            Self::MaxVisitsExceeded(_) => "max_visits_exceeded",
            Self::WorkflowPausing(_) => "workflow_pausing",
            Self::WorkflowPaused(_) => "workflow_paused",
            Self::WorkflowResumed(_) => "workflow_resumed",
            Self::WorkflowCancelled(_) => "workflow_cancelled",
            Self::WorkflowCompleted(_) => "workflow_completed",
            Self::WorkflowFailed(_) => "workflow_failed",
            Self::ExecutionPropertiesUpdated(_) => "execution_properties_updated",
        }
    }

    /// Whether it ends the execution: only one of properties can follow, or, after a failure or a cancellation, the
    /// resumption that a retry is.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::WorkflowCompleted(_) | Self::WorkflowFailed(_) | Self::WorkflowCancelled(_))
    }

    fn write(&self, text: &mut ObjectText) -> serde_json::Result<()> {
        match self {
            Self::WorkflowStarted(body) => text.join(body),
            Self::StepStarted(body) => text.join(body),
            Self::StepProgress(body) => text.join(body),
            Self::StepCompleted(body) => text.join(body),
            Self::StepWaiting(body) => text.join(body),
            Self::StepError(body) => text.join(body),
            Self::StepFinished(body) => text.join(body),
            Self::MaxVisitsExceeded(body) => text.join(body),
            Self::WorkflowPausing(body) => text.join(body),
            Self::WorkflowPaused(body) => text.join(body),
            Self::WorkflowResumed(body) => text.join(body),
            Self::WorkflowCancelled(body) => text.join(body),
            Self::WorkflowCompleted(body) => text.join(body),
            Self::WorkflowFailed(body) => text.join(body),
            Self::ExecutionPropertiesUpdated(body) => text.join(body),
        }
    }

    /// The private part as JSON, where there is one.
    ///
    /// # Errors
    ///
    /// None in practice: every private field is JSON already.
    pub fn private_json(&self) -> serde_json::Result<Option<String>> {
        let mut object = PrivateJson::default();
        match self {
            Self::WorkflowStarted(body) => {
                object.put("workflow_version", &body.workflow_version)?;
                object.put("initial_context", &body.initial_context)?;
            }
            Self::StepStarted(body) => {
                object.put("attempt_id", &body.attempt_id)?;
                object.put_some("tries", body.tries.as_ref())?;
                object.put_some("context", body.context.as_ref())?;
            }
            Self::StepWaiting(body) => object.put("sent_at", &body.sent_at)?,
            Self::StepError(body) => {
                object.put_some("output", body.output.as_ref())?;
                object.put_some("last_progress", body.last_progress.as_ref())?;
            }
            Self::StepFinished(body) => {
                object.put_some("next_id", body.next_id.as_ref())?;
                object.put_some("output", body.output.as_ref())?;
                object.put_some("last_progress", body.last_progress.as_ref())?;
            }
            Self::WorkflowPaused(body) => {
                object.put_some("error", body.error.as_ref())?;
                object.put_some("next_id", body.next_id.as_ref())?;
                object.put_some("context", body.context.as_ref())?;
            }
            Self::WorkflowCancelled(body) => object.put_some("last_progress", body.last_progress.as_ref())?,
            Self::WorkflowFailed(body) => object.put_some("failed_step_id", body.failed_step_id.as_ref())?,
            Self::StepProgress(_)
            | Self::StepCompleted(_)
            | Self::MaxVisitsExceeded(_)
            | Self::WorkflowPausing(_)
            | Self::WorkflowResumed(_)
            | Self::WorkflowCompleted(_)
            | Self::ExecutionPropertiesUpdated(_) => {}
        }
        Ok(object.finish())
    }
}

impl Event {
    /// The event's text as every client sees it, and as it is stored.
    ///
    /// # Errors
    ///
    /// None in practice: every field is JSON already.
    pub fn public_json(&self, execution_id: ExecutionId) -> serde_json::Result<String> {
        let head = Head { event: self.body.name(), execution_id: &execution_id, seq: self.seq, timestamp: self.at };
        let mut text = ObjectText::of(&head)?;
        self.body.write(&mut text)?;
        text.finish()
    }

    /// Reads an event back from its stored parts.
    pub fn from_stored(seq: u64, public: &str, private: Option<&str>) -> Result<Self, FoldError> {
        let unreadable = |error: serde_json::Error| FoldError { seq, detail: error.to_string() };
        if !(public.starts_with('{') && public.ends_with('}')) {
            return Err(FoldError { seq, detail: "it is no JSON object".to_owned() });
        }
        let head: StoredHead = serde_json::from_str(public).map_err(unreadable)?;
        let body = match private {
            Some(private) => serde_json::from_str(&splice(public, private)),
            None => serde_json::from_str(public),
        };
        Ok(Self { seq, at: head.timestamp, body: body.map_err(unreadable)? })
    }
}
