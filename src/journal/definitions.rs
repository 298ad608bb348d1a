//! Workflows: written through the journal's writer, read from their newest version.

use std::sync::Arc;

use entity::{step, workflow, workflow_version};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::writer::{DefinitionWrite, Job, Written};
use super::{Journal, JournalError};
use crate::domain::{StepId, Timestamp, Workflow, WorkflowId};

/// A page of workflows, oldest first.
#[derive(Debug)]
pub struct WorkflowPage {
    /// The workflows of the page.
    pub workflows: Vec<Arc<Workflow>>,
    /// How many there are in all.
    pub total: u64,
}

/// Why a definition was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionRefusal {
    /// Somebody else changed, made or deleted it since it was read: read it again.
    Changed,
    /// Executions of it are running or paused.
    LiveExecutions,
}

impl Journal {
    /// The newest version of a workflow that is not deleted.
    pub async fn workflow(&self, id: WorkflowId) -> Result<Option<Arc<Workflow>>, JournalError> {
        let changes = match self.0.caches.newest_workflow(id) {
            Ok(workflow) => return Ok(Some(workflow)),
            Err(changes) => changes,
        };
        let found = self.workflow_even_deleted(id).await?;
        let visible = found.filter(|(_, deleted)| !deleted).map(|(workflow, _)| workflow);
        if let Some(workflow) = &visible {
            self.0.caches.keep_newest(workflow, changes);
        }
        Ok(visible)
    }

    /// The newest version, of a deleted workflow too; the flag says whether it is deleted.
    pub async fn workflow_even_deleted(&self, id: WorkflowId) -> Result<Option<(Arc<Workflow>, bool)>, JournalError> {
        let Some(row) = workflow::Entity::find_by_id(id.0).one(&self.0.reads).await? else { return Ok(None) };
        let workflow = self.workflow_version(id, row.version.unsigned_abs()).await?;
        Ok(workflow.map(|workflow| (workflow, row.deleted_at.is_some())))
    }

    /// One version of a workflow, deleted or not.
    pub async fn workflow_version(&self, id: WorkflowId, version: u64) -> Result<Option<Arc<Workflow>>, JournalError> {
        if let Some(workflow) = self.0.caches.version(id, version) {
            return Ok(Some(workflow));
        }
        // A number beyond the database's range names no version.
        let Ok(number) = i64::try_from(version) else { return Ok(None) };
        let row = workflow_version::Entity::find_by_id((id.0, number)).one(&self.0.reads).await?;
        row.map(|row| self.read_definition(&row)).transpose()
    }

    /// The newest version of the visible workflow that has the step `id`.
    pub async fn workflow_of_step(&self, id: StepId) -> Result<Option<Arc<Workflow>>, JournalError> {
        let Some(row) = step::Entity::find_by_id(id.0).one(&self.0.reads).await? else { return Ok(None) };
        let workflow = self.workflow(WorkflowId(row.workflow_id)).await?;
        Ok(workflow.filter(|workflow| workflow.steps.iter().any(|step| step.id == id)))
    }

    /// A page of the workflows that are not deleted, oldest first.
    pub async fn workflows(&self, limit: u64, offset: u64) -> Result<WorkflowPage, JournalError> {
        let visible = workflow::Entity::find().filter(workflow::Column::DeletedAt.is_null());
        let total = visible.clone().count(&self.0.reads).await?;
        let rows = visible
            .order_by_asc(workflow::Column::CreatedAt)
            .order_by_asc(workflow::Column::Id)
            .limit(limit)
            .offset(offset)
            .all(&self.0.reads)
            .await?;
        let mut workflows = Vec::with_capacity(rows.len());
        for row in rows {
            workflows.extend(self.workflow_version(WorkflowId(row.id), row.version.unsigned_abs()).await?);
        }
        Ok(WorkflowPage { workflows, total })
    }

    /// Writes `workflow` (visible from then on) as the version after `after`; 0 for one that never was.
    pub async fn put_workflow(
        &self,
        workflow: Workflow,
        after: u64,
    ) -> Result<Result<Arc<Workflow>, DefinitionRefusal>, JournalError> {
        let workflow = Arc::new(workflow);
        let write = DefinitionWrite::Put { workflow: Arc::clone(&workflow), after };
        Ok(self.define(workflow.id, write).await?.map(|()| workflow))
    }

    /// Hides the workflow, unless executions of it live.
    pub async fn delete_workflow(
        &self,
        id: WorkflowId,
        version: u64,
        at: Timestamp,
    ) -> Result<Result<(), DefinitionRefusal>, JournalError> {
        self.define(id, DefinitionWrite::Delete { id, version, at }).await
    }

    async fn define(
        &self,
        id: WorkflowId,
        write: DefinitionWrite,
    ) -> Result<Result<(), DefinitionRefusal>, JournalError> {
        let journal = self.clone();
        // In a task of its own: whoever asked may give up, but once it is written what is known is void.
        let defining = tokio::spawn(async move {
            let written = journal.submitted(id.0, Job::Define(write)).await;
            // Also after an error: reading it again is cheap.
            journal.0.caches.forget_newest(id);
            written
        });
        let gone = |_| JournalError::Unavailable("its task has ended".to_owned());
        match defining.await.map_err(gone)?? {
            Written::Done | Written::Kept(_) => Ok(Ok(())),
            Written::Refused(refusal) => Ok(Err(refusal)),
        }
    }

    fn read_definition(&self, row: &workflow_version::Model) -> Result<Arc<Workflow>, JournalError> {
        let unreadable = |error: serde_json::Error| {
            let (id, version) = (row.workflow_id, row.version);
            JournalError::Database(format!("version {version} of workflow {id} cannot be read: {error}"))
        };
        let workflow: Arc<Workflow> = Arc::new(serde_json::from_str(&row.definition).map_err(unreadable)?);
        self.0.caches.keep_version(&workflow);
        Ok(workflow)
    }
}
