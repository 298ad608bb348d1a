//! `discovery_idempotency_keys`: which execution a client's key started.

use sea_orm::entity::prelude::*;

/// The fact that an execution was started with a client's key, which starts no other of its workflow.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_idempotency_keys")]
pub struct Model {
    /// The workflow that the key belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workflow_id: Uuid,
    /// The key, as the client gave it.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub key: String,
    /// What was asked for, as a SHA-256: 32 raw bytes.
    #[sea_orm(column_type = "Blob")]
    pub request_hash: Vec<u8>,
    /// The execution that it started.
    pub execution_id: Uuid,
    /// The execution that it started, and that the key goes away with.
    #[sea_orm(belongs_to, from = "execution_id", to = "id", on_delete = "Cascade")]
    pub execution: BelongsTo<super::workflow_execution::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
