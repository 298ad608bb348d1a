//! `discovery_workflows`: the workflows, in their newest version.

use sea_orm::entity::prelude::*;

/// A workflow, in its newest version.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_workflows")]
pub struct Model {
    /// The workflow's id; it stays the same across versions.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What people call it; need not be unique.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// What it is for, in the author's words.
    #[sea_orm(column_type = "Text", nullable)]
    pub description: Option<String>,
    /// How its executions go from step to step unless a start says otherwise.
    #[sea_orm(column_type = "Text")]
    pub mode: String,
    /// How long an execution may take as a whole, in seconds; no value, no limit.
    pub timeout_seconds: Option<f64>,
    /// The number of the newest version; the first is 1.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTimeUtc,
    /// When it was changed last.
    pub updated_at: DateTimeUtc,
    /// When it was deleted; no value while it can be started.
    pub deleted_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
