//! The calls of the API that the commands make, and what they read of the answers.

use awc::http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::client::{Client, ClientError};
use super::event::Event;

/// What is encoded in a part of a URL: all but what ids are made of, so that a URL with one can be read.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// A workflow as far as the commands need it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Workflow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: u64,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
}

/// A step as far as the commands need it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) handler: String,
    pub(super) order: u32,
    pub(super) retry: Option<Retry>,
}

/// How often a step is tried.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Retry {
    pub(super) max_attempts: Option<u32>,
}

/// Whether a server is alive.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Health {
    pub(super) status: String,
}

/// What a start was answered with.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Started {
    pub(super) execution_id: String,
    pub(super) tracking_url: String,
    /// The answer as it came.
    #[serde(skip)]
    pub(super) text: String,
    /// Whether the key had started this execution before.
    #[serde(skip)]
    pub(super) is_replayed: bool,
}

/// What an execution is to be started with.
#[derive(Debug, Default)]
pub(super) struct Start<'a> {
    pub(super) workflow_id: &'a str,
    pub(super) mode: Option<&'a str>,
    pub(super) data: Map<String, Value>,
    pub(super) idempotency_key: Option<&'a str>,
}

/// As much of a status as following an execution needs.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Standing {
    pub(super) workflow_id: String,
    pub(super) workflow_name: String,
    pub(super) workflow_version: u64,
    pub(super) status: String,
    #[serde(default)]
    pub(super) last_seq: u64,
}

impl Standing {
    /// Whether it ended, one way or another.
    pub(super) fn is_ended(&self) -> bool {
        ["completed", "failed", "cancelled"].contains(&self.status.as_str())
    }
}

/// A page of executions.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) executions: Vec<Box<RawValue>>,
    pub(super) links: Links,
    pub(super) pagination: Pagination,
}

/// Where the next page is.
#[derive(Debug, Deserialize)]
pub(super) struct Links {
    pub(super) next: Option<String>,
}

/// How many there are in all.
#[derive(Debug, Deserialize)]
pub(super) struct Pagination {
    pub(super) total: u64,
}

impl Client {
    /// Whether the server is alive, in its own words.
    pub(super) async fn health(&self) -> Result<Health, ClientError> {
        self.get("/health").await
    }

    /// The workflow of this id, or `None`.
    pub(super) async fn workflow(&self, id: &str) -> Result<Option<Workflow>, ClientError> {
        match self.get(&workflow_path(id)).await {
            Err(ClientError::Refused(problem)) if problem.status == StatusCode::NOT_FOUND.as_u16() => Ok(None),
            found => found.map(Some),
        }
    }

    /// Workflows, from the place `offset` on, as many as come at once.
    pub(super) async fn workflows(&self, offset: usize) -> Result<Vec<Workflow>, ClientError> {
        self.get(&format!("/workflows?limit=100&offset={offset}")).await
    }

    /// Creates or replaces the workflow of this id.
    pub(super) async fn put_workflow(&self, id: &str, definition: &Value) -> Result<Workflow, ClientError> {
        self.send(Method::PUT, &workflow_path(id), definition).await
    }

    /// Creates a workflow; the server chooses its id.
    pub(super) async fn post_workflow(&self, definition: &Value) -> Result<Workflow, ClientError> {
        self.send(Method::POST, "/workflows", definition).await
    }

    /// Starts an execution and does not wait for it.
    pub(super) async fn start(&self, start: Start<'_>) -> Result<Started, ClientError> {
        let mut body = json!({"workflow_id": start.workflow_id});
        body["data"] = Value::Object(start.data);
        if let Some(mode) = start.mode {
            body["mode"] = Value::from(mode);
        }
        let key = start.idempotency_key.map(|key| ("Idempotency-Key", key));
        let answer = self.answer(Method::POST, "/execute-async", Some(&body), key).await?;
        let mut started: Started = answer.read()?;
        started.is_replayed = answer.has_header("idempotent-replayed", "true");
        started.text = answer.text()?;
        Ok(started)
    }

    /// The events of an execution after `after`, oldest first, as many as come at once.
    pub(super) async fn events(&self, execution: &str, after: u64) -> Result<Vec<Event>, ClientError> {
        let answer = self.answer(Method::GET, &events_path(execution, after), None, None).await?;
        let events: Vec<Box<RawValue>> = answer.read()?;
        events.iter().map(|event| Event::parse(event.get()).map_err(|error| answer.strange(&error))).collect()
    }

    /// How an execution stands.
    pub(super) async fn standing(&self, execution: &str) -> Result<Standing, ClientError> {
        self.get(&execution_path(execution, "/status")).await
    }

    /// A page of executions; `path` is that of the list or a link to another page.
    pub(super) async fn page(&self, path: &str) -> Result<Page, ClientError> {
        self.get(path).await
    }
}

/// Where a part of an execution is.
pub(super) fn execution_path(execution: &str, part: &str) -> String {
    format!("/executions/{}{part}", encoded(execution))
}

/// Where the events of an execution after `after` are.
pub(super) fn events_path(execution: &str, after: u64) -> String {
    execution_path(execution, &format!("/events?after={after}"))
}

/// A word as a part of a URL.
pub(super) fn encoded(word: &str) -> String {
    utf8_percent_encode(word, ENCODED).to_string()
}

fn workflow_path(id: &str) -> String {
    format!("/workflows/{}", encoded(id))
}
