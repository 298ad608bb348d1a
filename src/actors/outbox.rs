//! What waits for one subscriber: bounded, and out of the hands of a subscriber that does not take it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::subscribers::Published;
use crate::limits::Limits;

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    events: usize,
    bytes: usize,
}

impl Bounds {
    /// For a subscriber of one execution.
    pub(super) fn of_one(limits: &Limits) -> Self {
        Self { events: limits.session_buffer_events.max(1), bytes: limits.session_buffer_bytes }
    }

    /// For a subscriber of all executions.
    pub(super) fn of_all(limits: &Limits) -> Self {
        Self { events: limits.session_all_buffer_events.max(1), bytes: limits.session_buffer_bytes }
    }
}

/// What a subscriber hears.
#[derive(Debug)]
pub enum News {
    /// An event was committed.
    Event(Published),
    /// The log may hold more than what was told: read it.
    Look,
    /// It was too slow: nothing more comes, and what waited is gone.
    Dropped,
}

#[derive(Debug)]
enum Stage {
    /// It reads the log, up to this event at least; nothing has to wait for it.
    Reading {
        newest: u64,
    },
    /// It takes what waits.
    Live,
    Dropped,
}

/// Events on their way to one subscriber.
#[derive(Debug)]
pub(super) struct Outbox {
    bounds: Bounds,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    stage: Stage,
    events: VecDeque<Published>,
    bytes: usize,
    must_look: bool,
    subscriber: Option<Waker>,
}

impl Outbox {
    pub(super) fn new(bounds: Bounds) -> Self {
        let waiting =
            Waiting { stage: Stage::Live, events: VecDeque::new(), bytes: 0, must_look: false, subscriber: None };
        Self { bounds, waiting: Mutex::new(waiting) }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds events. Where there is no room, that is the end of the subscription; the error is how many events it lost.
    pub(super) fn put(&self, events: &[Published]) -> Result<(), usize> {
        let mut waiting = self.waiting();
        let lost = events.iter().map(|event| waiting.put(event, self.bounds)).sum();
        let goes_on = !matches!(waiting.stage, Stage::Dropped);
        let woken = if matches!(waiting.stage, Stage::Reading { .. }) { None } else { waiting.subscriber.take() };
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
        if goes_on { Ok(()) } else { Err(lost) }
    }

    pub(super) fn nudge(&self) {
        let mut waiting = self.waiting();
        waiting.must_look = true;
        let woken = waiting.subscriber.take();
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, context: &Context<'_>) -> Poll<News> {
        let mut waiting = self.waiting();
        if let Some(event) = waiting.events.pop_front() {
            waiting.bytes -= event.text.len();
            return Poll::Ready(News::Event(event));
        }
        if matches!(waiting.stage, Stage::Dropped) {
            return Poll::Ready(News::Dropped);
        }
        if std::mem::take(&mut waiting.must_look) {
            return Poll::Ready(News::Look);
        }
        waiting.subscriber = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Waiting {
    /// Adds an event and gives how many were lost by that.
    fn put(&mut self, event: &Published, bounds: Bounds) -> usize {
        match &mut self.stage {
            Stage::Reading { newest } => {
                *newest = event.seq.max(*newest);
                0
            }
            Stage::Dropped => 1,
            Stage::Live => {
                let bytes = self.bytes + event.text.len();
                if self.events.len() >= bounds.events || (bytes > bounds.bytes && !self.events.is_empty()) {
                    self.stage = Stage::Dropped;
                    // At once, not when the subscriber comes to look: it may never do.
                    let lost = std::mem::take(&mut self.events).len();
                    self.bytes = 0;
                    return lost + 1;
                }
                self.bytes = bytes;
                self.events.push_back(event.clone());
                0
            }
        }
    }
}

/// One subscriber's end: the events from the moment of its subscription on. Dropping it ends the subscription.
pub struct Subscription {
    outbox: Arc<Outbox>,
    leave: Option<Box<dyn FnOnce() + Send>>,
}

impl Subscription {
    pub(super) fn new(outbox: Arc<Outbox>, leave: Box<dyn FnOnce() + Send>) -> Self {
        Self { outbox, leave: Some(leave) }
    }

    /// What is new.
    pub async fn news(&mut self) -> News {
        poll_fn(|context| self.outbox.poll(context)).await
    }

    /// The next event; `None` where the subscriber was too slow and was dropped.
    pub async fn next(&mut self) -> Option<Published> {
        loop {
            match self.news().await {
                News::Event(event) => return Some(event),
                News::Look => {}
                News::Dropped => return None,
            }
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.outbox.waiting().events.is_empty()
    }

    /// Lets nothing wait from now on, because the subscriber reads the log.
    pub(super) fn read_log(&mut self) {
        let mut waiting = self.outbox.waiting();
        if matches!(waiting.stage, Stage::Live) {
            let newest = waiting.events.back().map_or(0, |event| event.seq);
            waiting.stage = Stage::Reading { newest };
            waiting.events.clear();
            waiting.bytes = 0;
        }
    }

    /// Goes live behind event `seq`; `false` where later ones were published already, which are to be read first.
    pub(super) fn go_live(&mut self, seq: u64) -> bool {
        let mut waiting = self.outbox.waiting();
        if let Stage::Reading { newest } = waiting.stage {
            if newest > seq {
                return false;
            }
            waiting.stage = Stage::Live;
        }
        true
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            leave();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
