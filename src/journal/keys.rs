//! Which execution a client's key started.

use entity::idempotency_key;
use sea_orm::EntityTrait;

use super::{Journal, JournalError};
use crate::domain::{ExecutionId, IdempotencyKey, WorkflowId};
use crate::payload::Sha256Hash;

/// What an execution is started with, so that the same start happens once.
#[derive(Clone, Debug, PartialEq)]
pub struct StartKey {
    /// The client's name for the start.
    pub key: IdempotencyKey,
    /// What is asked for.
    pub request: Sha256Hash,
}

/// What a key has started.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StartedWithKey {
    /// The execution.
    pub execution: ExecutionId,
    /// What was asked for.
    pub request: Sha256Hash,
}

impl Journal {
    /// What `key` has started of `workflow`, be that changed or deleted since.
    pub async fn started_with(
        &self,
        workflow: WorkflowId,
        key: &IdempotencyKey,
    ) -> Result<Option<StartedWithKey>, JournalError> {
        let find = idempotency_key::Entity::find_by_id((workflow.0, key.as_str().to_owned()));
        let Some(row) = find.one(&self.0.reads).await? else { return Ok(None) };
        let damaged = |_| JournalError::Database(format!("the hash of the start of {} is damaged", row.execution_id));
        let request = Sha256Hash(row.request_hash.try_into().map_err(damaged)?);
        Ok(Some(StartedWithKey { execution: ExecutionId(row.execution_id), request }))
    }
}
