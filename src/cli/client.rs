//! A small client: the commands talk to Discovery as any other program does. `api.rs` has the calls.

use std::io::ErrorKind;
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::error::ParseError;
use awc::error::{ConnectError, SendRequestError};
use awc::http::header::HeaderMap;
use awc::http::{Method, StatusCode};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::api::events_path;
use super::problem::Problem;
use super::sse::EventStream;
use super::text::io_reason;

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a stream may last before it is opened anew; it says itself whether it is alive.
const STREAM_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);
const EVENT_STREAM: &str = "text/event-stream";

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

impl ClientError {
    /// The reason alone, without advice.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Unreachable { reason, .. } | Self::BadUrl { reason, .. } | Self::Strange { reason, .. } => {
                reason.clone()
            }
            Self::Refused(problem) => problem.to_string(),
        }
    }
}

/// An answer that is a success.
pub(super) struct Answer {
    url: String,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Answer {
    /// Reads it as JSON.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.bytes).map_err(|error| self.strange(&error))
    }

    /// The answer as it came, without an end of line.
    pub(super) fn text(&self) -> Result<String, ClientError> {
        let text = std::str::from_utf8(&self.bytes).map_err(|error| self.strange(&error))?;
        Ok(text.trim_end().to_owned())
    }

    /// Whether it has this header with this value.
    pub(super) fn has_header(&self, name: &str, value: &str) -> bool {
        self.headers.get(name).is_some_and(|found| found.as_bytes() == value.as_bytes())
    }

    /// Says that it is not what was asked for.
    pub(super) fn strange(&self, error: &dyn std::error::Error) -> ClientError {
        let reason = format!("its answer is not what was asked for ({error})");
        ClientError::Strange { url: self.url.clone(), reason }
    }
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

    /// Asks for JSON.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.answer(Method::GET, path, None, None).await?.read()
    }

    /// Sends JSON and reads JSON.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, ClientError> {
        self.answer(method, path, Some(body), None).await?.read()
    }

    /// Sends a request, with a header more if there is one, and takes the whole answer.
    pub(super) async fn answer(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        header: Option<(&'static str, &str)>,
    ) -> Result<Answer, ClientError> {
        let url = self.url(path);
        let mut request = self.http.request(method, url.as_str()).insert_header(("Accept", "application/json"));
        if let Some(header) = header {
            request = request.insert_header(header);
        }
        let sent = match body {
            Some(body) => request.send_json(body).await,
            None => request.send().await,
        };
        let mut answer = sent.map_err(|error| self.unsent(&url, &error))?;
        let status = answer.status();
        let bytes = answer.body().limit(ANSWER_BYTES_MAX).await;
        let bytes = bytes.map_err(|error| ClientError::Strange {
            url: url.clone(),
            reason: format!("its answer broke off ({error})"),
        })?;
        if !status.is_success() {
            return Err(ClientError::Refused(Problem::read(status, &bytes)));
        }
        Ok(Answer { url, headers: answer.headers().clone(), bytes })
    }

    /// Opens the stream of an execution's events after `after`; `None` where there are no streams.
    pub(super) async fn stream(&self, execution: &str, after: u64) -> Result<Option<EventStream>, ClientError> {
        let url = self.url(&events_path(execution, after));
        let request = self.http.get(url.as_str()).timeout(STREAM_TIMEOUT);
        let request =
            request.insert_header(("Accept", EVENT_STREAM)).insert_header(("Last-Event-ID", after.to_string()));
        let opened = tokio::time::timeout(ANSWER_TIMEOUT, request.send()).await;
        let opened = opened.unwrap_or(Err(SendRequestError::Timeout));
        let mut answer = opened.map_err(|error| self.unsent(&url, &error))?;
        if answer.status() != StatusCode::NOT_ACCEPTABLE && !answer.status().is_success() {
            let said = answer.body().limit(ANSWER_BYTES_MAX).await.unwrap_or_default();
            return Err(ClientError::Refused(Problem::read(answer.status(), &said)));
        }
        let is_stream = answer.content_type().eq_ignore_ascii_case(EVENT_STREAM);
        Ok((answer.status() == StatusCode::OK && is_stream).then(|| EventStream::new(answer)))
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
            SendRequestError::Response(ParseError::Io(_) | ParseError::Incomplete) => "the connection broke".to_owned(),
            error => return ClientError::Strange { url: url.to_owned(), reason: error.to_string() },
        };
        ClientError::Unreachable { base: self.base.clone(), reason }
    }
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
