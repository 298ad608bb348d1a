//! Where an execution is in its life, and what it waits for.

use serde::{Deserialize, Serialize};

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

/// What a running execution waits for when no call of it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// Manual mode: for somebody to ask for the next step.
    Next,
    /// For the report of a step that runs elsewhere.
    Callback,
    /// For the time at which a failed step is tried again.
    Retry,
}

impl WaitingFor {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Callback => "callback",
            Self::Retry => "retry",
        }
    }
}
