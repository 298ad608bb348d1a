//! `discovery_payloads`: large strings, each stored once.

use sea_orm::entity::prelude::*;

/// A large string, stored once however many rows and events refer to it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_payloads")]
pub struct Model {
    /// The SHA-256 of `body`: 32 raw bytes.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Blob")]
    pub sha256: Vec<u8>,
    /// The length of `body`, in bytes.
    pub bytes: i64,
    /// The string as UTF-8. Bytes rather than text, because it may hold NUL, which PostgreSQL's text refuses.
    #[sea_orm(column_type = "Blob")]
    pub body: Vec<u8>,
    /// When it was stored first.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
