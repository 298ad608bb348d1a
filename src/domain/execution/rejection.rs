//! Why an execution refuses what it is asked.

use std::fmt;

use super::Status;

/// Why a command is refused. `Display` gives the sentence that clients read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The workflow has no steps to run.
    NoSteps,
    /// The execution moves no more.
    Ended(Status),
    /// The execution is paused.
    Paused,
    /// The step is not running.
    StepNotRunning(String),
    /// The step has reported another completion before.
    AlreadyCompleted(String),
    /// The workflow has no such step; these are the names that it has.
    UnknownStep {
        /// What was asked for.
        step: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Only a manual execution is moved by hand.
    NotManual,
    /// The step before has not ended yet.
    StepStillRunning(String),
    /// The outcome of an attempt that is not the current one.
    StaleAttempt,
    /// Only what failed or was cancelled is tried again.
    NothingToRetry(Status),
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSteps => f.write_str("The workflow has no steps, so there is nothing to execute."),
            Self::Ended(Status::Completed) => f.write_str("The execution has completed already."),
            Self::Ended(Status::Failed) => f.write_str("The execution has failed already."),
            Self::Ended(Status::Cancelled) => f.write_str("The execution was cancelled already."),
            Self::Ended(Status::Running | Status::Paused) => f.write_str("The execution has not ended."),
            Self::Paused => f.write_str("The execution is paused."),
            Self::StepNotRunning(step) => write!(f, "Step '{step}' is not running."),
            Self::AlreadyCompleted(step) => write!(f, "Step '{step}' has reported another completion already."),
            Self::UnknownStep { step, known } => {
                write!(f, "The workflow has no step '{step}'; it has: {}.", known.join(", "))
            }
            Self::NotManual => f.write_str("The execution runs in automatic mode, so it takes no `next`."),
            Self::StepStillRunning(step) => write!(f, "Step '{step}' is still running."),
            Self::NothingToRetry(status) => {
                write!(f, "Only a failed or cancelled execution can be retried; this one is {}.", status.as_str())
            }
            Self::StaleAttempt => f.write_str("The attempt is no longer the current one."),
        }
    }
}

impl std::error::Error for Rejection {}
