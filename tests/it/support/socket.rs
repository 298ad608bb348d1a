//! A WebSocket client.

use std::time::Duration;

use actix_http::ws::{Frame, Item, Message};
use awc::Client;
use awc::error::WsClientError;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::time::timeout;

use super::{PATIENCE, Told};

type Framed = actix_codec::Framed<awc::BoxedSocket, actix_http::ws::Codec>;

/// More than any event is long.
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An open WebSocket. It answers pings while it is read.
pub(crate) struct Socket {
    framed: Framed,
    /// Pings so far.
    pub(crate) pings: usize,
}

/// Why it ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// The server said so.
    Closed(u16, String),
    /// The connection broke.
    Broken,
}

impl End {
    #[track_caller]
    pub(crate) fn assert_closed(&self, code: u16) {
        assert!(matches!(self, Self::Closed(told, _) if *told == code), "{self:?} instead of {code}");
    }
}

impl Socket {
    /// Opens `url` (of HTTP); the error is the status of the refusal, or 0 where there was no answer.
    pub(crate) async fn try_open(url: &str, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let client = Client::builder().disable_timeout().finish();
        let mut request = client.ws(url.replacen("http", "ws", 1)).max_frame_size(FRAME_BYTES_MAX);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match request.connect().await {
            Ok((_, framed)) => Ok(Self { framed, pings: 0 }),
            Err(WsClientError::InvalidResponseStatus(status)) => Err(status.as_u16()),
            Err(_) => Err(0),
        }
    }

    pub(crate) async fn open(url: &str) -> Self {
        Self::try_open(url, &[]).await.unwrap_or_else(|status| panic!("{url}: {status}"))
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.framed.send(message).await.unwrap();
    }

    pub(crate) async fn say(&mut self, text: impl Into<Value>) {
        self.send(Message::Text(text.into().to_string().into())).await;
    }

    /// Sends a message in parts, with a ping between them.
    pub(crate) async fn say_in_parts(&mut self, text: &str, bytes: usize) {
        let parts: Vec<Bytes> = text.as_bytes().chunks(bytes).map(Bytes::copy_from_slice).collect();
        let last = parts.len() - 1;
        for (place, part) in parts.into_iter().enumerate() {
            let part = match place {
                0 => Item::FirstText(part),
                place if place == last => Item::Last(part),
                _ => Item::Continue(part),
            };
            self.send(Message::Continuation(part)).await;
            self.send(Message::Ping(Bytes::new())).await;
        }
    }

    /// The next message of text, or why there is none.
    pub(crate) async fn next(&mut self) -> Result<String, End> {
        loop {
            match timeout(PATIENCE, self.framed.next()).await.expect("nothing came") {
                Some(Ok(Frame::Text(bytes))) => return Ok(String::from_utf8(bytes.to_vec()).unwrap()),
                Some(Ok(Frame::Ping(bytes))) => {
                    self.pings += 1;
                    // The server may be closing.
                    let _ = self.framed.send(Message::Pong(bytes)).await;
                }
                Some(Ok(Frame::Close(reason))) => {
                    let (code, why) = reason.map_or((1005, None), |r| (r.code.into(), r.description));
                    return Err(End::Closed(code, why.unwrap_or_default()));
                }
                Some(Ok(Frame::Pong(_))) => {}
                Some(Ok(frame)) => panic!("the server sent {frame:?}"),
                Some(Err(_)) | None => return Err(End::Broken),
            }
        }
    }

    pub(crate) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.next().await.unwrap()).unwrap()
    }

    /// The next event.
    pub(crate) async fn told(&mut self) -> Result<Told, End> {
        let text = self.next().await?;
        let event: Value = serde_json::from_str(&text).unwrap();
        Ok(Told { seq: event["seq"].as_u64().unwrap_or_else(|| panic!("no event: {text}")), text })
    }

    /// All events until the end.
    pub(crate) async fn rest(&mut self) -> (Vec<Told>, End) {
        let mut all = Vec::new();
        loop {
            match self.told().await {
                Ok(told) => all.push(told),
                Err(end) => return (all, end),
            }
        }
    }

    /// Whether nothing comes for a moment.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        timeout(Duration::from_millis(100), self.next()).await.is_err()
    }
}
