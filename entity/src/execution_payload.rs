//! `discovery_execution_payloads`: which execution refers to which large string.

use sea_orm::entity::prelude::*;

/// The fact that an execution's rows or events refer to a large string.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_execution_payloads")]
pub struct Model {
    /// The execution that refers.
    #[sea_orm(primary_key, auto_increment = false)]
    pub execution_id: Uuid,
    /// The string that it refers to, by the SHA-256 of its UTF-8: 32 raw bytes.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Blob")]
    pub sha256: Vec<u8>,
    /// The execution that refers, and that the reference goes away with.
    #[sea_orm(belongs_to, from = "execution_id", to = "id", on_delete = "Cascade")]
    pub execution: BelongsTo<super::workflow_execution::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
