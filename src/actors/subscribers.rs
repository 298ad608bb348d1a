//! Those who watch executions, and how events reach them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::outbox::{Bounds, Outbox};
use super::stripped::without_contexts;
use super::waiters::Waiters;
use crate::journal::StoredEvent;

/// Not told to those who watch all executions: there would be too much of it.
const PROGRESS: &str = "step_progress";

/// A committed event on its way to subscribers, who all share its text.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its place in the log.
    pub seq: u64,
    /// Its name.
    pub kind: &'static str,
    /// Its public JSON.
    pub text: Arc<str>,
}

impl From<&StoredEvent> for Published {
    fn from(event: &StoredEvent) -> Self {
        Self { seq: event.seq, kind: event.kind, text: Arc::clone(&event.text) }
    }
}

/// A list of those who are to hear of events.
#[derive(Debug, Default)]
pub(super) struct Audience {
    outboxes: Mutex<Vec<Arc<Outbox>>>,
    /// The length of the list: looked at without its lock, since most executions have none.
    count: AtomicUsize,
}

impl Audience {
    fn outboxes(&self) -> MutexGuard<'_, Vec<Arc<Outbox>>> {
        self.outboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) fn add(&self, bounds: Bounds) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::new(bounds));
        let mut outboxes = self.outboxes();
        outboxes.push(Arc::clone(&outbox));
        self.count.store(outboxes.len(), Ordering::Release);
        outbox
    }

    pub(super) fn remove(&self, outbox: &Arc<Outbox>) {
        self.retain(|known| !Arc::ptr_eq(known, outbox));
    }

    /// Hands `events` to everybody; one whose buffer is full is dropped, and can come back for the rest.
    fn publish(&self, events: &[Published]) {
        if self.count() > 0 {
            self.retain(|outbox| outbox.put(events));
        }
    }

    fn retain(&self, keep: impl FnMut(&Arc<Outbox>) -> bool) {
        let mut outboxes = self.outboxes();
        outboxes.retain(keep);
        self.count.store(outboxes.len(), Ordering::Release);
    }
}

/// The subscribers of one execution, and with them those of all; and those who wait for it.
#[derive(Debug)]
pub(super) struct Subscribers {
    own: Audience,
    waiters: Waiters,
    everywhere: Arc<Audience>,
}

impl Subscribers {
    pub(super) fn new(everywhere: &Arc<Audience>) -> Self {
        Self { own: Audience::default(), waiters: Waiters::default(), everywhere: Arc::clone(everywhere) }
    }

    pub(super) fn own(&self) -> &Audience {
        &self.own
    }

    pub(super) fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    /// Whether anybody wants to hear of this very execution.
    pub(super) fn is_watched(&self) -> bool {
        self.own.count() > 0 || self.waiters.count() > 0
    }

    /// Hands `events` to every subscriber.
    pub(super) fn publish(&self, events: &[Published]) {
        self.own.publish(events);
        publish_everywhere(&self.everywhere, events);
    }

    /// Tells everybody that the log may hold more than they were handed.
    pub(super) fn nudge(&self) {
        self.own.outboxes().iter().for_each(|outbox| outbox.nudge());
        self.waiters.dismiss();
    }
}

/// Hands `events` to those who watch all executions, in the form that they get; made once, and only if there is one.
pub(super) fn publish_everywhere(everywhere: &Audience, events: &[Published]) {
    if everywhere.count() == 0 {
        return;
    }
    let told = events.iter().filter(|event| event.kind != PROGRESS);
    let told: Vec<Published> =
        told.map(|event| Published { text: without_contexts(&event.text), ..event.clone() }).collect();
    everywhere.publish(&told);
}
