//! Those who watch an execution, and how its events reach them.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::journal::StoredEvent;

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

/// The subscribers of one execution.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    senders: Mutex<Vec<(u64, Sender<Published>)>>,
    /// The length of the list: looked at without its lock, since most executions have none.
    count: AtomicUsize,
    next_number: AtomicU64,
}

impl Subscribers {
    fn senders(&self) -> MutexGuard<'_, Vec<(u64, Sender<Published>)>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) fn add(&self, buffer: usize) -> (u64, Receiver<Published>) {
        let (sender, receiver) = mpsc::channel(buffer.max(1));
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let mut senders = self.senders();
        senders.push((number, sender));
        self.count.store(senders.len(), Ordering::Release);
        (number, receiver)
    }

    pub(super) fn remove(&self, number: u64) {
        self.retain(|(known, _)| *known != number);
    }

    /// Hands `events` to every subscriber; one whose buffer is full is dropped, and can come back for the rest.
    pub(super) fn publish(&self, events: &[Published]) {
        if self.count() > 0 {
            self.retain(|(_, sender)| events.iter().all(|event| sender.try_send(event.clone()).is_ok()));
        }
    }

    fn retain(&self, keep: impl FnMut(&(u64, Sender<Published>)) -> bool) {
        let mut senders = self.senders();
        senders.retain(keep);
        self.count.store(senders.len(), Ordering::Release);
    }
}

/// One subscriber's end: the events from the moment of its subscription on. Dropping it ends the subscription.
pub struct Subscription {
    events: Receiver<Published>,
    leave: Option<Box<dyn FnOnce() + Send>>,
}

impl Subscription {
    pub(super) fn new(events: Receiver<Published>, leave: Box<dyn FnOnce() + Send>) -> Self {
        Self { events, leave: Some(leave) }
    }

    /// The next event; `None` where the subscriber was too slow and was dropped.
    pub async fn next(&mut self) -> Option<Published> {
        self.events.recv().await
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
