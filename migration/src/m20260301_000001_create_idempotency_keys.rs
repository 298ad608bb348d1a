//! Which execution a client's key started.

use entity::idempotency_key::{Column, Entity};
use sea_orm_migration::prelude::*;

use crate::tables::{create_table, drop_table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, Entity).await?;
        // An execution that is deleted looks for its key here.
        let mut by_execution = Index::create();
        by_execution
            .name("idx_discovery_idempotency_keys_execution_id")
            .table(Entity)
            .col(Column::ExecutionId)
            .unique();
        manager.create_index(by_execution).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, Entity).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
