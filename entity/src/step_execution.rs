//! `discovery_step_executions`: the attempts at steps.

use sea_orm::entity::prelude::*;

/// One attempt at a step. A projection of its execution's events, written in the same transaction as they are.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_step_executions")]
pub struct Model {
    /// The attempt's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The step of the version's definition; not a row's key, because a newer version may have dropped the step.
    pub step_id: Uuid,
    /// The workflow that runs.
    pub workflow_id: Uuid,
    /// The execution that made the attempt.
    pub execution_id: Uuid,
    /// The step's name when the attempt was made.
    #[sea_orm(column_type = "Text")]
    pub step_name: String,
    /// The handler that the attempt was given to.
    #[sea_orm(column_type = "Text")]
    pub handler: String,
    /// How far it is, in the contract's words.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// Which attempt of its visit this is; the first is 1.
    pub attempt: i32,
    /// Which visit of the execution to the step this is; the first is 1.
    pub visit: i32,
    /// What the worker was given.
    #[sea_orm(column_type = "Json", nullable)]
    pub input_payload: Option<Json>,
    /// What the worker gave back.
    #[sea_orm(column_type = "Json", nullable)]
    pub output_payload: Option<Json>,
    /// Why it failed.
    #[sea_orm(column_type = "Json", nullable)]
    pub error: Option<Json>,
    /// When the worker was called; no value until then.
    pub started_at: Option<DateTimeUtc>,
    /// When it ended, however it did; no value until then.
    pub finished_at: Option<DateTimeUtc>,
    /// The execution that made the attempt, and that it goes away with.
    #[sea_orm(belongs_to, from = "execution_id", to = "id", on_delete = "Cascade")]
    pub execution: BelongsTo<super::workflow_execution::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
