//! The application with its journal, its actors and a service that runs steps; only the server's sockets are missing.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::Request;
use actix_rt::SystemRunner;
use actix_web::body::{BoxBody, to_bytes_limited};
use actix_web::dev::Service;
use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::test::{TestRequest, init_service};
use actix_web::{HttpResponse, http};
use chrono::Utc;
use clap::Parser;
use discovery::actors::{Runtime, RuntimeOptions};
use discovery::config::Config;
use discovery::domain::{ExecutionId, Timestamp, WaitingFor};
use discovery::http::{Edge, app};
use discovery::journal::{Journal, OpenOptions};
use discovery::pioneer::TokenKey;
use discovery::worker::{Answer, Pioneer, RunningPioneer, StepCall, StepFailure};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

/// What nothing takes as long as: who waits for longer has found something that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
/// The most that an answer may hold, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

type Call = Rc<dyn Fn(Request) -> Pin<Box<dyn Future<Output = HttpResponse<BoxBody>>>>>;

/// The application, on a thread of its own system.
pub(crate) struct Stage {
    system: SystemRunner,
    edge: Edge,
    call: Call,
    worker: Option<RunningPioneer>,
    _directory: TempDir,
}

/// What a request was answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

/// The configuration that `flags` give.
pub(crate) fn config(flags: &[&str]) -> Config {
    Flags::parse_from([&["discovery"], flags].concat()).config
}

/// Where a database is quick: nothing of it must outlive the process.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("a directory for the database")
}

/// Goes on elsewhere: the end is left to a report.
async fn elsewhere(_: StepCall) -> Result<Answer, StepFailure> {
    Ok(Answer::accepted())
}

async fn plain(_: StepCall) -> Result<Answer, StepFailure> {
    Ok(Answer::empty())
}

fn start_worker() -> RunningPioneer {
    let pioneer = Pioneer::new("fuzzed").workers(1);
    let pioneer = pioneer.step("elsewhere", "Goes on elsewhere", elsewhere).expect("a step");
    let pioneer = pioneer.step("plain", "Does nothing", plain).expect("a step");
    pioneer.bind("127.0.0.1:0").expect("a free port")
}

impl Stage {
    pub(crate) fn build() -> Self {
        let (system, directory) = (actix_rt::System::new(), scratch());
        let (edge, call, worker) = system.block_on(async {
            let worker = start_worker();
            let url = format!("sqlite://{}/discovery.db?mode=rwc", directory.path().display());
            let (pioneer_url, one_second) = (worker.url(), "1");
            // Where the machine has no time for us, or stops us for a while, that is no fault of the server.
            let never = "3600";
            let config = config(&[
                "--database-url",
                &url,
                "--pioneer-url",
                &pioneer_url,
                "--sqlite-synchronous",
                "normal",
                "--sync-timeout-seconds",
                "0.005",
                "--progress-interval-seconds",
                "0.001",
                "--passivate-after-seconds",
                one_second,
                "--request-timeout-seconds",
                never,
                "--payload-bytes",
                "64",
                "--session-message-bytes-max",
                "4096",
            ]);
            let edge = open(config).await;
            let call = serve(&edge).await;
            (edge, call, worker)
        });
        Self { system, edge, call, worker: Some(worker), _directory: directory }
    }

    pub(crate) fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Runs `future` to its end, which must come.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let done = self.system.block_on(async { tokio::time::timeout(PATIENCE, future).await });
        done.expect("nothing hangs")
    }

    /// Sends a request, and gives its answer as it is.
    pub(crate) async fn send(&self, request: Request) -> HttpResponse<BoxBody> {
        (self.call)(request).await
    }

    /// Sends a request; whatever it holds, the answer must be one of a healthy server.
    pub(crate) fn ask(&self, request: TestRequest) -> Reply {
        self.run(async {
            let request = request.to_request();
            let asked = format!("{} {}", request.method(), request.uri());
            let response = self.send(request).await;
            let status = response.status().as_u16();
            let media = response.headers().get(CONTENT_TYPE).map(|media| media.to_str().expect("text").to_owned());
            let body = to_bytes_limited(response.into_body(), ANSWER_BYTES_MAX).await.expect("a bound");
            let body = body.expect("a body");
            assert!(status < 500, "{asked}: {status} {}", String::from_utf8_lossy(&body));
            check_reply(&asked, status, media.as_deref().unwrap_or_default(), &body)
        })
    }

    /// Sends a JSON body that is known to be good.
    pub(crate) fn good(&self, method: Method, path: &str, body: &Value) -> Value {
        let request = TestRequest::with_uri(path).method(method);
        let reply = self.ask(request.insert_header((CONTENT_TYPE, "application/json")).set_payload(body.to_string()));
        assert!(reply.status < 300, "{path}: {} {}", reply.status, reply.body);
        reply.body
    }

    /// Makes the workflow `id`, whose first step goes on elsewhere.
    pub(crate) fn put_workflow(&self, id: Uuid) {
        let steps = json!([
            {"name": "a", "handler": "elsewhere", "max_visits": 5, "retry": {"max_attempts": 2}},
            {"name": "b", "handler": "plain", "max_visits": 5},
        ]);
        self.good(Method::PUT, &format!("/workflows/{id}"), &json!({"name": "W", "steps": steps}));
    }

    /// Starts an execution of the workflow `id`, and waits until its first step goes on elsewhere.
    pub(crate) fn start(&self, workflow: Uuid) -> Uuid {
        let started = self.good(Method::POST, &format!("/workflows/{workflow}/execute-async"), &json!({}));
        let id: Uuid = started["execution_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let waits = self
            .run(self.edge.runtime.until(ExecutionId(id), |state| state.waiting_for() == Some(WaitingFor::Callback)));
        waits.expect("an execution");
        id
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let worker = self.worker.take();
        self.system.block_on(async {
            self.edge.runtime.dismiss_sessions();
            self.edge.runtime.stop().await;
            if let Some(worker) = worker {
                // Whether it ends well is not what is asked here.
                let _ = worker.stop().await;
            }
            self.edge.journal.close().await;
        });
    }
}

fn check_reply(asked: &str, status: u16, media: &str, body: &[u8]) -> Reply {
    let body = if media.contains("json") { serde_json::from_slice(body).expect("JSON") } else { Value::Null };
    if status >= 400 && !asked.starts_with("HEAD") {
        assert_eq!(media, "application/problem+json", "{asked}: {status}");
        assert_eq!(body["status"], status, "{asked}");
        assert!(body["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{asked}: {body}");
    }
    Reply { status, body }
}

async fn open(config: Config) -> Edge {
    let options = OpenOptions { migrate: true, synchronous: config.sqlite_synchronous, ..OpenOptions::default() };
    let journal = Journal::open(&config.database_url, &options).await.expect("a journal");
    let outages = journal.begin_life(Timestamp::new(Utc::now())).await.expect("a life");
    let options = RuntimeOptions {
        pioneer_url: config.pioneer_url.clone(),
        public_url: config.public_url(80),
        tokens: TokenKey::new(b"the secret of the fuzzed"),
        outages: Arc::new(outages),
        limits: config.limits.clone(),
    };
    let runtime = Runtime::launch(journal.clone(), options);
    Edge { journal, runtime, config: Arc::new(config) }
}

async fn serve(edge: &Edge) -> Call {
    let service = Rc::new(init_service(app(edge)).await);
    Rc::new(move |request| {
        let service = Rc::clone(&service);
        Box::pin(async move {
            match service.call(request).await {
                Ok(response) => response.into_parts().1.map_into_boxed_body(),
                Err(error) => error.error_response(),
            }
        })
    })
}

/// The path of `uri`, if it can stand in a request.
pub(crate) fn uri(text: &str) -> Option<http::Uri> {
    http::Uri::try_from(text).ok().filter(|uri| uri.path().starts_with('/'))
}
