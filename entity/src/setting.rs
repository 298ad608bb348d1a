//! `discovery_settings`: what Discovery keeps about itself.

use sea_orm::entity::prelude::*;

/// Something that Discovery keeps about itself, such as the key of the step tokens.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_settings")]
pub struct Model {
    /// What it is.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    /// What is kept, as text.
    #[sea_orm(column_type = "Text")]
    pub value: String,
}

impl ActiveModelBehavior for ActiveModel {}
