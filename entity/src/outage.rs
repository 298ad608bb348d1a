//! `discovery_outages`: when no process was there.

use sea_orm::entity::prelude::*;

/// A time at which no process was there, so that it counts for no timeout.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_outages")]
pub struct Model {
    /// When the process before was last known to be alive.
    #[sea_orm(primary_key, auto_increment = false)]
    pub began_at: DateTimeUtc,
    /// When the next process began.
    #[sea_orm(primary_key, auto_increment = false)]
    pub ended_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
