//! The pure core: definitions, the execution state machine, events and their arithmetic.
//!
//! No clock, no randomness, no I/O: whatever comes from the world comes in as an argument. A [`Command`] and the state
//! of an [`Execution`] give a [`Decision`]: the events that follow, and what to do once they are committed. Folding the
//! events with [`Execution::apply`] gives the state again.
//!
//! | module | holds |
//! | --- | --- |
//! | `definition`, `draft`, `retry` | workflows and steps, how they are read from JSON, and when a failed attempt is tried again |
//! | `execution` | the state machine: `decide`, `apply`, and the figures of its progress |
//! | `event` | what is committed, published and folded |
//! | `context`, `report`, `outcome` | what data, workers' reports and workers' answers are |
//! | `outages` | when no process was there |
//! | `id`, `idempotency`, `name`, `time`, `invalid`, `fields` | small types that cannot hold a bad value, and how bad values are told |

mod context;
mod definition;
mod draft;
mod event;
mod execution;
mod fields;
mod id;
mod idempotency;
mod invalid;
mod name;
mod outages;
mod outcome;
#[cfg(test)]
mod properties;
mod properties_patch;
mod report;
mod retry;
mod time;

pub use context::{Context, JSON_DEPTH_MAX, PAYLOAD_KEY, StartData, contains_payload, is_deeper_than};
pub use definition::{EditError, Mode, Step, Workflow};
pub use draft::{StepDraft, WorkflowDraft, parse_mode};
pub use event::{
    Event, EventBody, FoldError, MaxVisitsExceeded, Properties, StepCompleted, StepFailed, StepFinished, StepProgress,
    StepStarted, StepWaiting, WorkflowCancelled, WorkflowCompleted, WorkflowFailed, WorkflowPaused, WorkflowPausing,
    WorkflowResumed, WorkflowStarted,
};
pub use execution::{
    Attempt, AttemptStatus, Branch, BranchPath, CallPhase, Command, Decision, Effect, Execution, Given, OpenCall,
    Progress, Rejection, Status, Surroundings, WaitingFor, Why,
};
pub use id::{AttemptId, ExecutionId, StepId, WorkflowId};
pub use idempotency::IdempotencyKey;
pub use invalid::{FieldError, Invalid};
pub use name::{Handler, Name};
pub use outages::{OUTAGE_MEMORY, OUTAGES_MAX, Outage, Outages};
pub use outcome::{Answer, ERROR_MESSAGE_BYTES_MAX, ERROR_TYPE_BYTES_MAX, Failure, Outcome, StepError, error_type};
pub use properties_patch::PropertiesPatch;
pub use report::{Completion, ProgressReport, Text};
pub use retry::{OnExhausted, RetryPolicy, RetryVerdict};
pub use time::{Seconds, Timestamp};
