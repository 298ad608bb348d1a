//! `discovery_workflow_executions`: the runs of workflows.

use sea_orm::entity::prelude::*;

/// One run of a workflow. A projection of its events, written in the same transaction as they are.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_workflow_executions")]
pub struct Model {
    /// The execution's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The workflow that runs.
    pub workflow_id: Uuid,
    /// The version of the workflow that it was started with, and keeps to.
    pub workflow_version: i64,
    /// How far it is, in the contract's words.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// How it goes from step to step.
    #[sea_orm(column_type = "Text")]
    pub mode: String,
    /// The step that it is at or that comes next; no value when there is none. Refers to the version's definition,
    /// not to a row: a newer version may have dropped the step.
    pub current_step_id: Option<Uuid>,
    /// What the steps left for each other, as of the last start, wait, pause or end.
    #[sea_orm(column_type = "Json")]
    pub context: Json,
    /// What clients want kept beside it; opaque to Discovery.
    #[sea_orm(column_type = "Json", nullable)]
    pub additional_data: Option<Json>,
    /// What clients want shown as its state beside `status`; opaque to Discovery.
    #[sea_orm(column_type = "Text", nullable)]
    pub custom_status: Option<String>,
    /// The `seq` of its newest event.
    pub last_seq: i64,
    /// When it must be looked at again after a restart, at the latest: the time of its next timer, or the past while a
    /// call is open. No value when only a message can move it.
    pub wake_at: Option<DateTimeUtc>,
    /// When it was started.
    pub created_at: DateTimeUtc,
    /// When its row was written last.
    pub updated_at: DateTimeUtc,
    /// When it ended, however it did; no value until then.
    pub finished_at: Option<DateTimeUtc>,
    /// The workflow that runs, and that it goes away with.
    #[sea_orm(belongs_to, from = "workflow_id", to = "id", on_delete = "Cascade")]
    pub workflow: BelongsTo<super::workflow::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
