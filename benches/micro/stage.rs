//! A runtime with an execution to watch, or with a worker that does nothing.

use std::sync::Arc;

use clap::Parser;
use discovery::actors::{Runtime, RuntimeOptions, StartExecution};
use discovery::domain::{ExecutionId, StartData, Workflow};
use discovery::limits::Limits;
use discovery::pioneer::TokenKey;
use discovery::worker::{Answer, Pioneer, RunningPioneer};
use serde_json::{Map, json};

use crate::ground::Ground;
use crate::hand::{STEPS, workflow};

/// What a server has when nothing is set.
#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    limits: Limits,
}

/// A runtime on a database of its own. Needs a running actix system.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    workflow: Arc<Workflow>,
    worker: RunningPioneer,
    _ground: Ground,
}

impl Stage {
    /// Sets everything up; executions of the workflow are in this mode.
    pub(crate) async fn set(mode: &str) -> Self {
        let ground = Ground::sqlite();
        let journal = ground.journal().await;
        let workflow = journal.put_workflow(workflow(mode), 0).await.unwrap().unwrap();
        let worker = worker();
        let options = RuntimeOptions {
            pioneer_url: worker.url(),
            public_url: "http://localhost".to_owned(),
            tokens: TokenKey::new(b"measured"),
            limits: Defaults::parse_from(["micro"]).limits,
            outages: Arc::default(),
        };
        let runtime = Runtime::launch(journal, options);
        Self { runtime, workflow, worker, _ground: ground }
    }

    pub(crate) async fn start(&self, id: ExecutionId, data: StartData) {
        let start = StartExecution {
            id,
            workflow: Arc::clone(&self.workflow),
            mode: None,
            data,
            payloads: Vec::new(),
            key: None,
        };
        self.runtime.start(start).await.unwrap();
    }

    pub(crate) async fn clear(self) {
        self.runtime.stop().await;
        self.worker.handle().stop(false).await;
    }
}

/// A worker whose steps answer at once, with a small change of the context.
fn worker() -> RunningPioneer {
    let pioneer = STEPS.into_iter().fold(Pioneer::new("measured").workers(1), |pioneer, step| {
        let answer = move |_| async move {
            Ok(Answer::context(Map::from_iter([(step.to_owned(), json!({"status": "done", "rows": 12}))])))
        };
        pioneer.step(step, "", answer).unwrap()
    });
    pioneer.bind("127.0.0.1:0").unwrap()
}
