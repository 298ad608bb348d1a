//! Commits that come twice, many at once, or while connections break.

use std::sync::Arc;

use entity::step_execution;
use rusqlite::Connection;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Statement};
use uuid::Uuid;

use super::scratch::Scratch;
use super::{Running, fixture_on, fixtures, given, sqlite};
use crate::domain::{Command, Execution, ExecutionId, Failure, Outcome, StartData};
use crate::journal::sqlite::SqliteWriter;
use crate::journal::statements::Statements;
use crate::journal::store::{Store, WriteError};
use crate::journal::writer::Job;
use crate::journal::{Commit, Journal, OpenOptions, Synchronous};
use crate::payload::{Payload, Sha256Hash};

#[tokio::test]
async fn a_commit_whose_fate_was_not_known_can_be_handed_over_again() {
    for fixture in fixtures().await {
        let id = ExecutionId(Uuid::now_v7());
        let events = Execution::start(id, &fixture.workflow, None, &StartData::default(), &given()).unwrap().events;
        let state = Execution::fold(id, Arc::clone(&fixture.workflow), &events).unwrap();
        let attempt = state.running_attempts().next().unwrap().id;
        let outcome = Outcome::Failed(Failure::fatal("Prueba", "no"));
        let failed = state.decide(&Command::TakeOutcome { attempt, outcome }, &given()).unwrap().events;
        let mut ended = state.clone();
        failed.iter().for_each(|event| ended.apply(event));
        // The very same events twice, as after a connection that broke at the commit.
        for _ in 0..2 {
            let start = Commit::new(None, Arc::new(state.clone()), &events, Vec::new()).unwrap();
            fixture.journal.commit(start).settled().await.unwrap();
        }
        for _ in 0..2 {
            let end = Commit::new(Some(&state), Arc::new(ended.clone()), &failed, Vec::new()).unwrap();
            fixture.journal.commit(end).settled().await.unwrap();
        }
        assert_eq!(fixture.journal.load(id).await.unwrap().unwrap(), ended);
    }
}

#[tokio::test]
async fn broken_connections_are_made_anew_and_nothing_is_lost() {
    let Some(database) = Scratch::postgres().await else { return };
    let fixture = fixture_on(database).await;
    let mut all = Vec::new();
    for _ in 0..5 {
        let mut running = fixture.started().await;
        fixture.database.break_connections().await;
        fixture.journal.commit(running.finish_step()).settled().await.unwrap();
        fixture.database.break_connections().await;
        fixture.journal.commit(running.finish_step()).settled().await.unwrap();
        all.push(running);
    }
    for running in all {
        assert_eq!(fixture.journal.load(running.state.id()).await.unwrap().unwrap(), running.state);
    }
}

#[tokio::test]
async fn many_commits_at_once_share_transactions_and_keep_their_order() {
    for fixture in fixtures().await {
        let mut running: Vec<Running> = Vec::new();
        let mut tickets = Vec::new();
        for _ in 0..100 {
            let (mut one, commit) = fixture.start();
            tickets.push(fixture.journal.commit(commit));
            // Behind each other in the queue: a batch holds a whole chain of one execution.
            tickets.push(fixture.journal.commit(one.finish_step()));
            tickets.push(fixture.journal.commit(one.finish_step()));
            running.push(one);
        }
        for ticket in tickets {
            ticket.settled().await.unwrap();
        }
        for one in running {
            let id = one.state.id();
            assert_eq!(fixture.journal.load(id).await.unwrap().unwrap(), one.state);
            let steps = step_execution::Entity::find().filter(step_execution::Column::ExecutionId.eq(id.0));
            let steps = steps.all(&fixture.journal.0.reads).await.unwrap();
            assert_eq!(steps.iter().filter(|step| step.status == "success").count(), 2);
            assert_eq!(steps.len(), 2);
        }
    }
}

#[tokio::test]
async fn a_url_may_ask_for_tls() {
    let Some(database) = Scratch::postgres().await else { return };
    let url = format!("{}?sslmode=require", database.url().split('?').next().unwrap_or_default());
    let options = OpenOptions { migrate: true, ..OpenOptions::default() };
    let journal = Journal::open(&url, &options).await.unwrap();
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE datname = current_database()";
    let row = journal.0.reads.query_one_raw(Statement::from_string(DbBackend::Postgres, encrypted)).await.unwrap();
    assert!(row.unwrap().try_get_by_index::<bool>(0).unwrap(), "every connection is encrypted");
    journal.close().await;
}

#[tokio::test]
async fn a_full_disk_is_waited_out_and_leaves_nothing_half_written() {
    let fixture = sqlite().await;
    let text: Arc<str> = Arc::from("x".repeat(4 * 1024 * 1024));
    let (running, mut commit) = fixture.start();
    commit.payloads.push(Payload { hash: Sha256Hash::of(&text), text: Arc::clone(&text) });
    let hash = commit.payloads[0].hash;
    let id = running.state.id();
    let mut writer = SqliteWriter::open(&fixture.database.path(), false, Synchronous::Full).unwrap();
    writer.bound_pages(1);
    let job = Job::Commit(commit);
    for _ in 0..2 {
        assert!(matches!(writer.write(&[&job]), Err(WriteError::Transient(_))), "to be tried again");
        assert_eq!(fixture.journal.load(id).await.unwrap(), None);
    }
    writer.bound_pages(1_000_000);
    assert!(writer.write(&[&job]).unwrap()[0].is_ok());
    assert_eq!(fixture.journal.load(id).await.unwrap().unwrap(), running.state);
    assert_eq!(fixture.journal.payload(id, hash).await.unwrap().as_deref(), Some(&*text));
}

#[tokio::test]
async fn rows_are_found_though_they_lie_elsewhere_than_where_they_were_put() {
    let fixture = sqlite().await;
    let mut all = [fixture.started().await, fixture.started().await];
    let other = Connection::open(fixture.database.path()).unwrap();
    for table in ["discovery_workflow_executions", "discovery_step_executions"] {
        let places =
            format!("UPDATE {table} SET rowid = 10 WHERE rowid = 1; UPDATE {table} SET rowid = 1 WHERE rowid = 2");
        other.execute_batch(&format!("{places}; UPDATE {table} SET rowid = 2 WHERE rowid = 10")).unwrap();
    }
    for running in &mut all {
        for _ in 0..2 {
            fixture.journal.commit(running.finish_step()).settled().await.unwrap();
        }
    }
    for running in &all {
        let id = running.state.id();
        assert_eq!(fixture.journal.load(id).await.unwrap().unwrap(), running.state);
        let steps = step_execution::Entity::find().filter(step_execution::Column::ExecutionId.eq(id.0));
        let steps = steps.all(&fixture.journal.0.reads).await.unwrap();
        assert_eq!(steps.len(), 2);
        for step in steps {
            let attempt = running.state.attempts().iter().find(|attempt| attempt.id.0 == step.id).unwrap();
            assert_eq!(step.output_payload.as_ref(), attempt.output.as_deref());
        }
    }
}

#[tokio::test]
async fn a_row_whose_place_is_known_is_updated_without_an_index() {
    let fixture = sqlite().await;
    let (statements, connection) = (Statements::new(), Connection::open(fixture.database.path()).unwrap());
    for sql in [statements.move_execution_at, statements.turn_execution_at, statements.end_step_execution_at] {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let values = rusqlite::params_from_iter(std::iter::repeat_n(0, plan.parameter_count()));
        let steps: Vec<String> = plan.query_map(values, |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        assert!(steps.len() == 1 && steps[0].ends_with("USING INTEGER PRIMARY KEY (rowid=?)"), "{sql}: {steps:?}");
    }
}
