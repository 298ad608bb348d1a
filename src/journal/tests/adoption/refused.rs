//! Databases that are left as they are.

use sea_orm::sqlx::{self, Connection};

use super::old::{NEWEST, Old};
use super::{dump, migrate};
use crate::journal::tests::open;
use crate::journal::tests::scratch::Scratch;
use crate::journal::{Journal, OpenError, OpenOptions};

#[tokio::test]
async fn serving_does_not_take_a_database_over() {
    let Some(mut old) = Old::filled(NEWEST).await else { return };
    let before = dump::everything(&mut old.connection).await;
    let strict = OpenOptions { migrate: false, ..OpenOptions::default() };
    for refused in [open(&old.database).await, Journal::open(old.database.url(), &strict).await] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, OpenError::Replaced), "{refused}");
        assert!(refused.to_string().contains("run `discovery migrate`"));
    }
    assert_eq!(dump::everything(&mut old.connection).await, before);
}

#[tokio::test]
async fn another_shape_is_refused_untouched_and_its_differences_are_named() {
    let table = [
        (
            "ALTER TABLE discovery_steps DROP COLUMN max_visits; DROP TABLE discovery_step_executions",
            &["discovery_steps has no column `max_visits`", "the table discovery_step_executions is missing"][..],
        ),
        (
            "ALTER TABLE discovery_steps ALTER COLUMN \"order\" TYPE text, ADD COLUMN extra int NOT NULL",
            &["the column `order` of discovery_steps is text, not int4", "one more column, `extra` (integer, which is"],
        ),
        ("ALTER TABLE discovery_workflows ADD COLUMN owner text", &["one more column, `owner` (text)"]),
        (
            "ALTER TYPE discovery_mode ADD VALUE 'hybrid'",
            &["discovery_mode has the labels automatic, hybrid, manual instead of automatic, manual"],
        ),
        (
            "ALTER TABLE discovery_workflows ALTER COLUMN name DROP NOT NULL",
            &["the column `name` of discovery_workflows may be null"],
        ),
        (
            "ALTER TABLE discovery_workflow_executions ALTER COLUMN id_consecutivo SET NOT NULL",
            &["the column `id_consecutivo` of discovery_workflow_executions may not be null"],
        ),
        (
            "ALTER TABLE discovery_step_executions DROP CONSTRAINT discovery_step_executions_pkey; \
             ALTER TABLE discovery_step_executions DROP CONSTRAINT discovery_step_executions_step_id_fkey",
            &[
                "discovery_step_executions has no primary key",
                "the column `step_id` of discovery_step_executions does not refer to discovery_steps",
            ],
        ),
        (
            "CREATE VIEW seen AS SELECT name FROM discovery_workflows; CREATE TABLE discovery_payloads (a int); \
             CREATE TABLE mine (id uuid REFERENCES discovery_steps (id))",
            &[
                "the view seen reads discovery_workflows",
                "the table discovery_payloads is there already",
                "the table mine refers to discovery_steps",
            ],
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON discovery_steps FOR EACH ROW \
             EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            &["the table discovery_steps has the trigger t"],
        ),
    ];
    for (change, differences) in table {
        let Some(mut old) = Old::empty(NEWEST).await else { return };
        old.run(change).await;
        let before = dump::everything(&mut old.connection).await;
        for dry_run in [true, false] {
            let (refused, told) = migrate(old.database.url(), dry_run).await;
            let refused = refused.unwrap_err();
            assert!(matches!(refused, OpenError::ForeignTables(_)), "{refused}");
            let lines = refused.to_string().lines().count() - 1;
            assert_eq!((lines, told.as_str()), (differences.len(), ""), "{refused}");
            for difference in differences {
                assert!(refused.to_string().contains(difference), "{difference} is not in: {refused}");
            }
        }
        assert!(matches!(open(&old.database).await, Err(OpenError::Replaced)));
        assert_eq!(dump::everything(&mut old.connection).await, before);
    }
}

#[tokio::test]
async fn a_failure_in_the_middle_leaves_the_old_database_as_it_was() {
    let Some(mut old) = Old::filled(NEWEST).await else { return };
    // Behind everything that was written: when the old tables go away.
    old.run(
        "CREATE FUNCTION fail() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'power cut'; END $$; \
         CREATE EVENT TRIGGER fail_at_the_end ON sql_drop EXECUTE FUNCTION fail()",
    )
    .await;
    let before = dump::everything(&mut old.connection).await;
    let refused = migrate(old.database.url(), false).await.0.unwrap_err();
    assert!(refused.to_string().contains("power cut"), "{refused}");
    assert_eq!(dump::everything(&mut old.connection).await, before);
    old.run("DROP EVENT TRIGGER fail_at_the_end").await;
    migrate(old.database.url(), false).await.0.unwrap();
}

#[tokio::test]
async fn a_service_that_still_works_on_its_tables_is_not_waited_for_without_end() {
    let Some(mut old) = Old::filled(NEWEST).await else { return };
    let url = old.database.url().to_owned();
    let mut transaction = old.connection.begin().await.unwrap();
    sqlx::query("UPDATE discovery_workflows SET name = 'new'").execute(&mut *transaction).await.unwrap();
    let refused = migrate(&url, false).await.0.unwrap_err();
    assert!(matches!(refused, OpenError::StillInUse(_)), "{refused}");
    migrate(&url, true).await.0.unwrap();
    transaction.commit().await.unwrap();
    migrate(&url, false).await.0.unwrap();
}

#[tokio::test]
async fn a_dry_run_on_an_ordinary_database_names_what_is_pending() {
    for database in Scratch::all().await {
        let (pending, told) = migrate(database.url(), true).await;
        assert_eq!(told, "");
        let pending = pending.unwrap();
        assert!(!pending.migrations.is_empty() && pending.adopted.is_none());
        assert_eq!(migrate(database.url(), false).await.0.unwrap(), pending);
        assert!(migrate(database.url(), true).await.0.unwrap().migrations.is_empty());
    }
}
