//! The first schema: every table as its entity defines it, and the indexes that the reads need.

use entity::{
    execution_event, execution_payload, payload, step, step_execution, workflow, workflow_execution, workflow_version,
};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::EntityTrait;

use crate::tables::{create_table, drop_table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_definition_tables(manager).await?;
        create_execution_tables(manager).await?;
        create_definition_indexes(manager).await?;
        create_execution_indexes(manager).await?;
        create_wake_index(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, execution_payload::Entity).await?;
        drop_table(manager, payload::Entity).await?;
        drop_table(manager, execution_event::Entity).await?;
        drop_table(manager, step_execution::Entity).await?;
        drop_table(manager, workflow_execution::Entity).await?;
        drop_table(manager, workflow_version::Entity).await?;
        drop_table(manager, step::Entity).await?;
        drop_table(manager, workflow::Entity).await
    }

    /// SQLite too: a half-made schema could be neither used nor made again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn create_definition_tables(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    create_table(manager, workflow::Entity).await?;
    create_table(manager, step::Entity).await?;
    create_table(manager, workflow_version::Entity).await
}

async fn create_execution_tables(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    create_table(manager, workflow_execution::Entity).await?;
    create_table(manager, step_execution::Entity).await?;
    create_table(manager, execution_event::Entity).await?;
    create_table(manager, payload::Entity).await?;
    create_table(manager, execution_payload::Entity).await
}

async fn create_definition_indexes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use {step::Column as Step, workflow::Column as Workflow};

    let by_age = [Workflow::CreatedAt, Workflow::Id];
    create_index(manager, "idx_discovery_workflows_created_at", workflow::Entity, by_age).await?;
    let in_order = [Step::WorkflowId, Step::Order];
    create_index(manager, "idx_discovery_steps_workflow_id", step::Entity, in_order).await
}

async fn create_execution_indexes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use {step_execution::Column as Attempt, workflow_execution::Column as Execution};
    let executions = workflow_execution::Entity;

    let by_age = [Execution::CreatedAt, Execution::Id];
    create_index(manager, "idx_discovery_workflow_executions_created_at", executions, by_age).await?;
    let by_status = [Execution::Status, Execution::CreatedAt, Execution::Id];
    create_index(manager, "idx_discovery_workflow_executions_status", executions, by_status).await?;
    let by_workflow = [Execution::WorkflowId, Execution::CreatedAt, Execution::Id];
    create_index(manager, "idx_discovery_workflow_executions_workflow_id", executions, by_workflow).await?;
    let in_order = [Attempt::ExecutionId, Attempt::StartedAt];
    create_index(manager, "idx_discovery_step_executions_execution_id", step_execution::Entity, in_order).await
}

/// Partial, because nearly all executions of an old database are finished and never wake.
async fn create_wake_index(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let wake_at = workflow_execution::Column::WakeAt;
    let mut index = Index::create();
    index
        .name("idx_discovery_workflow_executions_wake_at")
        .table(workflow_execution::Entity)
        .col(wake_at)
        .and_where(Expr::col(wake_at).is_not_null());
    manager.create_index(index).await
}

async fn create_index<const N: usize>(
    manager: &SchemaManager<'_>,
    name: &str,
    entity: impl EntityTrait,
    columns: [impl IntoIden; N],
) -> Result<(), DbErr> {
    let mut index = Index::create();
    index.name(name).table(entity);
    for column in columns {
        index.col(column.into_iden());
    }
    manager.create_index(index).await
}
