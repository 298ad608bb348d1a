//! The schema of Discovery, step by step, for SQLite and PostgreSQL alike.
//!
//! A server asks [`unknown`] before anything else: a database that a newer Discovery has changed is not for this binary.
//! Then [`apply`] brings an older or an empty one up to date. What was applied is recorded in `seaql_migrations`.

mod m20260101_000001_create_tables;
mod m20260201_000001_create_settings;
mod m20260301_000001_create_idempotency_keys;
mod tables;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseConnection, DatabaseTransaction, EntityTrait, QueryOrder};
use sea_orm_migration::seaql_migrations;

/// The migrations that this binary knows, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20260101_000001_create_tables::Migration),
            Box::new(m20260201_000001_create_settings::Migration),
            Box::new(m20260301_000001_create_idempotency_keys::Migration),
        ]
    }
}

/// Names the migrations that `db` has not seen yet, oldest first. Changes nothing.
pub async fn pending(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let recorded = recorded(db).await?;
    let mut known = known();
    known.retain(|name| !recorded.contains(name));
    Ok(known)
}

/// Names the migrations that `db` has seen and this binary does not know: a newer Discovery has been here.
///
/// Changes nothing, and finds nothing in a database without a schema.
pub async fn unknown(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let known = known();
    let mut recorded = recorded(db).await?;
    recorded.retain(|name| !known.contains(name));
    Ok(recorded)
}

/// Whether `db` has seen none of the migrations that this binary knows.
pub async fn is_new(db: &DatabaseConnection) -> Result<bool, DbErr> {
    Ok(pending(db).await? == known())
}

/// Applies the migrations that are [`pending`] and names them, oldest first; each is a transaction of its own.
///
/// Refuses a database with an [`unknown`] migration, and leaves it as it is.
pub async fn apply(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let pending = pending(db).await?;
    Migrator::up(db, None).await?;
    Ok(pending)
}

/// Applies all migrations within `transaction`, to a database that has seen none, and names them, oldest first.
pub async fn apply_within(transaction: &DatabaseTransaction) -> Result<Vec<String>, DbErr> {
    Migrator::up(transaction, None).await?;
    Ok(known())
}

fn known() -> Vec<String> {
    let migrations = Migrator::migrations();
    migrations.iter().map(|migration| migration.name().to_owned()).collect()
}

/// Names what the database says was applied. The library's own look-up fails when it meets a name that it does not
/// know, which is the case that [`unknown`] is for.
async fn recorded(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let table = Migrator::migration_table_name().to_string();
    if !SchemaManager::new(db).has_table(table).await? {
        return Ok(Vec::new());
    }
    let rows = seaql_migrations::Entity::find().order_by_asc(seaql_migrations::Column::Version).all(db).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}
