//! Server-sent events.

use std::convert::Infallible;
use std::future::poll_fn;
use std::task::{Context, Poll};

use actix_web::http::header::{ACCEPT, Accept, CACHE_CONTROL, Header, LOCATION};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::Stream;
use futures_util::stream;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::line_of;
use crate::actors::{Feed, FeedItem, Session, SessionKind};
use crate::domain::ExecutionId;
use crate::http::Edge;
use crate::http::answer::Answer;
use crate::http::problem::Problem;

/// The media type of server-sent events.
const EVENT_STREAM: &str = "text/event-stream";
/// Keeps the connection, and those between, from being taken for idle.
const PING: &[u8] = b": ping\n\n";

/// Whether the client would rather have the events as they come than JSON.
pub(in crate::http) fn wants_events(request: &HttpRequest) -> bool {
    if !request.headers().contains_key(ACCEPT) {
        return false;
    }
    let Ok(accept) = Accept::parse(request) else { return false };
    let wanted = accept.iter().filter(|range| range.quality.to_string() != "0");
    let best_of = |essence: &str| {
        let same = wanted.clone().filter(|range| range.item.essence_str() == essence);
        same.map(|range| range.quality).max_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal))
    };
    best_of(EVENT_STREAM).is_some_and(|events| best_of("application/json").is_none_or(|json| events >= json))
}

/// The `seq` that a client which comes back had last.
pub(in crate::http) fn last_event_id(request: &HttpRequest) -> Result<Option<u64>, Problem> {
    let Some(value) = request.headers().get("Last-Event-ID") else { return Ok(None) };
    match value.to_str().unwrap_or("?").trim() {
        "" => Ok(None),
        text => {
            let bad = |_| Problem::malformed("The header `Last-Event-ID` must be the `id` of an event.");
            text.parse().map(Some).map_err(bad)
        }
    }
}

/// Answers the execution's events behind `after` as they come; `location` goes with them where it was just started.
pub(in crate::http) async fn answer_events(
    edge: &Edge,
    request: &HttpRequest,
    id: ExecutionId,
    after: u64,
    location: Option<String>,
) -> Answer {
    let feed = edge.runtime.follow(id, after).await?;
    let session = edge.runtime.open_session(SessionKind::EventStream, line_of(request))?;
    let mut pings = interval(edge.config.limits.session_ping_interval);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let mut response = HttpResponse::Ok();
    response
        .content_type(EVENT_STREAM)
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(("X-Accel-Buffering", "no"))
        // The session's supervision ends with the connection, so nothing else may come by it.
        .force_close();
    if let Some(location) = location {
        response.insert_header((LOCATION, location));
    }
    Ok(response.streaming(events(EventStream { feed: Some(feed), untold: Some(after), session, pings })))
}

/// What an event stream needs while it is open.
struct EventStream {
    /// `None` behind the last event.
    feed: Option<Feed>,
    /// Where it began, until it has told an event.
    untold: Option<u64>,
    session: Session,
    pings: Interval,
}

fn events(stream: EventStream) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(stream, |mut stream| async move {
        let bytes = stream.next().await?;
        Some((Ok(bytes), stream))
    })
}

impl EventStream {
    /// The next bytes; `None` where the stream is at its end.
    async fn next(&mut self) -> Option<Bytes> {
        let feed = self.feed.as_mut()?;
        let (session, pings) = (&self.session, &mut self.pings);
        tokio::select! {
            biased;
            () = over(session) => None,
            item = feed.next() => match item {
                FeedItem::Event { seq, text } => {
                    session.note_sent();
                    self.untold = None;
                    Some(Bytes::from(format!("id: {seq}\ndata: {text}\n\n")))
                }
                FeedItem::TooSlow => {
                    session.note_dropped();
                    None
                }
                FeedItem::Ended(_) => {
                    self.feed = None;
                    // No event, but what an `EventSource` then comes back with, which ends it (HTML, section 9.2.6): the
                    // `after` of its address alone would bring it back for ever.
                    self.untold.take().map(|after| Bytes::from(format!("id: {after}\n\n")))
                }
                FeedItem::Unreadable => None,
            },
            _ = pings.tick() => Some(Bytes::from_static(PING)),
        }
    }
}

/// Waits until the client has gone or the server stops.
async fn over(session: &Session) {
    let is_over = |context: &mut Context<'_>| {
        let dismissed = session.poll_dismissed(context);
        if session.line().poll_hang_up(context).is_ready() { Poll::Ready(()) } else { dismissed }
    };
    poll_fn(is_over).await;
}
