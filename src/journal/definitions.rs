//! Workflows: written through the journal's writer, read from their newest version.

use std::sync::Arc;

use super::{Journal, JournalError};
use crate::domain::{StepId, Workflow, WorkflowId};

/// A page of workflows, oldest first.
#[derive(Debug)]
pub struct WorkflowPage {
    /// The workflows of the page.
    pub workflows: Vec<Arc<Workflow>>,
    /// How many there are in all.
    pub total: u64,
}

/// Why a definition was not written.
#[derive(Debug, PartialEq, Eq)]
pub enum DefinitionRefusal {
    /// Somebody else changed, made or deleted it since it was read: read it again.
    Changed,
    /// Executions of it are running or paused.
    LiveExecutions,
}

impl Journal {
    /// The newest version of a workflow that is not deleted.
    pub async fn workflow(&self, _id: WorkflowId) -> Result<Option<Arc<Workflow>>, JournalError> {
        unimplemented!()
    }

    /// The newest version, of a deleted workflow too; the flag says whether it is deleted.
    pub async fn workflow_even_deleted(&self, _id: WorkflowId) -> Result<Option<(Arc<Workflow>, bool)>, JournalError> {
        unimplemented!()
    }

    /// The newest version of the visible workflow that has the step `id`.
    pub async fn workflow_of_step(&self, _id: StepId) -> Result<Option<Arc<Workflow>>, JournalError> {
        unimplemented!()
    }

    /// A page of the workflows that are not deleted, oldest first.
    pub async fn workflows(&self, _limit: u64, _offset: u64) -> Result<WorkflowPage, JournalError> {
        unimplemented!()
    }

    /// Writes `workflow` (visible from then on) as the version after `after`; 0 for one that never was.
    pub async fn put_workflow(
        &self,
        _workflow: Workflow,
        _after: u64,
    ) -> Result<Result<Arc<Workflow>, DefinitionRefusal>, JournalError> {
        unimplemented!()
    }

    /// Hides the workflow, unless executions of it live.
    pub async fn delete_workflow(
        &self,
        _id: WorkflowId,
        _version: u64,
    ) -> Result<Result<(), DefinitionRefusal>, JournalError> {
        unimplemented!()
    }
}
