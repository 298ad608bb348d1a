//! Events: what is committed, published and folded.
//!
//! An event has a public part, its JSON text as clients see it, and may have a private part: what folding needs beyond
//! that. The private fields are those with `skip_serializing`; they are written as an object of their own.

use std::sync::Arc;

mod text;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::context::Context;
use super::definition::Mode;
use super::id::{AttemptId, ExecutionId, StepId, WorkflowId};
use super::outcome::StepError;
use super::report::{Completion, ProgressReport};
use super::time::Timestamp;
use text::{PrivateJson, splice};

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
    StepError(StepFailed),
    StepFinished(StepFinished),
    MaxVisitsExceeded(MaxVisitsExceeded),
    WorkflowPausing(WorkflowPausing),
    WorkflowPaused(WorkflowPaused),
    WorkflowResumed(WorkflowResumed),
    WorkflowCompleted(WorkflowCompleted),
    WorkflowFailed(WorkflowFailed),
    ExecutionPropertiesUpdated(Properties),
}

/// The execution exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct WorkflowStarted {
    pub workflow_id: WorkflowId,
    pub workflow_name: String,
    pub mode: Mode,
    pub total_steps: usize,
    /// Private: the version that the execution keeps.
    #[serde(skip_serializing)]
    pub workflow_version: u64,
    /// Private: what the context begins as.
    #[serde(skip_serializing)]
    pub initial_context: Context,
}

/// An attempt at a step began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct StepStarted {
    /// The handler.
    pub step: String,
    pub step_name: String,
    pub step_id: StepId,
    pub order: u32,
    pub attempt: u32,
    pub visit: u32,
    /// Private: the id of the attempt's row.
    #[serde(skip_serializing)]
    pub attempt_id: AttemptId,
    /// Private: the context as it was found then, where the log before does not tell it: it was written elsewhere.
    #[serde(default, skip_serializing)]
    pub context: Option<Context>,
}

/// A running step told how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct StepProgress {
    /// As the report named the step.
    pub step_name: String,
    /// The handler.
    pub step: String,
    pub progress: ProgressReport,
    pub overall_percentage: f64,
}

/// A running step reported its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct StepCompleted {
    /// As the report named the step.
    pub step_name: String,
    /// The handler.
    pub step: String,
    pub result: Completion,
}

/// An attempt failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct StepFailed {
    /// The handler.
    pub step: String,
    pub step_name: String,
    pub error: StepError,
    pub attempt: u32,
    /// When it is tried again, or null where it is not.
    pub retry_in_seconds: Option<f64>,
    /// Private: what the worker left behind all the same.
    #[serde(default, skip_serializing)]
    pub output: Option<Value>,
    /// Private: the attempt's newest report, so that folding can leave the older ones out.
    #[serde(default, skip_serializing)]
    pub last_progress: Option<ProgressReport>,
}

/// An attempt did its work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct StepFinished {
    /// The handler.
    pub step: String,
    pub step_name: String,
    /// Always `success`.
    pub status: String,
    /// What the step added to the context or changed in it.
    pub context: Context,
    pub duration_seconds: f64,
    /// The handler of the step that follows.
    pub next: Option<String>,
    /// Private: the step that follows; its handler alone may be shared.
    #[serde(default, skip_serializing)]
    pub next_id: Option<StepId>,
    /// Private: the answer as it came, where `context` does not tell it.
    #[serde(default, skip_serializing, deserialize_with = "present")]
    pub output: Option<Value>,
    /// Private: the attempt's newest report, so that folding can leave the older ones out.
    #[serde(default, skip_serializing)]
    pub last_progress: Option<ProgressReport>,
}

/// Reads a field that is there, so that a null is an answer too and not a missing one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A step was to be entered once too often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct MaxVisitsExceeded {
    /// The handler.
    pub step: String,
    pub step_name: String,
    pub max_visits: u32,
}

/// A pause was asked for; it takes effect when the running step has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct WorkflowPausing {
    pub reason: String,
}

/// The execution moves again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct WorkflowResumed {
    pub reason: String,
}

/// What clients attached to an execution; the event tells both fields as they are from then on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Properties {
    /// An object that means nothing to Discovery; empty where nothing was attached.
    pub additional_data: Arc<Map<String, Value>>,
    /// A status of the clients' own.
    pub custom_status: Option<Arc<str>>,
}

/// Nothing more is done for now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct WorkflowPaused {
    pub reason: String,
    /// Private: what made Discovery pause it.
    #[serde(default, skip_serializing)]
    pub error: Option<StepError>,
    /// Private: the step that it stands before, where the log before does not tell it.
    #[serde(default, skip_serializing)]
    pub next_id: Option<StepId>,
    /// Private: the context as it was found then, where the log before does not tell it.
    #[serde(default, skip_serializing)]
    pub context: Option<Context>,
}

/// The last step is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct WorkflowCompleted {
    pub final_context: Context,
    pub completion_reason: String,
    pub duration_seconds: f64,
}

/// The execution cannot go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct WorkflowFailed {
    pub final_context: Context,
    pub error: StepError,
    /// The name of the step that failed.
    pub failed_step: Option<String>,
    /// Private: its id.
    #[serde(default, skip_serializing)]
    pub failed_step_id: Option<StepId>,
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
            Self::StepError(_) => "step_error",
            Self::StepFinished(_) => "step_finished",
            Self::MaxVisitsExceeded(_) => "max_visits_exceeded",
            Self::WorkflowPausing(_) => "workflow_pausing",
            Self::WorkflowPaused(_) => "workflow_paused",
            Self::WorkflowResumed(_) => "workflow_resumed",
            Self::WorkflowCompleted(_) => "workflow_completed",
            Self::WorkflowFailed(_) => "workflow_failed",
            Self::ExecutionPropertiesUpdated(_) => "execution_properties_updated",
        }
    }

    /// Whether no event but one of properties can follow.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::WorkflowCompleted(_) | Self::WorkflowFailed(_))
    }

    fn public_json(&self) -> serde_json::Result<String> {
        match self {
            Self::WorkflowStarted(body) => serde_json::to_string(body),
            Self::StepStarted(body) => serde_json::to_string(body),
            Self::StepProgress(body) => serde_json::to_string(body),
            Self::StepCompleted(body) => serde_json::to_string(body),
            Self::StepError(body) => serde_json::to_string(body),
            Self::StepFinished(body) => serde_json::to_string(body),
            Self::MaxVisitsExceeded(body) => serde_json::to_string(body),
            Self::WorkflowPausing(body) => serde_json::to_string(body),
            Self::WorkflowPaused(body) => serde_json::to_string(body),
            Self::WorkflowResumed(body) => serde_json::to_string(body),
            Self::WorkflowCompleted(body) => serde_json::to_string(body),
            Self::WorkflowFailed(body) => serde_json::to_string(body),
            Self::ExecutionPropertiesUpdated(body) => serde_json::to_string(body),
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
                object.put_some("context", body.context.as_ref())?;
            }
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
        Ok(splice(&serde_json::to_string(&head)?, &self.body.public_json()?))
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
