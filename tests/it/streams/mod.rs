//! Live events, by server-sent events and WebSocket.

mod crowd;
mod cut;
mod many;
mod slow;
mod sse;
mod websocket;

use serde_json::value::RawValue;

use crate::support::{Discovery, Told};

/// The log of an execution as REST gives it, each event byte for byte.
async fn log_of(discovery: &Discovery, execution: &str) -> Vec<Told> {
    let mut log: Vec<Told> = Vec::new();
    loop {
        let path = format!("/executions/{execution}/events?limit=10000&after={}", log.len());
        let page = discovery.get(&path).await.text();
        let page: Vec<Box<RawValue>> = serde_json::from_str(&page).unwrap();
        if page.is_empty() {
            return log;
        }
        let first = log.len() as u64 + 1;
        let numbered = (first..).zip(page);
        log.extend(numbered.map(|(seq, text)| Told { seq, text: text.get().to_owned() }));
    }
}

/// Whether they are numbered 1, 2, 3 … and each says so itself.
#[track_caller]
fn assert_whole(told: &[Told]) {
    for (place, event) in (1..).zip(told) {
        assert_eq!((event.seq, &event.json()["seq"]), (place, &place.into()), "{event:?}");
    }
}
