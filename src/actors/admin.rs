//! What operators see of the live actors, and what they may have them do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::directory::Admission;
use super::inspect::{Inspect, Inspection, Passivate, Restart};
use super::vitals::{Handled, Shown, Vitals};
use super::{AskError, Runtime, SessionCounts, Shared, now};
use crate::domain::{Execution, ExecutionId, Surroundings, Timestamp, Why};
use crate::journal::WriterCounts;
use crate::pioneer::GateCounts;

/// The least time over which messages a second are counted.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// How long a count of all executions is good for.
const COUNT_WINDOW: Duration = Duration::from_secs(10);

/// What was counted last, and when.
pub(super) type Counted = tokio::sync::Mutex<Option<(Instant, BTreeMap<&'static str, u64>)>>;

/// What kind of actor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActorKind {
    /// Owns an execution.
    Execution,
    /// Wakes and supervises the others.
    Registry,
    /// Watches, over a connection of its own.
    Session,
}

/// A live actor as it shows itself.
#[derive(Clone, Debug)]
pub struct ActorLook {
    /// What kind of actor it is.
    pub kind: ActorKind,
    /// The execution that it owns, or a name.
    pub id: String,
    /// The number of the thread that it lives on.
    pub arbiter: Option<usize>,
    /// How it stands, in one word.
    pub state: &'static str,
    /// Messages that are with it.
    pub messages_waiting: usize,
    /// Messages that it handled; of a session, those that it sent.
    pub messages_handled: u64,
    /// Crashes of its predecessors within the window that parks.
    pub restarts: usize,
    /// When it was started.
    pub started_at: Timestamp,
    /// The message that it handled last.
    pub last_message: Option<Handled>,
    /// When its execution's newest event happened.
    pub last_event_at: Option<Timestamp>,
    /// Those who watch its execution.
    pub subscribers: usize,
    /// Since when an attempt of it is open.
    pub open_call_since: Option<Timestamp>,
    /// When time alone will move it.
    pub next_timer_at: Option<Timestamp>,
    /// Whether it should have moved before now, by its step's heartbeat or timeout, or by its timer.
    pub is_stuck: bool,
}

/// What goes on in all.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Live actors by how they stand.
    pub actors: BTreeMap<&'static str, usize>,
    /// Those of them that should have moved.
    pub stuck: usize,
    /// Messages that execution actors handled since the start.
    pub messages_handled: u64,
    /// The same for each second lately.
    pub messages_per_second: f64,
    /// Changes that wait to be written.
    pub journal_queue: usize,
    /// What was written.
    pub journal: WriterCounts,
    /// Calls that are open, and that wait for their turn.
    pub calls: GateCounts,
    /// Since when the worker refuses connections.
    pub worker_refuses_for: Option<Duration>,
    /// Those who watch.
    pub sessions: SessionCounts,
    /// Timers of sleeping executions that ring soon.
    pub timers_soon: usize,
}

/// Counts messages, and how many there are a second.
#[derive(Debug)]
pub(super) struct Traffic {
    handled: AtomicU64,
    seen: Mutex<(Instant, u64, f64)>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { handled: AtomicU64::new(0), seen: Mutex::new((Instant::now(), 0, 0.0)) }
    }
}

impl Traffic {
    pub(super) fn note(&self) {
        self.handled.fetch_add(1, Ordering::Relaxed);
    }

    /// All messages, and those of a second between the last two looks that were far enough apart.
    fn look(&self) -> (u64, f64) {
        let handled = self.handled.load(Ordering::Relaxed);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = seen.0.elapsed();
        if elapsed >= RATE_WINDOW {
            let rate = handled.saturating_sub(seen.1) as f64 / elapsed.as_secs_f64();
            *seen = (Instant::now(), handled, rate);
        }
        (handled, seen.2)
    }
}

fn look(id: ExecutionId, vitals: &Vitals, messages_waiting: usize, subscribers: usize, now: Timestamp) -> ActorLook {
    let shown = vitals.shown();
    let Shown { state, last, last_event_at, open_call_since, next_timer_at, .. } = shown;
    ActorLook {
        kind: ActorKind::Execution,
        id: id.to_string(),
        arbiter: Some(vitals.arbiter),
        state,
        messages_waiting,
        messages_handled: vitals.handled(),
        restarts: vitals.restarts,
        started_at: vitals.started_at,
        last_message: last,
        last_event_at,
        subscribers,
        open_call_since,
        next_timer_at,
        is_stuck: shown.is_stuck(now),
    }
}

impl Runtime {
    /// Every live actor, or those of one kind, in no order.
    pub fn actors(&self, kind: Option<ActorKind>) -> Vec<ActorLook> {
        let is_wanted = |one: ActorKind| kind.is_none_or(|kind| kind == one);
        let (shared, now) = (&self.0, now());
        let mut actors = Vec::new();
        if is_wanted(ActorKind::Execution) {
            actors = shared.directory.look(|id, vitals, waiting, watchers| look(id, vitals, waiting, watchers, now));
        }
        if is_wanted(ActorKind::Registry) {
            actors.push(self.registry());
        }
        if is_wanted(ActorKind::Session) {
            actors.extend(shared.sessions.shown());
        }
        actors
    }

    fn registry(&self) -> ActorLook {
        let vitals = &self.0.registry_vitals;
        ActorLook {
            kind: ActorKind::Registry,
            id: "registry".to_owned(),
            arbiter: None,
            state: "running",
            messages_waiting: 0,
            messages_handled: vitals.handled(),
            restarts: 0,
            started_at: vitals.started_at,
            last_message: vitals.shown().last,
            last_event_at: None,
            subscribers: 0,
            open_call_since: None,
            next_timer_at: self.0.waker.next(),
            is_stuck: false,
        }
    }

    /// The actor of this execution, and a look into it; an error where there is none, or it does not answer in time.
    pub async fn actor(&self, id: ExecutionId) -> Result<(ActorLook, Option<Inspection>), AskError> {
        let (reply, answered) = oneshot::channel();
        let inspection = match self.0.directory.admit(id) {
            Admission::Live(address, permit) => match address.try_send(Inspect { reply, permit }) {
                Ok(()) => timeout(self.0.limits.request_timeout, answered).await.ok().and_then(Result::ok),
                Err(_) => None,
            },
            // It is so busy that it takes no more, but it can be seen from outside.
            Admission::Full => None,
            Admission::Asleep => return Err(AskError::Unknown),
        };
        let now = now();
        let seen =
            self.0.directory.look_at(id, |id, vitals, waiting, watchers| look(id, vitals, waiting, watchers, now));
        Ok((seen.ok_or(AskError::Unknown)?, inspection))
    }

    /// Ends the execution's actor and returns once a new one was started from the log.
    ///
    /// # Errors
    ///
    /// [`AskError::Unknown`] where there is no actor, and whatever keeps the new one from being started.
    pub async fn restart(&self, id: ExecutionId) -> Result<(), AskError> {
        // Even one with which too many messages are: that may be why somebody wants it.
        let (address, permit) = self.0.directory.admit_past_bound(id).ok_or(AskError::Unknown)?;
        let (ended, end) = oneshot::channel();
        address.do_send(Restart { permit, ended });
        // An error says that the actor is gone, which is what is waited for.
        let _ = timeout(self.0.limits.request_timeout, end).await;
        self.activate(id).await
    }

    /// Has the execution's actor leave the stage; `None` where there is none, `false` where it has something to do.
    pub async fn passivate(&self, id: ExecutionId) -> Option<bool> {
        match self.0.directory.admit(id) {
            Admission::Live(address, permit) => {
                let (reply, answered) = oneshot::channel();
                address.try_send(Passivate { reply, permit }).ok()?;
                Some(timeout(self.0.limits.request_timeout, answered).await.is_ok_and(|left| left == Ok(true)))
            }
            Admission::Full => Some(false),
            Admission::Asleep => None,
        }
    }

    /// Why the execution is not moving, with its status as it stands.
    pub async fn why(&self, id: ExecutionId) -> Result<(Arc<Execution>, Why), AskError> {
        let inspection = match self.actor(id).await {
            Ok((_, inspection)) => inspection,
            Err(_) => None,
        };
        let (call, unwritten_since) = match &inspection {
            Some(seen) => (seen.call, seen.unwritten_since),
            None => (None, None),
        };
        let state = match inspection.and_then(|seen| seen.state) {
            Some(state) => state,
            None => self.view(id).await?,
        };
        let around = Surroundings { now: now(), outages: &self.0.outages, call, unwritten_since };
        let why = state.why(&around);
        Ok((state, why))
    }

    /// How many executions there are of each status; counted at most every few seconds.
    pub async fn executions_by_status(&self) -> Result<BTreeMap<&'static str, u64>, AskError> {
        let mut counted = self.0.counted.lock().await;
        if let Some((at, counts)) = &*counted
            && at.elapsed() < COUNT_WINDOW
        {
            return Ok(counts.clone());
        }
        let counts: BTreeMap<_, _> = self
            .0
            .journal
            .executions_by_status()
            .await?
            .into_iter()
            .map(|(status, count)| (status.as_str(), count))
            .collect();
        *counted = Some((Instant::now(), counts.clone()));
        Ok(counts)
    }

    /// What goes on in all.
    pub fn stats(&self) -> Stats {
        let Shared { directory, journal, gate, pioneer, waker, traffic, .. } = &*self.0;
        let (now, mut actors, mut stuck) = (now(), BTreeMap::new(), 0);
        let standings = directory.look(|_, vitals, _, _| vitals.shown());
        for standing in standings {
            *actors.entry(standing.state).or_default() += 1;
            stuck += usize::from(standing.is_stuck(now));
        }
        let (messages_handled, messages_per_second) = traffic.look();
        Stats {
            actors,
            stuck,
            messages_handled,
            messages_per_second,
            journal_queue: journal.queue_length(),
            journal: journal.counts(),
            calls: gate.counts(),
            worker_refuses_for: pioneer.refusals().lasting(),
            sessions: self.session_counts(),
            timers_soon: waker.held(),
        }
    }
}
