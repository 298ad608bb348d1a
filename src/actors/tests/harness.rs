//! A runtime on a temporary database, and a Pioneer whose steps wait until they are let go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::super::{AskError, Runtime, RuntimeOptions, StartExecution};
use crate::domain::{
    AttemptId, Command, Execution, ExecutionId, Mode, ProgressReport, StartData, Timestamp, Workflow, WorkflowDraft,
    WorkflowId,
};
use crate::journal::{Journal, OpenOptions, StartKey};
use crate::limits::Limits;
use crate::pioneer::TokenKey;
use crate::worker::{Answer, Pioneer, RunningPioneer, StepCall};

/// Counts the deliveries of each `Idempotency-Key`.
type Deliveries = Arc<Mutex<HashMap<String, usize>>>;

pub(super) struct Harness {
    pub(super) runtime: Runtime,
    pub(super) workflow: Arc<Workflow>,
    pub(super) deliveries: Deliveries,
    /// Each permit lets one call of the step `gated` answer.
    pub(super) gate: Arc<Semaphore>,
    pub(super) journal: Journal,
    _pioneer: RunningPioneer,
    directory: TempDir,
}

pub(super) fn fast_limits() -> Limits {
    let quick = std::time::Duration::from_millis(1);
    Limits { restart_backoff: quick, ..Limits::for_tests() }
}

/// A workflow with the steps `first`, `gated`, `last`.
pub(super) async fn harness(limits: Limits) -> Harness {
    let directory = tempfile::tempdir().unwrap();
    let deliveries = Deliveries::default();
    let gate = Arc::new(Semaphore::new(0));
    let pioneer = pioneer(&deliveries, &gate);
    let journal = open(&directory).await;
    let steps = ["first", "gated", "last"].map(|name| json!({"name": name}));
    let draft = WorkflowDraft::parse(&json!({"name": "Prueba", "steps": steps})).unwrap();
    let now = Timestamp::new(chrono::Utc::now());
    let workflow = Workflow::create(draft, WorkflowId(Uuid::now_v7()), now, &mut Uuid::now_v7);
    let workflow = journal.put_workflow(workflow, 0).await.unwrap().unwrap();
    let options = RuntimeOptions {
        pioneer_url: pioneer.url().to_string(),
        public_url: "http://localhost".to_owned(),
        tokens: TokenKey::new(b"test"),
        limits,
        outages: Arc::default(),
    };
    let runtime = Runtime::launch(journal.clone(), options);
    Harness { runtime, workflow, deliveries, gate, journal, _pioneer: pioneer, directory }
}

async fn open(directory: &TempDir) -> Journal {
    let url = format!("sqlite://{}/test.db?mode=rwc", directory.path().display());
    Journal::open(&url, &OpenOptions { migrate: true, ..OpenOptions::default() }).await.unwrap()
}

fn pioneer(deliveries: &Deliveries, gate: &Arc<Semaphore>) -> RunningPioneer {
    let step = |waits: bool| {
        let (deliveries, gate) = (Arc::clone(deliveries), Arc::clone(gate));
        move |call: StepCall| {
            let (deliveries, gate) = (Arc::clone(&deliveries), Arc::clone(&gate));
            async move {
                let key = call.idempotency_key.unwrap_or_default();
                *deliveries.lock().unwrap().entry(key).or_default() += 1;
                if waits {
                    gate.acquire().await.unwrap().forget();
                }
                Ok(Answer::context(Map::from_iter([(call.step, Value::Bool(true))])))
            }
        }
    };
    let pioneer = Pioneer::new("test").step("first", "", step(false)).unwrap();
    let pioneer = pioneer.step("gated", "", step(true)).unwrap().step("last", "", step(false)).unwrap();
    pioneer.workers(1).bind("127.0.0.1:0").unwrap()
}

impl Harness {
    pub(super) async fn start(&self, mode: Mode) -> ExecutionId {
        self.try_start(mode).await.unwrap().id()
    }

    pub(super) async fn try_start(&self, mode: Mode) -> Result<Arc<Execution>, AskError> {
        self.try_start_with(mode, None).await
    }

    pub(super) async fn try_start_with(&self, mode: Mode, key: Option<StartKey>) -> Result<Arc<Execution>, AskError> {
        let id = ExecutionId(Uuid::now_v7());
        let start = StartExecution {
            id,
            workflow: Arc::clone(&self.workflow),
            mode: Some(mode),
            data: StartData::default(),
            payloads: Vec::new(),
            key,
        };
        self.runtime.start(start).await
    }

    /// Starts an execution and waits until its step `gated` runs.
    pub(super) async fn start_gated(&self) -> ExecutionId {
        let id = self.start(Mode::Automatic).await;
        self.until(id, at_gate).await;
        id
    }

    pub(super) async fn until(&self, id: ExecutionId, done: fn(&Execution) -> bool) -> Arc<Execution> {
        self.runtime.until(id, done).await.unwrap()
    }

    pub(super) async fn report(&self, id: ExecutionId, percentage: u32) -> Result<Arc<Execution>, AskError> {
        self.report_as(None, id, percentage).await
    }

    pub(super) async fn report_as(
        &self,
        attempt: Option<AttemptId>,
        id: ExecutionId,
        percentage: u32,
    ) -> Result<Arc<Execution>, AskError> {
        let report = ProgressReport::parse(&json!({"percentage": percentage})).unwrap();
        let command = Command::ReportProgress { step: "gated".to_owned(), report, attempt };
        self.runtime.ask(id, command, Vec::new()).await
    }

    /// How often the newest attempt of `state` was delivered.
    pub(super) fn deliveries_of_newest(&self, state: &Execution) -> usize {
        let attempt = state.attempts().last().unwrap();
        let step = state.step_of(attempt);
        let key = format!("{}/{}/{}/{}", state.id(), step.id, attempt.visit, attempt.attempt);
        self.deliveries.lock().unwrap().get(&key).copied().unwrap_or(0)
    }

    /// The file of the database.
    pub(super) fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("test.db")
    }
}

pub(super) fn at_gate(state: &Execution) -> bool {
    state.current_step().is_some_and(|step| step.name.as_str() == "gated") && state.has_open_call()
}

/// Looks again and again, leaving the others time to work.
pub(super) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let patience = std::time::Duration::from_secs(20);
    let look = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(patience, look).await.is_ok(), "in vain: {what}");
}
