//! The client: so many loops, each of which asks again as soon as it was answered.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::rt::spawn;
use anyhow::{Context, ensure};
use awc::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use awc::{Client, Connector};
use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::Value;

/// Longer than any answer should take; what hangs is an error, not the end of the measurement.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Of so many runs, one is begun by a call that answers at once, which is timed, and then followed to its end.
const BEGUN_ONE_OF: usize = 16;

/// What is asked, again and again.
pub(crate) struct Target {
    /// Answers when a run has ended.
    pub(crate) run: String,
    /// Answers when a run has begun, and the server whose `/executions/{id}/events` follow it.
    pub(crate) begin: Option<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// What is sent.
pub(crate) enum Body {
    Same(Bytes),
    /// So many bytes of data, in which each run has others.
    Payload(usize),
}

impl Body {
    fn make(&self, number: usize) -> Bytes {
        match self {
            Self::Same(bytes) => bytes.clone(),
            Self::Payload(bytes) => Bytes::from(format!(
                r#"{{"data": {{"document": "{number:016}{}"}}}}"#,
                "x".repeat(bytes.saturating_sub(16))
            )),
        }
    }
}

/// The headers that are given as `Name: value`.
pub(crate) fn headers(lines: &[String]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').with_context(|| format!("'{line}' is no header"))?;
        headers.insert(HeaderName::try_from(name.trim())?, HeaderValue::from_str(value.trim())?);
    }
    Ok(headers)
}

/// What was seen while it was measured.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Runs that have ended.
    pub(crate) ended: usize,
    /// How long those took that one request began and answered.
    pub(crate) runs: Vec<Duration>,
    /// How long it took to begin one.
    pub(crate) starts: Vec<Duration>,
    pub(crate) errors: usize,
    /// The first error.
    pub(crate) error: Option<String>,
}

/// Loops that go on until they are stopped.
pub(crate) struct Load {
    shared: Rc<Shared>,
    loops: Vec<actix_web::rt::task::JoinHandle<()>>,
}

struct Shared {
    client: Client,
    target: Target,
    /// Counts the runs, so that each can be another.
    numbers: Cell<usize>,
    stopped: Cell<bool>,
    seen: RefCell<Seen>,
}

impl Load {
    /// Starts `in_flight` loops.
    pub(crate) fn start(target: Target, in_flight: usize) -> Self {
        let connector = Connector::new().limit(0).max_http_version(awc::http::Version::HTTP_11);
        let client = Client::builder().connector(connector).timeout(ANSWER_TIMEOUT).disable_redirects().finish();
        let (numbers, stopped, seen) = Default::default();
        let shared = Rc::new(Shared { client, target, numbers, stopped, seen });
        let one = |_| spawn(Rc::clone(&shared).go_on());
        let loops = (0..in_flight).map(one).collect();
        Self { shared, loops }
    }

    /// What was seen since it was asked last.
    pub(crate) fn take_seen(&self) -> Seen {
        self.shared.seen.take()
    }

    /// Lets the loops end what they have begun.
    pub(crate) async fn stop(self) {
        self.shared.stopped.set(true);
        join_all(self.loops).await;
    }
}

impl Shared {
    async fn go_on(self: Rc<Self>) {
        while !self.stopped.get() {
            let number = self.numbers.replace(self.numbers.get() + 1);
            let result = match &self.target.begin {
                Some((begin, server)) if number % BEGUN_ONE_OF == BEGUN_ONE_OF - 1 => {
                    self.begin_and_follow(begin, server, number).await
                }
                Some(_) | None => self.run(number).await,
            };
            if let Err(error) = result {
                self.note(&error);
                // So that a server that is gone is not asked a million times.
                actix_web::rt::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    fn note(&self, error: &anyhow::Error) {
        let mut seen = self.seen.borrow_mut();
        seen.errors += 1;
        seen.error.get_or_insert_with(|| error.to_string());
    }

    async fn run(&self, number: usize) -> anyhow::Result<()> {
        let began = Instant::now();
        self.post(&self.target.run, number).await?;
        let mut seen = self.seen.borrow_mut();
        seen.runs.push(began.elapsed());
        seen.ended += 1;
        Ok(())
    }

    /// Begins an execution, and follows its events to their end.
    async fn begin_and_follow(&self, begin: &str, server: &str, number: usize) -> anyhow::Result<()> {
        let began = Instant::now();
        let answer = self.post(begin, number).await?;
        self.seen.borrow_mut().starts.push(began.elapsed());
        let answer: Value = serde_json::from_slice(&answer)?;
        let id = answer["execution_id"].as_str().context("the answer names no execution")?;
        let events = self.client.get(format!("{server}/executions/{id}/events"));
        let events = events.insert_header((ACCEPT, "text/event-stream")).send().await;
        let mut events = events.map_err(|error| anyhow::anyhow!("{error}"))?;
        events.body().limit(ANSWER_BYTES_MAX).await?;
        // Its time would be that of two requests.
        self.seen.borrow_mut().ended += 1;
        Ok(())
    }

    async fn post(&self, url: &str, number: usize) -> anyhow::Result<Bytes> {
        let mut request = self.client.post(url).insert_header((CONTENT_TYPE, "application/json"));
        for header in &self.target.headers {
            request = request.insert_header(header);
        }
        let answer = request.send_body(self.target.body.make(number)).await;
        let mut answer = answer.map_err(|error| anyhow::anyhow!("{error}"))?;
        let body = answer.body().limit(ANSWER_BYTES_MAX).await?;
        let status = answer.status();
        ensure!(status.is_success(), "HTTP {status}: {}", String::from_utf8_lossy(&body));
        Ok(body)
    }
}
