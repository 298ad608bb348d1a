//! Live events: an execution's log from any point on, then what is committed, by server-sent events or WebSocket.
//!
//! Both are fed by a [`crate::actors::Feed`] and polled by the client's connection, at the client's pace. What watches
//! over clients that do not read is [`crate::actors::Session`].

mod feeds;
mod frames;
pub(super) mod handlers;
mod operator;
mod socket;
mod sse;
mod words;

pub(super) use sse::{answer_events, last_event_id, wants_events};

use std::sync::Arc;

use actix_web::HttpRequest;

use crate::actors::Line;

/// The line of the request's connection; one that leads nowhere where there is none, as in tests.
fn line_of(request: &HttpRequest) -> Arc<Line> {
    request.conn_data::<Arc<Line>>().map_or_else(Arc::default, Arc::clone)
}
