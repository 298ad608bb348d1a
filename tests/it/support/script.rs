//! What a worker is called with, and what it does then.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{Http, Reply};

/// What a worker does in the end with a call.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers with this status, these headers and this body.
    Answer(u16, Vec<(String, String)>, Vec<u8>),
    /// Writes these bytes, whatever they mean, and closes the connection.
    Garbage(Vec<u8>),
    /// Writes these bytes and then nothing more until the gate opens.
    Drip(Vec<u8>, Gate),
    /// Closes the connection without a word.
    Break,
}

impl Act {
    /// 200 with this body.
    pub(crate) fn answer(body: Value) -> Self {
        Self::status(200, body)
    }

    /// Any status with this body.
    pub(crate) fn status(status: u16, body: Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// Any status with a body that may be no JSON.
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer(status, vec![("content-type".to_owned(), content_type.to_owned())], body.into())
    }

    /// The same with one more header.
    pub(crate) fn with_header(self, name: &str, value: &str) -> Self {
        match self {
            Self::Answer(status, mut headers, body) => {
                headers.push((name.to_owned(), value.to_owned()));
                Self::Answer(status, headers, body)
            }
            Self::Garbage(_) | Self::Drip(..) | Self::Break => self,
        }
    }
}

/// A call as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) path: String,
    pub(crate) handler: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

impl Delivery {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.get(&name.to_ascii_lowercase());
        found.unwrap_or_else(|| panic!("no {name} among {:?}", self.headers))
    }

    pub(crate) fn idempotency_key(&self) -> &str {
        self.header("idempotency-key")
    }

    pub(crate) fn execution(&self) -> &str {
        self.header("discovery-execution-id")
    }

    pub(crate) fn context(&self) -> &Value {
        &self.body["context"]
    }

    /// Reports progress over the callback URL, as it was given.
    pub(crate) async fn progress(&self, body: Value) -> Reply {
        self.report("/progress", body).await
    }

    /// Reports the end over the callback URL, as it was given.
    pub(crate) async fn complete(&self, body: Value) -> Reply {
        self.report("/complete", body).await
    }

    async fn report(&self, path: &str, body: Value) -> Reply {
        let mut request = Http::to(self.header("discovery-callback-url")).request("POST", path).json(&body);
        if let Some(token) = self.headers.get("discovery-step-token") {
            request = request.header("discovery-step-token", token);
        }
        request.send().await
    }
}

pub(super) type Script = Rc<dyn Fn(Delivery) -> LocalBoxFuture<'static, Act>>;

/// Holds calls until the test lets them go.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Rc<Semaphore>);

impl Gate {
    pub(super) fn closed() -> Self {
        Self(Rc::new(Semaphore::new(0)))
    }

    /// Lets every call go, now and later.
    pub(crate) fn open(&self) {
        self.0.add_permits(1_000_000);
    }

    /// Lets one call go.
    pub(crate) fn let_one_go(&self) {
        self.0.add_permits(1);
    }

    /// Waits to be let go.
    pub(crate) async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}
