//! What became of a call to a worker.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::context::Context;
use super::time::{Seconds, Timestamp};

/// Error messages are cut at this many bytes of UTF-8.
pub const ERROR_MESSAGE_BYTES_MAX: usize = 8 * 1024;
/// The longest type that an error may be given by a step, in bytes of UTF-8.
pub const ERROR_TYPE_BYTES_MAX: usize = 256;

/// The error types that Discovery itself names; a worker's error body may name others.
pub mod error_type {
    /// The worker answered with an error status.
    pub const HTTP_STATUS: &str = "HttpStatus";
    /// No connection, or one that broke before the answer was whole.
    pub const CONNECTION_FAILED: &str = "ConnectionFailed";
    /// The attempt took longer than the step's `timeout_seconds`, or the execution longer than the workflow's.
    pub const TIMEOUT: &str = "Timeout";
    /// The attempt reported nothing for longer than the step's `heartbeat_timeout_seconds`.
    pub const HEARTBEAT_TIMEOUT: &str = "HeartbeatTimeout";
    /// The answer is not what the protocol asks for.
    pub const INVALID_ANSWER: &str = "InvalidAnswer";
    /// The worker reported that the step did not succeed.
    pub const STEP_FAILED: &str = "StepFailed";
    /// `next` names no step of the workflow.
    pub const UNKNOWN_STEP: &str = "UnknownStep";
    /// A step was to be entered more often than its `max_visits` allows.
    pub const MAX_VISITS_EXCEEDED: &str = "MaxVisitsExceeded";
    /// The execution's actor crashed again and again.
    pub const ACTOR_CRASH_LOOP: &str = "ActorCrashLoop";
}

/// Why an attempt or an execution failed, as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    /// One of [`error_type`], or what the worker's error body names.
    #[serde(rename = "type")]
    pub kind: String,
    /// A sentence for people, cut at [`ERROR_MESSAGE_BYTES_MAX`].
    pub message: String,
    /// The status of the worker's answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl StepError {
    /// An error of this type; a long message is cut between two characters.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: cut(message.into()), status: None }
    }
}

/// `message`, cut between two characters where it is too long for an error.
pub(super) fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(ERROR_MESSAGE_BYTES_MAX));
    message
}

/// A failed attempt, with what the retry policy needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What clients see.
    pub error: StepError,
    /// Whether another attempt could change it.
    pub retryable: bool,
    /// The least wait that the worker asked for.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure that another attempt may mend.
    pub fn retryable(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error: StepError::new(kind, message), retryable: true, retry_after: None }
    }

    /// A failure that no attempt can mend.
    pub fn fatal(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { retryable: false, ..Self::retryable(kind, message) }
    }

    /// The attempt took longer than its step allows.
    pub fn timed_out(timeout: Seconds) -> Self {
        let message = format!("The step did not end within {} s.", timeout.as_f64());
        Self::retryable(error_type::TIMEOUT, message)
    }

    /// The attempt reported nothing for longer than its step allows.
    pub fn fell_silent(timeout: Seconds) -> Self {
        let message = format!("The step reported nothing for {} s.", timeout.as_f64());
        Self::retryable(error_type::HEARTBEAT_TIMEOUT, message)
    }

    /// The same with the status of the worker's answer.
    pub fn with_status(mut self, status: u16) -> Self {
        self.error.status = Some(status);
        self
    }
}

/// What a worker answered, or a report said in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What is merged into the execution's context.
    pub context: Context,
    /// The name or handler of the step to go to, where the worker named one.
    pub next: Option<String>,
    /// The answer as it came, for the step history.
    pub output: Value,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The step did its work.
    Answered(Answer),
    /// The worker goes on with it elsewhere, and reports its end (the 202 answer).
    Accepted {
        /// When the request was sent.
        sent_at: Timestamp,
    },
    /// It did not.
    Failed(Failure),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_two_characters() {
        let error = StepError::new(error_type::STEP_FAILED, format!("x{}", "ñ".repeat(8 * 1024)));
        assert_eq!(error.message.len(), ERROR_MESSAGE_BYTES_MAX - 1);
    }
}
