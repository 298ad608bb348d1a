//! Tables as their entities define them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{EntityTrait, Schema};

pub(crate) async fn create_table(manager: &SchemaManager<'_>, entity: impl EntityTrait) -> Result<(), DbErr> {
    let schema = Schema::new(manager.get_database_backend());
    manager.create_table(schema.create_table_from_entity(entity)).await
}

pub(crate) async fn drop_table(manager: &SchemaManager<'_>, entity: impl EntityTrait) -> Result<(), DbErr> {
    let mut table = Table::drop();
    table.table(entity);
    manager.drop_table(table).await
}
