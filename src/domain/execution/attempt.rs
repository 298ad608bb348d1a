//! One try at a step, and where a line of steps stands.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::domain::context::Context;
use crate::domain::id::AttemptId;
use crate::domain::outcome::StepError;
use crate::domain::report::{Completion, ProgressReport};
use crate::domain::time::Timestamp;

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
    /// The execution ended before it did.
    Cancelled,
}

impl AttemptStatus {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
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
    /// Counts the tries of the present retry budget, from 1: less than `attempt` where somebody had the step tried anew.
    pub tries: u32,
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

/// Where a branch stands. The numbers are places in the list of attempts, but for that of [`Branch::Ready`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// This attempt's call is, or should be, open.
    Running(usize),
    /// The worker took this attempt over: its end will be reported.
    Elsewhere {
        /// The attempt.
        attempt: usize,
        /// Since when its timeout counts: the moment that the request was sent.
        sent_at: Timestamp,
        /// When it was heard of last.
        heard_at: Timestamp,
    },
    /// An attempt failed; the step is tried again.
    Retrying {
        /// The attempt that failed.
        failed: usize,
        /// When it is tried again.
        due: Timestamp,
        /// How many tries of the retry budget are used up.
        tries: u32,
    },
    /// This step (a place in the definition's list) is next and was not asked for yet.
    Ready(usize),
}

impl Branch {
    /// The attempt that a worker has.
    pub(super) fn attempt(&self) -> Option<usize> {
        match self {
            Self::Running(attempt) | Self::Elsewhere { attempt, .. } => Some(*attempt),
            Self::Retrying { .. } | Self::Ready(_) => None,
        }
    }

    /// The place of its step in the definition's list.
    pub(super) fn step(&self, attempts: &[Attempt]) -> Option<usize> {
        match self {
            Self::Running(attempt) | Self::Elsewhere { attempt, .. } | Self::Retrying { failed: attempt, .. } => {
                attempts.get(*attempt).map(|attempt| attempt.step)
            }
            Self::Ready(step) => Some(*step),
        }
    }
}
