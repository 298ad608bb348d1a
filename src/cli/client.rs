//! A small client of the API: the commands talk to Discovery as any other program does.

use std::io::ErrorKind;
use std::time::Duration;

use awc::error::{ConnectError, SendRequestError};
use awc::http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::event::Event;
use super::problem::Problem;
use super::text::io_reason;

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a request did not do what it was to do; each is a sentence, with the server's pointers below it.
#[derive(Debug, Error)]
pub(super) enum ClientError {
    /// The base URL cannot be used.
    #[error("'{url}' is no address of a Discovery: {reason}.")]
    BadUrl { url: String, reason: String },
    /// Nobody answers there.
    #[error(
        "Discovery at {base} cannot be reached ({reason}); start it with `discovery serve`, or name another with --url \
        or DISCOVERY_URL."
    )]
    Unreachable { base: String, reason: String },
    /// It refused.
    #[error("{0}")]
    Refused(Problem),
    /// What answers there does not speak as Discovery does.
    #[error("What answers at {url} does not speak as Discovery does: {reason}.")]
    Strange { url: String, reason: String },
}

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
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) handler: String,
}

/// Whether a server is alive.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Health {
    pub(super) status: String,
}

/// What a start was answered with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Started {
    pub(super) execution_id: String,
    pub(super) tracking_url: String,
}

/// A client of the Discovery at one base URL.
pub(super) struct Client {
    base: String,
    http: awc::Client,
}

impl Client {
    /// A client of the Discovery at `base`, which may hold a path.
    pub(super) fn new(base: &str) -> Result<Self, ClientError> {
        let base = parse_base(base).map_err(|reason| ClientError::BadUrl { url: base.to_owned(), reason })?;
        Ok(Self { base, http: awc::Client::builder().timeout(ANSWER_TIMEOUT).finish() })
    }

    /// Where a path of the API is.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether the server is alive, in its own words.
    pub(super) async fn health(&self) -> Result<Health, ClientError> {
        Ok(self.send(Method::GET, "/health", None).await?.1)
    }

    /// The workflow of this id, or `None`.
    pub(super) async fn workflow(&self, id: &str) -> Result<Option<Workflow>, ClientError> {
        match self.send(Method::GET, &workflow_path(id), None).await {
            Ok((_, workflow)) => Ok(Some(workflow)),
            Err(ClientError::Refused(problem)) if problem.status == StatusCode::NOT_FOUND.as_u16() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates or replaces the workflow of this id.
    pub(super) async fn put_workflow(&self, id: &str, definition: &Value) -> Result<Workflow, ClientError> {
        Ok(self.send(Method::PUT, &workflow_path(id), Some(definition)).await?.1)
    }

    /// Creates a workflow; the server chooses its id.
    pub(super) async fn post_workflow(&self, definition: &Value) -> Result<Workflow, ClientError> {
        Ok(self.send(Method::POST, "/workflows", Some(definition)).await?.1)
    }

    /// Starts an execution and does not wait for it.
    pub(super) async fn start(&self, workflow_id: &str, data: Map<String, Value>) -> Result<Started, ClientError> {
        let body = json!({"workflow_id": workflow_id, "data": data});
        Ok(self.send(Method::POST, "/execute-async", Some(&body)).await?.1)
    }

    /// The events of an execution after `after`, oldest first.
    pub(super) async fn events(&self, execution_id: &str, after: u64) -> Result<Vec<Event>, ClientError> {
        let path = format!("/executions/{execution_id}/events?after={after}");
        Ok(self.send(Method::GET, &path, None).await?.1)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, T), ClientError> {
        let url = self.url(path);
        let strange = |reason: String| ClientError::Strange { url: url.clone(), reason };
        let request = self.http.request(method, url.as_str()).insert_header(("Accept", "application/json"));
        let sent = match body {
            Some(body) => request.send_json(body).await,
            None => request.send().await,
        };
        let mut answer = sent.map_err(|error| self.unsent(&url, &error))?;
        let status = answer.status();
        let bytes = answer.body().limit(ANSWER_BYTES_MAX).await;
        let bytes = bytes.map_err(|error| strange(format!("its answer broke off ({error})")))?;
        if !status.is_success() {
            return Err(ClientError::Refused(Problem::read(status, &bytes)));
        }
        let answer = serde_json::from_slice(&bytes);
        Ok((status, answer.map_err(|error| strange(format!("its answer is not what was asked for ({error})")))?))
    }

    /// Says why a request never had an answer.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the errors of another crate, which may grow")]
    fn unsent(&self, url: &str, error: &SendRequestError) -> ClientError {
        let reason = match error {
            SendRequestError::Timeout => format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()),
            SendRequestError::Connect(ConnectError::Io(error)) => match error.kind() {
                ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
                _ => io_reason(error),
            },
            SendRequestError::Connect(ConnectError::Timeout) => "the connection takes too long".to_owned(),
            SendRequestError::Connect(ConnectError::Resolver(_) | ConnectError::NoRecords) => {
                "there is no such host".to_owned()
            }
            SendRequestError::Connect(ConnectError::Disconnected) | SendRequestError::Send(_) => {
                "the connection broke".to_owned()
            }
            error => return ClientError::Strange { url: url.to_owned(), reason: error.to_string() },
        };
        ClientError::Unreachable { base: self.base.clone(), reason }
    }
}

fn workflow_path(id: &str) -> String {
    format!("/workflows/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

/// The base URL without a slash at its end, or what is wrong with it.
fn parse_base(base: &str) -> Result<String, String> {
    let url = url::Url::parse(base).map_err(|_| "it should look like http://localhost:8080".to_owned())?;
    if url.scheme() != "http" {
        return Err(format!("it begins with {}:, and only http: is spoken here", url.scheme()));
    }
    if url.host_str().is_none() || url.query().is_some() || url.fragment().is_some() {
        return Err("it should look like http://localhost:8080".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_may_hold_a_path_and_slashes() {
        for (given, path) in [("http://h:1", "http://h:1/x"), ("http://h:1/", "http://h:1/x")] {
            assert_eq!(Client::new(given).ok().unwrap().url("/x"), path);
        }
        assert_eq!(Client::new("http://h/discovery/").ok().unwrap().url("/x"), "http://h/discovery/x");
    }

    #[test]
    fn a_url_that_cannot_work_is_refused_with_a_sentence() {
        let refusal = |url| Client::new(url).err().unwrap().to_string();
        let expected = "'localhost' is no address of a Discovery: it should look like http://localhost:8080.";
        assert_eq!(refusal("localhost"), expected);
        assert!(refusal("https://example.org").contains("only http: is spoken here"));
        assert!(refusal("http://h/?a=b").contains("should look like"));
    }

    #[actix_web::test]
    async fn a_server_that_is_not_there_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = Client::new(&base).ok().unwrap().events("e", 0).await.unwrap_err();
        let expected = format!("Discovery at {base} cannot be reached (nothing listens there); start it with ");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}
