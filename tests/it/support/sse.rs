//! A reader of server-sent events.

use std::time::Duration;

use awc::Client;
use awc::http::Method;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

type Body = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, String>>>>;

/// An open event stream.
pub(crate) struct Events {
    pub(crate) status: u16,
    headers: awc::http::header::HeaderMap,
    body: Body,
    read: BytesMut,
    /// Comments so far.
    pub(crate) pings: usize,
}

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) seq: u64,
    pub(crate) text: String,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl Events {
    /// Opens the stream at `url`; for servers that may not be there.
    pub(crate) async fn try_open(
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Self, String> {
        let client = Client::builder().disable_timeout().finish();
        let mut request =
            client.request(method.parse::<Method>().unwrap(), url).insert_header(("accept", "text/event-stream"));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        if !body.is_empty() {
            request = request.content_type("application/json");
        }
        let response = request.send_body(body.to_owned()).await.map_err(|error| error.to_string())?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.map(|chunk| chunk.map_err(|error| error.to_string()));
        Ok(Self { status, headers, body: Box::pin(body), read: BytesMut::new(), pings: 0 })
    }

    pub(crate) async fn open(url: &str, headers: &[(&str, &str)]) -> Self {
        let stream = Self::try_open("GET", url, headers, "").await.unwrap();
        assert_eq!(stream.status, 200, "{url}");
        assert_eq!(stream.header("content-type"), Some("text/event-stream"));
        stream
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The next event; `None` at an orderly end, an error where the connection broke.
    pub(crate) async fn try_next(&mut self) -> Result<Option<Told>, String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let block = self.read.split_to(end + 2);
                match told(std::str::from_utf8(&block).unwrap()) {
                    Some(told) => return Ok(Some(told)),
                    None => self.pings += usize::from(block.starts_with(b":")),
                }
                continue;
            }
            match timeout(PATIENCE, self.body.next()).await.expect("nothing came") {
                Some(chunk) => self.read.extend_from_slice(&chunk?),
                None if self.read.is_empty() => return Ok(None),
                None => return Err("it ended within an event".to_owned()),
            }
        }
    }

    pub(crate) async fn next(&mut self) -> Option<Told> {
        self.try_next().await.unwrap()
    }

    /// All that comes until the end.
    pub(crate) async fn rest(&mut self) -> Vec<Told> {
        let mut all = Vec::new();
        while let Some(told) = self.next().await {
            all.push(told);
        }
        all
    }

    /// Waits for a comment.
    pub(crate) async fn until_pinged(&mut self) {
        let pings = self.pings;
        while self.pings == pings {
            let read = timeout(Duration::from_millis(50), self.try_next()).await;
            assert!(read.is_err(), "an event came: {read:?}");
        }
    }
}

/// The event; none where it is a comment, or tells only where the stream is.
fn told(block: &str) -> Option<Told> {
    if block.starts_with(':') {
        return None;
    }
    let (id, data) = block.trim_end().split_once('\n')?;
    let seq = id.strip_prefix("id: ").unwrap().parse().unwrap();
    Some(Told { seq, text: data.strip_prefix("data: ").unwrap().to_owned() })
}
