//! What Prometheus reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{self, Data};

use super::Edge;
use super::answer::Answer;
use super::problem::Problem;
use crate::actors::Stats;
use crate::metrics::{Handlers, Page, Process, TEXT_FORMAT, Told};
use crate::pioneer::GateCounts;

/// How a live execution may stand; each is told, also where there is none.
const STATES: [&str; 6] =
    ["starting", "calling", "waiting_for_callback", "waiting_for_retry", "waiting_for_next", "paused"];

/// Tells how the server does, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    responses(
        (status = 200, description = "Counters, gauges and histograms in the text format 0.0.4", body = String,
            content_type = "text/plain", example = "discovery_executions_started_total 42"),
        (status = 500, description = "Discovery's own fault; its log says why"),
    )
)]
pub(super) async fn metrics(edge: Data<Edge>) -> Answer {
    // It looks at every actor and at every open file.
    let page = web::block(move || page(&edge).text()).await.map_err(|error| Problem::internal(&error))?;
    let page = page.map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok().content_type(TEXT_FORMAT).body(page))
}

fn page(edge: &Edge) -> Page {
    let mut page = Page::default();
    let stats = edge.runtime.stats();
    let (executions, handlers) = edge.runtime.meters();
    let version = [(env!("CARGO_PKG_VERSION"), 1.0)];
    page.gauges("discovery_build_info", "Always 1; the label says what runs.", "version", version);
    executions.tell(&mut page);
    // First: a handler that only waits gets its name here.
    tell_calls(&stats, handlers, &mut page);
    handlers.tell(&mut page);
    tell_actors(&stats, &mut page);
    tell_sessions(&stats, &mut page);
    tell_database(edge, &stats, &mut page);
    Process::look().tell(&mut page);
    page
}

fn tell_calls(stats: &Stats, handlers: &Handlers, page: &mut Page) {
    let counts = calls_by_name(&stats.calls, handlers);
    let open = counts.iter().map(|(name, (open, _))| (&**name, *open as f64));
    page.gauges("discovery_calls_in_flight", "Calls to Pioneer that are open, by handler.", "handler", open);
    let waiting = counts.iter().map(|(name, (_, waiting))| (&**name, *waiting as f64));
    page.gauges("discovery_calls_waiting", "Calls to Pioneer that wait for a turn, by handler.", "handler", waiting);
    let refuses = stats.worker_refuses_for.unwrap_or_default();
    page.gauge(
        "discovery_worker_refusing_seconds",
        "For how long Pioneer has refused connections; 0 where it takes them.",
        refuses.as_secs_f64(),
    );
}

/// The calls that are open and that wait, by the names of their handlers; of those that have none, too.
fn calls_by_name(calls: &GateCounts, handlers: &Handlers) -> BTreeMap<Arc<str>, (usize, usize)> {
    let mut counts = BTreeMap::new();
    for (handler, of_handler) in &calls.handlers {
        let (open, waiting) = counts.entry(handlers.name_of(handler)).or_insert((0, 0));
        *open += of_handler.open;
        *waiting += of_handler.waiting;
    }
    for name in handlers.names() {
        counts.entry(name).or_insert((0, 0));
    }
    counts
}

fn tell_actors(stats: &Stats, page: &mut Page) {
    let sessions = &stats.sessions;
    let kinds = [
        ("execution", stats.actors.values().sum()),
        ("registry", 1),
        ("websocket", sessions.websockets),
        ("event_stream", sessions.event_streams),
    ];
    let kinds = kinds.map(|(kind, count): (_, usize)| (kind, count as f64));
    page.gauges("discovery_actors", "Live actors by kind: executions, their registry, and sessions.", "kind", kinds);
    let states = STATES.map(|state| (state, stats.actors.get(state).copied().unwrap_or(0) as f64));
    page.gauges("discovery_live_executions", "Executions that have an actor, by how they stand.", "state", states);
    page.gauge(
        "discovery_stuck_executions",
        "Live executions that should have moved by their step's heartbeat or timeout, or by their timer.",
        stats.stuck as f64,
    );
    page.counter(
        "discovery_actor_messages_total",
        "Messages that the actors of executions handled.",
        stats.messages_handled as f64,
    );
}

fn tell_sessions(stats: &Stats, page: &mut Page) {
    let sessions = &stats.sessions;
    for (name, help, value) in [
        ("discovery_sessions_opened_total", "WebSockets and event streams that were opened.", sessions.opened),
        ("discovery_sessions_dropped_total", "Sessions that were dropped: too slow, or silent.", sessions.dropped),
        ("discovery_events_sent_total", "Events that were handed to sessions.", sessions.events_sent),
        (
            "discovery_events_dropped_total",
            "Events that waited for subscribers and were thrown away, because those were too slow. The log has them.",
            sessions.events_lost,
        ),
    ] {
        page.counter(name, help, value as f64);
    }
}

fn tell_database(edge: &Edge, stats: &Stats, page: &mut Page) {
    edge.journal.meters().tell(page);
    page.gauge(
        "discovery_journal_queue_changes",
        "Changes that were handed to the journal and are not on disk yet.",
        stats.journal_queue as f64,
    );
    let Some(reading) = edge.journal.read_connections() else { return };
    let states = [("used", reading.open - reading.idle), ("idle", reading.idle)];
    page.gauges(
        "discovery_database_connections",
        "Open connections of the pool that reads, by whether somebody uses them.",
        "state",
        states.map(|(state, count)| (state, count as f64)),
    );
    page.gauge(
        "discovery_database_connections_max",
        "Connections that the pool that reads may open.",
        reading.max as f64,
    );
}
