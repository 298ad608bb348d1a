//! The schema on real databases: SQLite always, PostgreSQL when `DISCOVERY_TEST_POSTGRES_URL` names a server.

mod rows;

use std::error::Error;

use entity::{execution_event, workflow, workflow_execution};
use migration::{Migrator, apply, pending, unknown};
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    Statement,
};
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

const MIGRATIONS: [&str; 3] =
    ["m20260101_000001_create_tables", "m20260201_000001_create_settings", "m20260301_000001_create_idempotency_keys"];

#[tokio::test]
async fn sqlite_has_the_whole_schema() -> Outcome {
    let directory = TempDir::new()?;
    let db = sqlite(&directory).await?;
    the_schema_serves(&db).await?;
    db.close().await?;
    Ok(())
}

#[tokio::test]
async fn postgres_has_the_whole_schema() -> Outcome {
    let Ok(url) = std::env::var("DISCOVERY_TEST_POSTGRES_URL") else {
        return Ok(());
    };
    let server = Database::connect(&url).await?;
    let name = format!("discovery_schema_{}", std::process::id());
    server.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;

    let (base, _) = url.rsplit_once('/').ok_or("the URL names no database")?;
    let db = Database::connect(format!("{base}/{name}")).await?;
    // In a task, so that the database goes away even when an assertion fails.
    let outcome = tokio::spawn({
        let db = db.clone();
        async move { the_schema_serves(&db).await }
    })
    .await;

    db.close().await?;
    server.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
    outcome?
}

#[tokio::test]
async fn sqlite_keeps_row_ids_and_indexes_only_what_wakes() -> Outcome {
    let directory = TempDir::new()?;
    let db = sqlite(&directory).await?;
    apply(&db).await?;

    let schema = sqlite_schema(&db).await?;
    let partial = r#"CREATE INDEX "idx_discovery_workflow_executions_wake_at" ON "discovery_workflow_executions" ("wake_at") WHERE "wake_at" IS NOT NULL"#;
    assert!(schema.contains(&partial.to_owned()), "{schema:#?}");
    assert!(!schema.iter().any(|sql| sql.contains("WITHOUT ROWID")), "{schema:#?}");
    assert!(!schema.iter().any(|sql| sql.contains("discovery_") && sql.contains("varchar")), "{schema:#?}");
    db.close().await?;
    Ok(())
}

async fn the_schema_serves(db: &DatabaseConnection) -> Outcome {
    assert_eq!(pending(db).await?, MIGRATIONS);
    assert!(unknown(db).await?.is_empty());
    assert_eq!(apply(db).await?, MIGRATIONS);
    assert!(pending(db).await?.is_empty());
    assert!(apply(db).await?.is_empty());

    rows::every_table_keeps_a_row(db).await?;
    rows::json_keeps_nul(db).await?;
    the_key_refuses_a_second_writer(db).await?;
    what_belongs_to_a_workflow_goes_with_it(db).await?;
    a_newer_schema_is_noticed(db).await?;

    Migrator::down(db, None).await?;
    assert_eq!(pending(db).await?, MIGRATIONS);
    for (applied, next) in MIGRATIONS.iter().enumerate() {
        assert_eq!(pending(db).await?, MIGRATIONS[applied..], "an older database lacks what came since");
        Migrator::up(db, Some(1)).await?;
        assert!(!pending(db).await?.contains(&(*next).to_owned()));
    }
    Ok(())
}

async fn the_key_refuses_a_second_writer(db: &DatabaseConnection) -> Outcome {
    let event = execution_event::Entity::find().one(db).await?.ok_or("no event")?;
    let again = execution_event::Entity::insert(event.into_active_model()).exec(db).await;
    let refusal = again.err().and_then(|error| error.sql_err());
    assert!(matches!(refusal, Some(sea_orm::SqlErr::UniqueConstraintViolation(_))), "{refusal:?}");
    Ok(())
}

async fn what_belongs_to_a_workflow_goes_with_it(db: &DatabaseConnection) -> Outcome {
    workflow::Entity::delete_many().exec(db).await?;
    assert_eq!(workflow_execution::Entity::find().count(db).await?, 0);
    assert_eq!(execution_event::Entity::find().count(db).await?, 0);
    Ok(())
}

async fn a_newer_schema_is_noticed(db: &DatabaseConnection) -> Outcome {
    let newer = "m29990101_000001_from_the_future";
    let recorded = "seaql_migrations";
    db.execute_unprepared(&format!("INSERT INTO {recorded} (version, applied_at) VALUES ('{newer}', 0)")).await?;
    assert_eq!(unknown(db).await?, [newer]);
    assert!(pending(db).await?.is_empty());
    assert!(apply(db).await.is_err());

    db.execute_unprepared(&format!("DELETE FROM {recorded} WHERE version = '{newer}'")).await?;
    assert!(unknown(db).await?.is_empty());
    Ok(())
}

async fn sqlite(directory: &TempDir) -> Result<DatabaseConnection, DbErr> {
    let file = directory.path().join("discovery.db");
    Database::connect(format!("sqlite://{}?mode=rwc", file.display())).await
}

async fn sqlite_schema(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let select = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL";
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, select)).await?;
    rows.iter().map(|row| row.try_get("", "sql")).collect()
}
