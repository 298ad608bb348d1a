//! `discovery_execution_events`: the log that everything about an execution follows from.

use sea_orm::entity::prelude::*;

/// An event of an execution. Rows are never changed, and the key refuses a second writer.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_execution_events")]
pub struct Model {
    /// The execution that it happened to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub execution_id: Uuid,
    /// Its place in the execution's log: 1, 2, 3 … without a gap.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// The event's name.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// The event's public JSON text, byte for byte as it is sent.
    #[sea_orm(column_type = "Text")]
    pub body: String,
    /// What folding the log needs and the public does not see, as JSON text; no value when `body` says it all.
    #[sea_orm(column_type = "Text", nullable)]
    pub private: Option<String>,
    /// The execution that it happened to, and that it goes away with.
    #[sea_orm(belongs_to, from = "execution_id", to = "id", on_delete = "Cascade")]
    pub execution: BelongsTo<super::workflow_execution::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
