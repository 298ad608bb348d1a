//! `discovery_workflow_versions`: every definition that a workflow ever had.

use sea_orm::entity::prelude::*;

/// A workflow's definition as it was when the version was made. Rows are never changed: an execution goes on with the
/// version that it was started with.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_workflow_versions")]
pub struct Model {
    /// The workflow that this is a version of.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workflow_id: Uuid,
    /// The version's number: 1, 2, 3 … for a workflow.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    /// The whole definition, steps included, as JSON text.
    #[sea_orm(column_type = "Text")]
    pub definition: String,
    /// When the version was made.
    pub created_at: DateTimeUtc,
    /// The workflow that this is a version of, and goes away with.
    #[sea_orm(belongs_to, from = "workflow_id", to = "id", on_delete = "Cascade")]
    pub workflow: BelongsTo<super::workflow::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
