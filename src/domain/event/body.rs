//! What each event says.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::domain::context::Context;
use crate::domain::definition::Mode;
use crate::domain::execution::WaitingFor;
use crate::domain::id::{AttemptId, StepId, WorkflowId};
use crate::domain::outcome::StepError;
use crate::domain::report::{Completion, ProgressReport};
use crate::domain::time::Timestamp;

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
    /// Private: which try of the present retry budget it is, where that is not `attempt`.
    #[serde(default, skip_serializing)]
    pub tries: Option<u32>,
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

/// The worker took an attempt over, and will report its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct StepWaiting {
    /// The handler.
    pub step: String,
    pub step_name: String,
    /// Always `callback`.
    pub waiting_for: WaitingFor,
    /// Private: when the request was sent; its timeout counts from then.
    #[serde(skip_serializing)]
    pub sent_at: Timestamp,
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

/// Somebody ended the execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct WorkflowCancelled {
    pub reason: String,
    /// Private: the newest report of the attempt that it cut off, so that folding can leave the older ones out.
    #[serde(default, skip_serializing)]
    pub last_progress: Option<ProgressReport>,
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
