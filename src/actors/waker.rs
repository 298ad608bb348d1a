//! Wakes executions whose time has come: at start what was moving, then whatever a timer of a sleeping one asks for.
//!
//! Timers that are far away cost no memory: the journal's index on `wake_at` is looked at now and then for those that fall
//! due before the next look, and only these are held. An actor that is alive has a timer of its own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use super::registry::{READ_RETRY, wake};
use super::{Shared, now};
use crate::domain::{ExecutionId, Timestamp};
use crate::journal::DueExecution;

/// The timers that ring soon.
#[derive(Debug, Default)]
pub(super) struct Waker {
    timers: Mutex<Timers>,
    /// Told of a timer that may be the next one.
    earlier: Notify,
}

#[derive(Debug, Default)]
struct Timers {
    /// Timers of the journal up to this moment are held here; `None` before the first look.
    looked_until: Option<Timestamp>,
    soon: BinaryHeap<Reverse<(Timestamp, Uuid)>>,
}

impl Waker {
    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over the timer of an execution that goes to sleep; its row is found at `stored`.
    ///
    /// The two differ where no process was there for a while, which puts a timer off.
    pub(super) fn take_over(&self, id: ExecutionId, at: Timestamp, stored: Timestamp) {
        let mut timers = self.timers();
        if timers.looked_until.is_some_and(|until| stored <= until) {
            timers.soon.push(Reverse((at, id.0)));
            drop(timers);
            self.earlier.notify_one();
        }
    }

    /// Timers that are held.
    pub(super) fn held(&self) -> usize {
        self.timers().soon.len()
    }

    /// Takes those that have rung by `now`, at most so many.
    fn rung(&self, now: Timestamp, max: usize) -> Vec<ExecutionId> {
        let soon = &mut self.timers().soon;
        let mut rung = Vec::new();
        while rung.len() < max && soon.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            rung.extend(soon.pop().map(|Reverse((_, id))| ExecutionId(id)));
        }
        rung
    }

    /// When the next of them rings.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.timers().soon.peek().map(|Reverse((at, _))| *at)
    }
}

/// Wakes executions for as long as the process serves, the oldest first, so many at a time.
pub(super) async fn keep_waking(shared: Arc<Shared>) {
    let turns = Arc::new(Semaphore::new(batch_of(&shared)));
    let mut cursor = None;
    let mut look_at = now();
    while !shared.is_stopping() {
        if look_at <= now() {
            look_at = now().plus_seconds(shared.limits.wake_look_interval.as_secs_f64());
            look_ahead(&shared, &turns, &mut cursor).await;
        }
        let rung = shared.waker.rung(now(), batch_of(&shared));
        if !rung.is_empty() {
            wake_all(&shared, &turns, &rung).await;
            continue;
        }
        let until = shared.waker.next().map_or(look_at, |next| next.min(look_at));
        let wait = Duration::from_millis(until.millis_since(now()));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.waker.earlier.notified() => {}
        }
    }
}

/// Takes over the journal's timers that ring before the look after the next one, and wakes what is due.
async fn look_ahead(shared: &Arc<Shared>, turns: &Arc<Semaphore>, cursor: &mut Option<DueExecution>) {
    // Twice the interval: the next look may come late.
    let until = now().plus_seconds(2.0 * shared.limits.wake_look_interval.as_secs_f64());
    // Said before the look: who goes to sleep from now on brings its timer along, who did before is found.
    shared.waker.timers().looked_until = Some(until);
    let (batch, mut waking) = (batch_of(shared), 0);
    while !shared.is_stopping() {
        let due = match shared.journal.due(*cursor, until, batch as u64).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "what has to go on cannot be read for now");
                tokio::time::sleep(READ_RETRY).await;
                continue;
            }
        };
        let Some(last) = due.last() else { break };
        *cursor = Some(*last);
        let (now, mut rung) = (now(), Vec::new());
        for DueExecution { wake_at, id } in due {
            if wake_at <= now {
                rung.push(id);
            } else {
                shared.waker.timers().soon.push(Reverse((wake_at, id.0)));
            }
        }
        waking += rung.len();
        wake_all(shared, turns, &rung).await;
    }
    // What comes to lie before it later is alive, or is brought along.
    *cursor = Some(DueExecution { wake_at: until, id: ExecutionId(Uuid::max()) });
    if waking > 0 {
        tracing::info!(executions = waking, "what was moving goes on");
    }
}

fn batch_of(shared: &Shared) -> usize {
    shared.limits.recovery_batch.clamp(1, Semaphore::MAX_PERMITS)
}

/// Wakes these, each as soon as there is a turn for it: one that takes long keeps its turn, and nobody waits for it.
async fn wake_all(shared: &Arc<Shared>, turns: &Arc<Semaphore>, ids: &[ExecutionId]) {
    let Some(registry) = shared.registry.get() else { return };
    for id in ids.iter().copied() {
        // Nobody closes it.
        let Ok(turn) = Arc::clone(turns).acquire_owned().await else { return };
        let (shared, registry) = (Arc::clone(shared), registry.clone());
        actix_rt::spawn(async move {
            wake(&shared, &registry, id).await;
            drop(turn);
        });
    }
}
