//! What Discovery keeps about itself, and when it was not there.

use entity::{outage, setting};
use sea_orm_migration::prelude::*;

use crate::tables::{create_table, drop_table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, setting::Entity).await?;
        create_table(manager, outage::Entity).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, outage::Entity).await?;
        drop_table(manager, setting::Entity).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
