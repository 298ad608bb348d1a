//! Reads of executions, their events and payloads: always of what is committed.

use serde_json::Value;
use uuid::Uuid;

use super::{Journal, JournalError};
use crate::domain::{ExecutionId, Status, Timestamp, WorkflowId};
use crate::payload::{Payloads, Sha256Hash};

/// Which executions a list shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecutionFilter {
    /// Only those of this workflow.
    pub workflow_id: Option<WorkflowId>,
    /// Only those with this status.
    pub status: Option<Status>,
    /// Only those created after this moment.
    pub created_after: Option<Timestamp>,
    /// Only those created before this moment.
    pub created_before: Option<Timestamp>,
}

/// The execution behind which a page begins: lists go from the newest to the oldest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    /// When it was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: ExecutionId,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PageStart {
    /// After so many executions.
    Offset(u64),
    /// Behind this one.
    Behind(Cursor),
}

/// An execution's row: all of it where it ended, and as of its last start, wait or pause where it lives.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionRow {
    /// The execution.
    pub id: ExecutionId,
    /// Its workflow.
    pub workflow_id: WorkflowId,
    /// Its status.
    pub status: Status,
    /// The wire's word for its mode.
    pub mode: String,
    /// Its data.
    pub context: Value,
    /// Set by clients.
    pub additional_data: Option<Value>,
    /// Set by clients.
    pub custom_status: Option<String>,
    /// The step that it is at.
    pub current_step_id: Option<Uuid>,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// A page of executions, newest first.
#[derive(Debug)]
pub struct ExecutionPage {
    /// The rows of the page.
    pub rows: Vec<ExecutionRow>,
    /// How many the filter lets through in all.
    pub total: u64,
    /// Whether more follow.
    pub has_more: bool,
}

impl Journal {
    /// A page of executions.
    pub async fn executions(
        &self,
        _filter: &ExecutionFilter,
        _start: PageStart,
        _limit: u64,
    ) -> Result<ExecutionPage, JournalError> {
        unimplemented!()
    }

    /// The public texts of the events after `after`, oldest first; `None` for an unknown execution.
    pub async fn events(
        &self,
        _id: ExecutionId,
        _after: u64,
        _limit: u64,
    ) -> Result<Option<Vec<String>>, JournalError> {
        unimplemented!()
    }

    /// A long string that belongs to this execution.
    pub async fn payload(&self, _id: ExecutionId, _hash: Sha256Hash) -> Result<Option<String>, JournalError> {
        unimplemented!()
    }

    /// The long strings of these names, as far as they are there.
    pub async fn payloads(&self, _hashes: &[Sha256Hash]) -> Result<Payloads, JournalError> {
        unimplemented!()
    }
}
