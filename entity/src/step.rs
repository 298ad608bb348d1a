//! `discovery_steps`: the steps of every workflow's newest version.

use sea_orm::entity::prelude::*;

/// A step of a workflow's newest version.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_steps")]
pub struct Model {
    /// The step's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The workflow that it belongs to.
    pub workflow_id: Uuid,
    /// What people and other steps call it; unique within its workflow.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The handler that a worker registered and that carries it out.
    #[sea_orm(column_type = "Text")]
    pub handler: String,
    /// Its place among the workflow's steps, ascending.
    pub order: i32,
    /// How often one execution may enter it.
    pub max_visits: i32,
    /// What the handler is told besides its input; opaque to Discovery.
    #[sea_orm(column_type = "Json")]
    pub config: Json,
    /// How long one attempt may take, in seconds.
    pub timeout_seconds: f64,
    /// How long a worker may be silent during an attempt, in seconds; no value, no limit.
    pub heartbeat_timeout_seconds: Option<f64>,
    /// When and how often a failed attempt is followed by another.
    #[sea_orm(column_type = "Json")]
    pub retry: Json,
    /// Whether the execution is completed once this step is.
    pub end: bool,
    /// When it was created.
    pub created_at: DateTimeUtc,
    /// When it was changed last.
    pub updated_at: DateTimeUtc,
    /// The workflow that it belongs to, and goes away with.
    #[sea_orm(belongs_to, from = "workflow_id", to = "id", on_delete = "Cascade")]
    pub workflow: BelongsTo<super::workflow::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
