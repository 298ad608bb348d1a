//! The actors: one for each live execution, the registry that wakes and supervises them, the pool that they live on.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Command, Execution, ExecutionId, Mode, Rejection, StartData, Workflow};
use crate::journal::JournalError;
use crate::payload::Payload;

/// The edge's handle on all executions; clones share it.
#[derive(Clone, Debug)]
pub struct Runtime {}

/// What starts an execution.
#[derive(Debug)]
pub struct StartExecution {
    /// Its id, made by the caller, because references to its payloads hold it.
    pub id: ExecutionId,
    /// The version that it keeps to.
    pub workflow: Arc<Workflow>,
    /// The mode, where it is not the workflow's.
    pub mode: Option<Mode>,
    /// Its data, with references in place of long strings.
    pub data: StartData,
    /// The long strings.
    pub payloads: Vec<Payload>,
}

/// Why an execution did not do what it was asked.
#[derive(Debug)]
pub enum AskError {
    /// There is no such execution.
    Unknown,
    /// Its state forbids it.
    Rejected(Rejection),
    /// A bound was reached; the same may be asked again after this time.
    Overloaded {
        /// When to come back.
        retry_after: Duration,
        /// Which bound, as a sentence.
        detail: String,
    },
    /// The workflow was changed or deleted while the execution was being started: read it again.
    WorkflowChanged,
    /// The journal did not take it or did not answer in time.
    Unavailable(String),
}

impl From<JournalError> for AskError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::WorkflowChanged => Self::WorkflowChanged,
            JournalError::Conflict
            | JournalError::Unavailable(_)
            | JournalError::Database(_)
            | JournalError::Damaged(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl Runtime {
    /// Starts an execution; returns once it is durable.
    pub async fn start(&self, _start: StartExecution) -> Result<Arc<Execution>, AskError> {
        unimplemented!()
    }

    /// Hands `command` to the execution, waking it if it sleeps; returns its state once what follows is durable.
    pub async fn ask(
        &self,
        _id: ExecutionId,
        _command: Command,
        _payloads: Vec<Payload>,
    ) -> Result<Arc<Execution>, AskError> {
        unimplemented!()
    }

    /// The committed state of an execution, from its actor if it lives and from the journal if not.
    pub async fn view(&self, _id: ExecutionId) -> Result<Arc<Execution>, AskError> {
        unimplemented!()
    }

    /// Waits until `done` is true of the execution's committed state (looked at after each of its events).
    pub async fn until(
        &self,
        _id: ExecutionId,
        _done: impl Fn(&Execution) -> bool,
    ) -> Result<Arc<Execution>, AskError> {
        unimplemented!()
    }

    /// How many subscribers watch the execution.
    pub fn watchers(&self, _id: ExecutionId) -> usize {
        unimplemented!()
    }

    /// How many executions have an actor.
    pub fn live(&self) -> usize {
        unimplemented!()
    }
}
