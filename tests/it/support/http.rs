//! A client: requests in one line, replies that can be looked into.
//!
//! Each reply of a server of ours is held against the server's own description.

use std::collections::BTreeMap;
use std::time::Duration;

use awc::Client;
use awc::http::Method;
use bytes::Bytes;
use serde_json::Value;

use super::described;

/// More than any test needs.
const REPLY_BYTES_MAX: usize = 256 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(60);

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Http {
    base: String,
    client: Client,
}

/// A request on its way.
pub(crate) struct Request {
    what: String,
    method: String,
    url: String,
    request: awc::ClientRequest,
    body: Bytes,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The request, for messages.
    pub(crate) what: String,
    pub(crate) status: u16,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) bytes: Bytes,
}

impl Http {
    /// A client of the server at `base`.
    pub(crate) fn to(base: impl Into<String>) -> Self {
        Self { base: base.into(), client: Client::builder().timeout(TIMEOUT).disable_redirects().finish() }
    }

    pub(crate) fn url(&self) -> &str {
        &self.base
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        let what = format!("{method} {path}");
        let url = format!("{}{path}", self.base);
        let request = self.client.request(method.parse::<Method>().unwrap(), &url);
        Request { what, method: method.to_owned(), url, request, body: Bytes::new() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.request("GET", path).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Value>) -> Reply {
        self.request("POST", path).json(&body.into()).send().await
    }

    pub(crate) async fn put(&self, path: &str, body: impl Into<Value>) -> Reply {
        self.request("PUT", path).json(&body.into()).send().await
    }

    pub(crate) async fn patch(&self, path: &str, body: impl Into<Value>) -> Reply {
        self.request("PATCH", path).json(&body.into()).send().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.request("DELETE", path).send().await
    }
}

impl Request {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.insert_header((name, value));
        self
    }

    /// Adds a header beside those of the same name.
    pub(crate) fn another_header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.append_header((name, value));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sends the body in chunks, its length unannounced.
    pub(crate) async fn send_chunked(self) -> Reply {
        let chunks: Vec<_> = self.body.chunks(16 * 1024).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let stream = futures_util::stream::iter(chunks);
        let sent = self.request.send_stream::<_, std::io::Error>(stream).await;
        let reply = reply(self.what, sent.unwrap()).await.unwrap();
        described::check(&self.method, &self.url, &reply);
        reply
    }

    pub(crate) async fn send(self) -> Reply {
        let what = self.what.clone();
        self.try_send().await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// For servers that may not be there.
    pub(crate) async fn try_send(self) -> Result<Reply, String> {
        let response = self.request.send_body(self.body).await.map_err(|error| error.to_string())?;
        let reply = reply(self.what, response).await?;
        described::check(&self.method, &self.url, &reply);
        Ok(reply)
    }
}

async fn reply<S>(what: String, mut response: awc::ClientResponse<S>) -> Result<Reply, String>
where
    S: futures_util::Stream<Item = Result<Bytes, awc::error::PayloadError>> + Unpin,
{
    let header = |(name, value): (&awc::http::header::HeaderName, &awc::http::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = response.headers().iter().map(header).collect();
    let status = response.status().as_u16();
    let bytes = response.body().limit(REPLY_BYTES_MAX).await.map_err(|error| error.to_string())?;
    Ok(Reply { what, status, headers, bytes })
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{self}: no JSON: {error}"))
    }

    /// The body of a reply that must have this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self}");
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// The body of a refusal, which must be a problem with this status and a sentence.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{self}");
        assert!(problem["type"].is_string() && problem["title"].is_string(), "{self}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{self}");
        problem
    }

    /// The pointers that a 422 names.
    #[track_caller]
    pub(crate) fn pointers(&self) -> Vec<String> {
        let problem = self.problem(422);
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{self}: no errors"));
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.text();
        write!(f, "{} answered {}: {}", self.what, self.status, &text[..text.floor_char_boundary(2_000)])
    }
}
