//! The journal against a real SQLite file, and a real PostgreSQL where `DISCOVERY_TEST_POSTGRES_URL` names one: batches,
//! conflicts, locks, and rows that follow from the log.

mod adoption;
mod keys;
mod repeated;
mod scratch;
mod settings;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use entity::{step_execution, workflow_execution};
use rusqlite::Connection;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Map, json};
use uuid::Uuid;

use scratch::Scratch;

use super::*;
use crate::domain::{
    Answer, Command, Context, Event, Execution, Given, Outages, Outcome, StartData, Timestamp, Workflow, WorkflowDraft,
    WorkflowId,
};
use crate::payload::{Payload, Sha256Hash};

struct Fixture {
    journal: Journal,
    workflow: Arc<Workflow>,
    database: Scratch,
}

fn now() -> Timestamp {
    Timestamp::new(chrono::Utc::now())
}

fn given() -> Given<'static> {
    static OUTAGES: LazyLock<Outages> = LazyLock::new(Outages::default);
    Given { now: now(), new_id: Uuid::now_v7(), draw: 0.0, outages: &OUTAGES }
}

async fn open(database: &Scratch) -> Result<Journal, OpenError> {
    Journal::open(database.url(), &OpenOptions { migrate: true, ..OpenOptions::default() }).await
}

async fn fixture_on(database: Scratch) -> Fixture {
    let journal = open(&database).await.unwrap();
    let body = json!({"name": "Prueba", "steps": [{"name": "a"}, {"name": "b"}]});
    let draft = WorkflowDraft::parse(&body).unwrap();
    let workflow = Workflow::create(draft, WorkflowId(Uuid::now_v7()), now(), &mut Uuid::now_v7);
    let workflow = journal.put_workflow(workflow, 0).await.unwrap().unwrap();
    Fixture { journal, workflow, database }
}

/// On SQLite only: for what is done to the file itself.
async fn sqlite() -> Fixture {
    fixture_on(Scratch::sqlite()).await
}

/// On every database that there is.
async fn fixtures() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for database in Scratch::all().await {
        fixtures.push(fixture_on(database).await);
    }
    fixtures
}

/// An execution beside the journal: what an actor would hold.
struct Running {
    state: Execution,
}

fn start_of(workflow: &Arc<Workflow>) -> (Running, Commit) {
    let id = ExecutionId(Uuid::now_v7());
    let data = StartData::new("", Map::from_iter([("a".to_owned(), json!(1))])).unwrap();
    let events = Execution::start(id, workflow, None, &data, &given()).unwrap().events;
    let state = Execution::fold(id, Arc::clone(workflow), &events).unwrap();
    let commit = Commit::new(None, Arc::new(state.clone()), &events, Vec::new()).unwrap();
    (Running { state }, commit)
}

impl Fixture {
    fn start(&self) -> (Running, Commit) {
        start_of(&self.workflow)
    }

    async fn started(&self) -> Running {
        let (running, commit) = self.start();
        self.journal.commit(commit, None).settled().await.unwrap();
        running
    }
}

impl Running {
    fn finish_step(&mut self) -> Commit {
        let attempt = self.state.running_attempts().next().unwrap().id;
        let output = json!({"context": {"done": attempt.to_string()}});
        let context: Context = serde_json::from_value(output["context"].clone()).unwrap();
        let outcome = Outcome::Answered(Answer { context, next: None, output });
        self.take(&Command::TakeOutcome { attempt, outcome }, Vec::new())
    }

    fn take(&mut self, command: &Command, payloads: Vec<Payload>) -> Commit {
        let events: Vec<Event> = self.state.decide(command, &given()).unwrap().events;
        let before = self.state.clone();
        events.iter().for_each(|event| self.state.apply(event));
        Commit::new(Some(&before), Arc::new(self.state.clone()), &events, payloads).unwrap()
    }
}

#[tokio::test]
async fn what_was_committed_is_read_back_and_the_rows_follow_from_it() {
    for fixture in fixtures().await {
        let mut running = fixture.started().await;
        for _ in 0..2 {
            fixture.journal.commit(running.finish_step(), None).settled().await.unwrap();
        }
        let id = running.state.id();
        assert_eq!(fixture.journal.load(id).await.unwrap().unwrap(), running.state);

        let reads = &fixture.journal.0.reads;
        let row = workflow_execution::Entity::find_by_id(id.0).one(reads).await.unwrap().unwrap();
        assert_eq!((row.status.as_str(), row.last_seq, row.wake_at), ("completed", 6, None));
        assert_eq!(row.context, serde_json::to_value(running.state.context()).unwrap());
        assert_eq!(row.finished_at.map(Timestamp::new), running.state.finished_at());
        let steps = step_execution::Entity::find()
            .filter(step_execution::Column::ExecutionId.eq(id.0))
            .order_by_asc(step_execution::Column::StartedAt)
            .order_by_asc(step_execution::Column::Id)
            .all(reads)
            .await
            .unwrap();
        let statuses: Vec<_> = steps.iter().map(|step| (step.step_name.as_str(), step.status.as_str())).collect();
        assert_eq!(statuses, [("a", "success"), ("b", "success")]);
        assert!(steps.iter().all(|step| step.output_payload.is_some() && step.finished_at.is_some()));
        let texts = fixture.journal.events(id, 0, 100).await.unwrap().unwrap();
        assert_eq!(texts.len(), 6);
        assert_eq!(fixture.journal.events(id, 4, 100).await.unwrap().unwrap(), texts[4..]);
    }
}

#[tokio::test]
async fn a_commit_on_a_log_that_went_on_without_it_is_refused() {
    for fixture in fixtures().await {
        let mut running = fixture.started().await;
        let mut twin = Running { state: running.state.clone() };
        fixture.journal.commit(running.finish_step(), None).settled().await.unwrap();
        let late = fixture.journal.commit(twin.finish_step(), None);
        assert!(matches!(late.settled().await, Err(JournalError::Conflict)));
        assert_eq!(fixture.journal.load(running.state.id()).await.unwrap().unwrap(), running.state);
    }
}

#[tokio::test]
async fn one_bad_commit_costs_its_own_execution_only() {
    for fixture in fixtures().await {
        let (mut good, mut bad) = (fixture.started().await, fixture.started().await);
        let poison = bad.finish_step();
        let mut poison = Commit { steps: poison.steps, ..poison };
        // The same event twice: the key of the log refuses it in the middle of the transaction.
        poison.events.push(poison.events[0].clone());
        let tickets = [
            fixture.journal.commit(good.finish_step(), None),
            fixture.journal.commit(poison, None),
            fixture.journal.commit(bad.finish_step(), None),
            fixture.journal.commit(good.finish_step(), None),
        ];
        let [first, second, behind_it, third] = tickets;
        first.settled().await.unwrap();
        assert!(matches!(second.settled().await, Err(JournalError::Database(_))));
        assert!(matches!(behind_it.settled().await, Err(JournalError::Conflict)));
        third.settled().await.unwrap();
        assert_eq!(fixture.journal.load(good.state.id()).await.unwrap().unwrap(), good.state);
        assert_eq!(fixture.journal.load(bad.state.id()).await.unwrap().unwrap().last_seq(), 2);
    }
}

#[tokio::test]
async fn a_lock_held_by_somebody_else_is_waited_out() {
    let fixture = sqlite().await;
    let (running, commit) = fixture.start();
    let other = Connection::open(fixture.database.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut ticket = Box::pin(fixture.journal.commit(commit, None).settled());
    let held = tokio::time::timeout(Duration::from_millis(2_500), &mut ticket).await;
    assert!(held.is_err(), "not acknowledged while it cannot be written");
    assert_eq!(fixture.journal.load(running.state.id()).await.unwrap(), None, "reads go on meanwhile");
    other.execute_batch("COMMIT").unwrap();
    ticket.await.unwrap();
    assert_eq!(fixture.journal.load(running.state.id()).await.unwrap().unwrap(), running.state);
}

#[tokio::test]
async fn a_start_finds_its_workflow_changed_or_deleted() {
    for fixture in fixtures().await {
        let (_, commit) = fixture.start();
        let changed = fixture.workflow.patch(&json!({"name": "Otra"}), now(), &mut Uuid::now_v7).unwrap().unwrap();
        let changed = fixture.journal.put_workflow(changed, 1).await.unwrap().unwrap();
        assert!(matches!(fixture.journal.commit(commit, None).settled().await, Err(JournalError::WorkflowChanged)));

        let (_, commit) = start_of(&changed);
        fixture.journal.commit(commit, None).settled().await.unwrap();
        let refused = fixture.journal.delete_workflow(changed.id, 2, now()).await.unwrap();
        assert_eq!(refused, Err(DefinitionRefusal::LiveExecutions));
    }
}

#[tokio::test]
async fn of_two_who_change_a_workflow_at_once_one_is_told_to_read_again() {
    for fixture in fixtures().await {
        let renamed = |name: &str| {
            let patch = json!({"name": name});
            fixture.workflow.patch(&patch, now(), &mut Uuid::now_v7).unwrap().unwrap()
        };
        let (first, second) = tokio::join!(
            fixture.journal.put_workflow(renamed("uno"), 1),
            fixture.journal.put_workflow(renamed("dos"), 1)
        );
        assert_eq!(first.unwrap().map(|workflow| workflow.version), Ok(2));
        assert_eq!(second.unwrap().map(drop), Err(DefinitionRefusal::Changed));
        let newest = fixture.journal.workflow(fixture.workflow.id).await.unwrap().unwrap();
        assert_eq!((newest.name.as_str(), newest.version), ("uno", 2));
        let old = fixture.journal.workflow_version(fixture.workflow.id, 1).await.unwrap().unwrap();
        assert_eq!(*old, *fixture.workflow);
    }
}

#[tokio::test]
async fn a_deleted_workflow_is_hidden_and_can_come_back() {
    for fixture in fixtures().await {
        let id = fixture.workflow.id;
        assert_eq!(fixture.journal.workflow(id).await.unwrap().unwrap().version, 1);
        fixture.journal.delete_workflow(id, 1, now()).await.unwrap().unwrap();
        assert!(fixture.journal.workflow(id).await.unwrap().is_none());
        assert_eq!(fixture.journal.workflows(10, 0).await.unwrap().total, 0);
        let (workflow, deleted) = fixture.journal.workflow_even_deleted(id).await.unwrap().unwrap();
        assert!(deleted);
        let revived = Workflow { version: 2, ..(*workflow).clone() };
        fixture.journal.put_workflow(revived.clone(), 1).await.unwrap().unwrap();
        assert_eq!(*fixture.journal.workflow(id).await.unwrap().unwrap(), revived);
        let step = workflow.steps[0].id;
        assert_eq!(fixture.journal.workflow_of_step(step).await.unwrap().unwrap().id, id);
    }
}

#[tokio::test]
async fn a_long_string_is_kept_once_and_belongs_to_its_executions() {
    let fixture = sqlite().await;
    let text: Arc<str> = Arc::from("x\0ñ".repeat(10_000));
    let payload = Payload { hash: Sha256Hash::of(&text), text: Arc::clone(&text) };
    let (mut first, mut second) = (fixture.started().await, fixture.started().await);
    for running in [&mut first, &mut second] {
        let mut commit = running.finish_step();
        commit.payloads.push(payload.clone());
        fixture.journal.commit(commit, None).settled().await.unwrap();
    }
    let stranger = fixture.started().await;
    fixture.journal.close().await;
    let journal = open(&fixture.database).await.unwrap();
    let read = journal.payload(first.state.id(), payload.hash).await.unwrap();
    assert_eq!(read.as_deref(), Some(&*text));
    assert!(journal.payload(second.state.id(), payload.hash).await.unwrap().is_some());
    assert_eq!(journal.payload(stranger.state.id(), payload.hash).await.unwrap(), None);
    let connection = Connection::open(fixture.database.path()).unwrap();
    let kept: i64 = connection.query_row("SELECT count(*) FROM discovery_payloads", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn a_database_belongs_to_one_process_at_a_time() {
    for fixture in fixtures().await {
        assert!(matches!(open(&fixture.database).await, Err(OpenError::Locked(_))));
        fixture.journal.close().await;
        drop(fixture.journal);
        open(&fixture.database).await.unwrap();
    }
}

#[tokio::test]
async fn a_newer_schema_and_a_missing_one_are_refused() {
    let database = Scratch::sqlite();
    let options = OpenOptions { migrate: false, ..OpenOptions::default() };
    assert!(matches!(Journal::open(database.url(), &options).await, Err(OpenError::NotMigrated(_))));
    assert!(!Journal::migrate(database.url(), false, &mut |_| {}).await.unwrap().migrations.is_empty());
    assert!(Journal::migrate(database.url(), false, &mut |_| {}).await.unwrap().migrations.is_empty());
    let connection = Connection::open(database.path()).unwrap();
    connection.execute("INSERT INTO seaql_migrations VALUES ('m29990101_from_the_future', 0)", []).unwrap();
    let refused = Journal::open(database.url(), &options).await.unwrap_err();
    assert!(refused.to_string().contains("m29990101_from_the_future"), "{refused}");
}

#[tokio::test]
async fn urls_that_cannot_be_used_are_refused_with_a_sentence() {
    for url in ["mysql://x", "sqlite::memory:", "postgres://127.0.0.1:1/x", "nonsense", "sqlite:///does/not/exist.db"] {
        let refused = open::open(url).await.unwrap_err();
        assert!(refused.to_string().ends_with(['.', ')']) || refused.to_string().contains(':'), "{refused}");
    }
}

#[tokio::test]
async fn what_has_to_go_on_is_found_oldest_first() {
    for fixture in fixtures().await {
        let mut started = Vec::new();
        for _ in 0..5 {
            started.push(fixture.started().await);
        }
        for _ in 0..2 {
            fixture.journal.commit(started[1].finish_step(), None).settled().await.unwrap();
        }
        let mut expected: Vec<_> =
            started.iter().map(|running| (running.state.created_at(), running.state.id())).collect();
        expected.remove(1);
        expected.sort();
        let first = fixture.journal.due(None, now(), 2).await.unwrap();
        let rest = fixture.journal.due(first.last().copied(), now(), 10).await.unwrap();
        let found: Vec<_> = first.into_iter().chain(rest).map(|due| due.id).collect();
        assert_eq!(found, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    }
}
