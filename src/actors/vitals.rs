//! What an actor shows of itself to operators.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::now;
use crate::domain::{Execution, Status, Timestamp, WaitingFor};

/// Messages that an actor remembers.
const REMEMBERED_MESSAGES: usize = 20;

/// A message that an actor handled.
#[derive(Clone, Copy, Debug)]
pub struct Handled {
    /// What it was.
    pub message: &'static str,
    /// When.
    pub at: Timestamp,
    /// How long the actor was busy with it.
    pub took: Duration,
}

/// What an actor shows at any time, without being asked.
#[derive(Debug)]
pub(super) struct Vitals {
    pub(super) arbiter: usize,
    pub(super) started_at: Timestamp,
    /// How often it was started again lately.
    pub(super) restarts: usize,
    handled: AtomicU64,
    shown: Mutex<Shown>,
}

/// What changes while it lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) state: &'static str,
    pub(super) last: Option<Handled>,
    pub(super) last_event_at: Option<Timestamp>,
    pub(super) open_call_since: Option<Timestamp>,
    pub(super) next_timer_at: Option<Timestamp>,
    /// After this moment it should have moved.
    pub(super) stuck_after: Option<Timestamp>,
}

impl Shown {
    /// Whether it should have moved before now.
    pub(super) fn is_stuck(&self, now: Timestamp) -> bool {
        self.stuck_after.is_some_and(|after| after < now)
    }
}

impl Vitals {
    pub(super) fn new(arbiter: usize, restarts: usize) -> Self {
        let shown = Shown {
            state: "starting",
            last: None,
            last_event_at: None,
            open_call_since: None,
            next_timer_at: None,
            stuck_after: None,
        };
        Self { arbiter, started_at: now(), restarts, handled: AtomicU64::new(0), shown: Mutex::new(shown) }
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shown(&self) -> Shown {
        *self.lock()
    }

    pub(super) fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// Notes that a message was handled.
    pub(super) fn note(&self, last: Handled) {
        self.handled.fetch_add(1, Ordering::Relaxed);
        self.lock().last = Some(last);
    }

    /// Shows the committed state.
    pub(super) fn show(&self, execution: &Execution, next_timer_at: Option<Timestamp>) {
        let mut shown = self.lock();
        shown.state = standing(execution);
        shown.last_event_at = Some(execution.updated_at());
        shown.open_call_since = execution.open_attempts().next().map(|attempt| attempt.started_at);
        shown.next_timer_at = next_timer_at;
        shown.stuck_after = stuck_after(execution, self.started_at).or(next_timer_at);
    }
}

/// How an execution stands, in one word.
pub(super) fn standing(execution: &Execution) -> &'static str {
    match (execution.status(), execution.waiting_for()) {
        (Status::Running, None) => "calling",
        (Status::Running, Some(WaitingFor::Callback)) => "waiting_for_callback",
        (Status::Running, Some(WaitingFor::Retry)) => "waiting_for_retry",
        (Status::Running, Some(WaitingFor::Next)) => "waiting_for_next",
        (Status::Paused | Status::Completed | Status::Failed | Status::Cancelled, _) => execution.status().as_str(),
    }
}

/// When an execution with an open call should have been heard of, by its step's heartbeat or timeout.
///
/// Its actor was started at `started_at` and has delivered it then at the earliest: what was before, such as an outage, counts
/// for no timeout.
fn stuck_after(execution: &Execution, started_at: Timestamp) -> Option<Timestamp> {
    let attempt = execution.open_attempts().next()?;
    let step = execution.step_of(attempt);
    let late = attempt.started_at.max(started_at).plus_seconds(step.timeout_seconds.as_f64());
    let silent = step.heartbeat_timeout_seconds;
    let silent = silent.map(|timeout| execution.updated_at().max(started_at).plus_seconds(timeout.as_f64()));
    Some(silent.map_or(late, |silent| silent.min(late)))
}

/// The messages that an actor handled last, newest last.
#[derive(Debug, Default)]
pub(super) struct Memory(VecDeque<Handled>);

impl Memory {
    /// Remembers a message whose handling began at `began`.
    pub(super) fn note(&mut self, message: &'static str, began: Instant, vitals: &Vitals) {
        let handled = Handled { message, at: now(), took: began.elapsed() };
        vitals.note(handled);
        if self.0.len() == REMEMBERED_MESSAGES {
            self.0.pop_front();
        }
        self.0.push_back(handled);
    }

    pub(super) fn all(&self) -> Vec<Handled> {
        self.0.iter().copied().collect()
    }
}
