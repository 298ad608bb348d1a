//! Sessions: those who watch over a connection of their own. They are counted, and supervised from outside.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use dashmap::DashMap;
use futures_util::task::AtomicWaker;
use std::task::{Context, Poll};

use super::line::{Line, now_ms};
use super::{ActorKind, ActorLook, AskError, Runtime, Shared, now};
use crate::domain::Timestamp;
use crate::limits::Limits;

/// The longest and the shortest wait between two looks at all sessions.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));
/// When somebody for whom there is no room is asked to come back.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);

/// How a session is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// A WebSocket: its client answers pings.
    WebSocket,
    /// Server-sent events: its client only reads.
    EventStream,
}

/// How many sessions there are and were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCounts {
    /// WebSockets that are open.
    pub websockets: usize,
    /// Event streams that are open.
    pub event_streams: usize,
    /// Sessions that were opened since the start.
    pub opened: u64,
    /// Events that were handed to sessions since the start.
    pub events_sent: u64,
    /// Events that waited for subscribers and were thrown away, because those were too slow.
    pub events_lost: u64,
    /// Sessions that were dropped since the start: too slow, or silent.
    pub dropped: u64,
}

/// All sessions of a server.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    watched: DashMap<u64, Arc<Watched>>,
    next_number: AtomicU64,
    websockets: AtomicUsize,
    event_streams: AtomicUsize,
    events_sent: AtomicU64,
    dropped: AtomicU64,
    is_closed: AtomicBool,
}

/// A session as its supervision sees it. It outlives the session until the connection is gone.
#[derive(Debug)]
struct Watched {
    kind: SessionKind,
    started_at: Timestamp,
    /// Events that were handed to it.
    sent: AtomicU64,
    line: Arc<Line>,
    heard_at_ms: AtomicU64,
    /// When the connection is to be cut; 0 as long as the session is not ending.
    cut_at_ms: AtomicU64,
    is_dismissed: AtomicBool,
    session: AtomicWaker,
}

/// One session, from its first byte to its last; dropping it ends it.
#[derive(Debug)]
pub struct Session {
    sessions: Arc<Sessions>,
    watched: Arc<Watched>,
    close_timeout: Duration,
}

impl Sessions {
    fn count(&self, kind: SessionKind) -> &AtomicUsize {
        match kind {
            SessionKind::WebSocket => &self.websockets,
            SessionKind::EventStream => &self.event_streams,
        }
    }

    fn open(self: &Arc<Self>, kind: SessionKind, line: Arc<Line>, limits: &Limits) -> Session {
        line.carry_session(limits.session_socket_bytes);
        let watched = Arc::new(Watched {
            kind,
            started_at: now(),
            sent: AtomicU64::new(0),
            line,
            heard_at_ms: AtomicU64::new(now_ms()),
            cut_at_ms: AtomicU64::new(0),
            is_dismissed: AtomicBool::new(false),
            session: AtomicWaker::new(),
        });
        self.count(kind).fetch_add(1, Ordering::AcqRel);
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        self.watched.insert(number, Arc::clone(&watched));
        if self.is_closed.load(Ordering::Acquire) {
            watched.dismiss();
        }
        Session { sessions: Arc::clone(self), watched, close_timeout: limits.session_close_timeout }
    }

    /// Shows every session whose connection is there, as the actors are shown, in no order.
    pub(super) fn shown(&self) -> Vec<ActorLook> {
        let there = self.watched.iter().filter(|entry| !entry.line.is_gone());
        there.map(|entry| entry.shown(*entry.key())).collect()
    }

    /// Looks at every session: cuts the lines of those that are stalled, silent, or do not take their end.
    fn look(&self, limits: &Limits) {
        let now = now_ms();
        self.watched.retain(|_, watched| {
            if watched.line.is_gone() {
                return false;
            }
            let cut_at = watched.cut_at_ms.load(Ordering::Acquire);
            if cut_at != 0 {
                let late = now >= cut_at;
                if late {
                    watched.line.cut();
                }
                return !late;
            }
            let Some(why) = watched.fault(now, limits) else { return true };
            tracing::debug!(kind = ?watched.kind, why, "a session is dropped");
            self.dropped.fetch_add(1, Ordering::Relaxed);
            watched.line.cut();
            false
        });
    }
}

impl Watched {
    fn shown(&self, number: u64) -> ActorLook {
        let kind = match self.kind {
            SessionKind::WebSocket => "websocket",
            SessionKind::EventStream => "event-stream",
        };
        let is_closing = self.cut_at_ms.load(Ordering::Acquire) != 0;
        ActorLook {
            kind: ActorKind::Session,
            id: format!("{kind}-{number}"),
            arbiter: None,
            state: if is_closing { "closing" } else { "open" },
            messages_waiting: 0,
            messages_handled: self.sent.load(Ordering::Relaxed),
            restarts: 0,
            started_at: self.started_at,
            last_message: None,
            last_event_at: None,
            subscribers: 0,
            open_call_since: None,
            next_timer_at: None,
            is_stuck: false,
        }
    }

    /// Why the session must go.
    fn fault(&self, now: u64, limits: &Limits) -> Option<&'static str> {
        let over = |since: u64, timeout: Duration| u128::from(now.saturating_sub(since)) > timeout.as_millis();
        if self.line.blocked_since_ms().is_some_and(|since| over(since, limits.session_stall_timeout)) {
            return Some("it takes nothing while events wait");
        }
        // A client that reads slowly, but reads, is alive, although its pongs are not looked at meanwhile.
        let heard = self.heard_at_ms.load(Ordering::Acquire).max(self.line.moved_at_ms());
        match self.kind {
            SessionKind::WebSocket if over(heard, limits.session_silence_timeout) => Some("it is silent"),
            SessionKind::WebSocket | SessionKind::EventStream => None,
        }
    }

    fn dismiss(&self) {
        self.is_dismissed.store(true, Ordering::Release);
        self.session.wake();
    }
}

impl Session {
    /// Notes that the client sent a whole frame.
    pub fn note_heard(&self) {
        self.watched.heard_at_ms.store(now_ms(), Ordering::Release);
    }

    /// Counts an event that was handed to the connection.
    pub fn note_sent(&self) {
        self.watched.sent.fetch_add(1, Ordering::Relaxed);
        self.sessions.events_sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that the session ends because its client is too slow.
    pub fn note_dropped(&self) {
        self.sessions.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until the server sends its sessions away, because it stops.
    pub fn poll_dismissed(&self, context: &Context<'_>) -> Poll<()> {
        self.watched.session.register(context.waker());
        if self.watched.is_dismissed.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The session's connection.
    pub fn line(&self) -> &Line {
        &self.watched.line
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.sessions.count(self.watched.kind).fetch_sub(1, Ordering::AcqRel);
        // The connection has some time to bring the last bytes across.
        let timeout = u64::try_from(self.close_timeout.as_millis()).unwrap_or(u64::MAX);
        self.watched.cut_at_ms.store(now_ms().saturating_add(timeout), Ordering::Release);
    }
}

impl Runtime {
    /// Opens a session on `line`.
    ///
    /// # Errors
    ///
    /// Where there are as many as there may be, or the server stops.
    pub fn open_session(&self, kind: SessionKind, line: Arc<Line>) -> Result<Session, AskError> {
        let (sessions, limits) = (&self.0.sessions, &self.0.limits);
        if sessions.is_closed.load(Ordering::Acquire) {
            return Err(AskError::Unavailable("the server is stopping".to_owned()));
        }
        let counts = self.session_counts();
        if counts.websockets + counts.event_streams >= limits.sessions_max {
            let detail = "Too many event streams are open; no further one is opened for now.".to_owned();
            return Err(AskError::Overloaded { retry_after: FULL_RETRY_AFTER, detail });
        }
        Ok(sessions.open(kind, line, limits))
    }

    /// How many sessions there are and were.
    pub fn session_counts(&self) -> SessionCounts {
        let sessions = &self.0.sessions;
        SessionCounts {
            websockets: sessions.websockets.load(Ordering::Acquire),
            event_streams: sessions.event_streams.load(Ordering::Acquire),
            opened: sessions.next_number.load(Ordering::Relaxed),
            events_sent: sessions.events_sent.load(Ordering::Relaxed),
            events_lost: self.0.directory.events_lost(),
            dropped: sessions.dropped.load(Ordering::Relaxed),
        }
    }

    /// Tells every session that the server stops, and cuts those that have not taken it in time.
    ///
    /// No session is opened from now on.
    pub fn dismiss_sessions(&self) {
        let (sessions, limits) = (&self.0.sessions, &self.0.limits);
        sessions.is_closed.store(true, Ordering::Release);
        let timeout = u64::try_from(limits.session_close_timeout.as_millis()).unwrap_or(u64::MAX);
        let cut_at = now_ms().saturating_add(timeout);
        for watched in &sessions.watched {
            watched.cut_at_ms.store(cut_at, Ordering::Release);
            watched.dismiss();
        }
    }
}

/// Looks at the sessions as long as there is a server.
pub(super) async fn supervise(shared: Weak<Shared>) {
    loop {
        let Some(every) = shared.upgrade().map(|shared| look_every(&shared.limits)) else { return };
        tokio::time::sleep(every).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.sessions.look(&shared.limits);
    }
}

fn look_every(limits: &Limits) -> Duration {
    let shortest =
        limits.session_stall_timeout.min(limits.session_silence_timeout).min(limits.session_close_timeout) / 10;
    shortest.clamp(LOOK_EVERY.0, LOOK_EVERY.1)
}
