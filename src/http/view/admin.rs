//! Live actors and what goes on in all, as operators read them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::actors::{ActorKind, ActorLook, Handled, Inspection, Stats};
use crate::domain::{OpenCall, Timestamp};

/// A live actor.
#[derive(Serialize, ToSchema)]
#[schema(as = Actor)]
pub(in crate::http) struct ActorView {
    #[schema(value_type = ActorKindWord, inline)]
    kind: &'static str,
    /// The id of the execution that it owns, or a name, such as `websocket-12` and `event-stream-3` of sessions.
    id: String,
    /// The number of the thread that it lives on.
    arbiter: Option<usize>,
    /// How it stands: `calling`, `waiting_for_next`, `waiting_for_callback`, `waiting_for_retry`, `paused`, …; `open` or
    /// `closing` where it is a session.
    state: &'static str,
    /// Messages that are with it.
    messages_waiting: usize,
    /// Messages that it handled; of a session, events that it sent.
    messages_handled: u64,
    /// How often it crashed lately.
    restarts: usize,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    age_seconds: f64,
    /// The message that it handled last.
    last_message: Option<&'static str>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_message_at: Option<Timestamp>,
    /// When its execution's newest event happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_event_at: Option<Timestamp>,
    /// Those who watch its execution.
    subscribers: usize,
    /// Since when an attempt of its execution is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    open_call_since: Option<Timestamp>,
    /// When time alone will move it.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_timer_at: Option<Timestamp>,
    /// Whether it should have moved before now, by its step's heartbeat or timeout, or by its timer.
    stuck: bool,
}

/// What kind of actor it is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its description is used")]
pub(in crate::http) enum ActorKindWord {
    Execution,
    Registry,
    Session,
}

/// The word for a kind of actor.
pub(in crate::http) fn kind_word(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Execution => "execution",
        ActorKind::Registry => "registry",
        ActorKind::Session => "session",
    }
}

impl ActorView {
    pub(in crate::http) fn new(look: &ActorLook, now: Timestamp) -> Self {
        Self {
            kind: kind_word(look.kind),
            id: look.id.clone(),
            arbiter: look.arbiter,
            state: look.state,
            messages_waiting: look.messages_waiting,
            messages_handled: look.messages_handled,
            restarts: look.restarts,
            started_at: look.started_at,
            age_seconds: now.seconds_since(look.started_at),
            last_message: look.last_message.map(|last| last.message),
            last_message_at: look.last_message.map(|last| last.at),
            last_event_at: look.last_event_at,
            subscribers: look.subscribers,
            open_call_since: look.open_call_since,
            next_timer_at: look.next_timer_at,
            stuck: look.is_stuck,
        }
    }
}

/// The live actors that were asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = Actors)]
pub(in crate::http) struct ActorsView {
    pub(in crate::http) actors: Vec<ActorView>,
    /// How many there are, more than `limit` or not.
    pub(in crate::http) total: usize,
}

/// A look into an actor.
#[derive(Serialize, ToSchema)]
#[schema(as = ActorDetail)]
pub(in crate::http) struct ActorDetailView {
    #[serde(flatten)]
    actor: ActorView,
    /// Whether it answered in time; without an answer the fields below are empty.
    answered: bool,
    /// Changes of its execution that wait to be written.
    unwritten: usize,
    /// Since when the oldest of them waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    unwritten_since: Option<Timestamp>,
    /// The call to the worker that it waits for.
    call: Option<CallView>,
    /// The messages that it handled last, newest first.
    recent_messages: Vec<HandledView>,
}

/// A call to a worker.
#[derive(Serialize, ToSchema)]
#[schema(as = ActorCall)]
pub(in crate::http) struct CallView {
    #[schema(value_type = CallPhaseWord, inline)]
    phase: &'static str,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When its attempt was heard of last.
    #[schema(value_type = String, format = DateTime)]
    heard_at: Timestamp,
}

/// How far a call is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its description is used")]
pub(in crate::http) enum CallPhaseWord {
    Queued,
    Sent,
    Refused,
}

impl From<OpenCall> for CallView {
    fn from(call: OpenCall) -> Self {
        Self { phase: call.phase.as_str(), since: call.since, heard_at: call.heard_at }
    }
}

/// A message that an actor handled.
#[derive(Serialize, ToSchema)]
#[schema(as = HandledMessage)]
pub(in crate::http) struct HandledView {
    message: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How long the actor was busy with it, in milliseconds.
    duration_ms: f64,
}

impl From<&Handled> for HandledView {
    fn from(handled: &Handled) -> Self {
        let duration_ms = handled.took.as_secs_f64() * 1000.0;
        Self { message: handled.message, at: handled.at, duration_ms }
    }
}

impl ActorDetailView {
    pub(in crate::http) fn new(look: &ActorLook, inspection: Option<&Inspection>, now: Timestamp) -> Self {
        let handled = inspection.map_or(&[][..], |seen| &seen.handled[..]);
        Self {
            actor: ActorView::new(look, now),
            answered: inspection.is_some(),
            unwritten: inspection.map_or(0, |seen| seen.unwritten),
            unwritten_since: inspection.and_then(|seen| seen.unwritten_since),
            call: inspection.and_then(|seen| seen.call).map(CallView::from),
            recent_messages: handled.iter().rev().map(HandledView::from).collect(),
        }
    }
}

/// What goes on in all.
#[derive(Serialize, ToSchema)]
#[schema(as = Stats)]
pub(in crate::http) struct StatsView {
    /// Live execution actors by how they stand.
    actors: BTreeMap<&'static str, usize>,
    /// Executions by their status, live or not; counted at most every ten seconds.
    executions: BTreeMap<&'static str, u64>,
    /// Live executions that should have moved before now.
    stuck: usize,
    messages: MessagesView,
    journal: JournalView,
    calls: CallsView,
    sessions: SessionsView,
    /// Timers of sleeping executions that ring soon.
    timers_soon: usize,
}

/// Messages to execution actors.
#[derive(Serialize, ToSchema)]
#[schema(as = StatsMessages)]
struct MessagesView {
    handled: u64,
    per_second: f64,
}

/// What is written.
#[derive(Serialize, ToSchema)]
#[schema(as = StatsJournal)]
struct JournalView {
    /// Changes that wait to be written.
    queue: usize,
    /// Transactions since the start.
    batches: u64,
    /// Changes since the start.
    commits: u64,
    /// Rows since the start, roughly.
    rows: u64,
    /// Changes in a transaction, on average since the start.
    batch_size_mean: f64,
    /// Changes in the newest transaction.
    batch_size_last: u64,
    /// How long a transaction took, on average since the start, in milliseconds.
    batch_ms_mean: f64,
}

/// Calls to workers.
#[derive(Serialize, ToSchema)]
#[schema(as = StatsCalls)]
struct CallsView {
    workers: Vec<WorkerCallsView>,
}

/// Calls to one worker.
#[derive(Serialize, ToSchema)]
#[schema(as = StatsWorkerCalls)]
struct WorkerCallsView {
    /// Without a user and a password.
    url: String,
    /// Calls that are open.
    open: usize,
    /// Calls that wait for their turn.
    waiting: usize,
    /// For how long it refuses connections, where it does.
    refuses_for_seconds: Option<f64>,
    /// The same for each handler that has any.
    handlers: BTreeMap<String, HandlerCallsView>,
}

/// Calls to one handler.
#[derive(Serialize, ToSchema)]
#[schema(as = StatsHandlerCalls)]
struct HandlerCallsView {
    open: usize,
    waiting: usize,
}

/// Those who watch.
#[derive(Serialize, ToSchema)]
#[schema(as = StatsSessions)]
struct SessionsView {
    websockets: usize,
    event_streams: usize,
    /// Events that were handed to them since the start.
    events_sent: u64,
    /// Those that were dropped since the start: too slow, or silent.
    dropped: u64,
}

impl StatsView {
    pub(in crate::http) fn new(stats: Stats, executions: BTreeMap<&'static str, u64>, worker: String) -> Self {
        let Stats { journal, calls, sessions, .. } = &stats;
        let mean = |sum: u64| if journal.batches == 0 { 0.0 } else { sum as f64 / journal.batches as f64 };
        let handler =
            |counts: &crate::pioneer::HandlerCounts| HandlerCallsView { open: counts.open, waiting: counts.waiting };
        Self {
            executions,
            stuck: stats.stuck,
            messages: MessagesView { handled: stats.messages_handled, per_second: stats.messages_per_second },
            journal: JournalView {
                queue: stats.journal_queue,
                batches: journal.batches,
                commits: journal.jobs,
                rows: journal.rows,
                batch_size_mean: mean(journal.jobs),
                batch_size_last: journal.last_batch_jobs,
                batch_ms_mean: mean(journal.micros) / 1000.0,
            },
            calls: CallsView {
                workers: vec![WorkerCallsView {
                    url: worker,
                    open: calls.open,
                    waiting: calls.waiting,
                    refuses_for_seconds: stats.worker_refuses_for.map(|refuses| refuses.as_secs_f64()),
                    handlers: calls.handlers.iter().map(|(name, counts)| (name.to_string(), handler(counts))).collect(),
                }],
            },
            sessions: SessionsView {
                websockets: sessions.websockets,
                event_streams: sessions.event_streams,
                events_sent: sessions.events_sent,
                dropped: sessions.dropped,
            },
            timers_soon: stats.timers_soon,
            actors: stats.actors,
        }
    }
}
