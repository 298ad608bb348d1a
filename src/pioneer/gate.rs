//! Bounds on the calls that are open at once: in all, and for each handler, so that one that hangs holds up no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets calls in, first come, first served.
#[derive(Debug)]
pub struct CallGate {
    overall: Arc<Semaphore>,
    handlers: DashMap<String, Arc<Semaphore>>,
    per_handler_max: usize,
    open: Arc<AtomicUsize>,
}

/// A call that was let in; dropping it makes room for the next.
#[derive(Debug)]
pub struct CallPermit {
    _handler: OwnedSemaphorePermit,
    _overall: OwnedSemaphorePermit,
    open: Arc<AtomicUsize>,
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl CallGate {
    /// Lets `max` calls be open in all, and `per_handler_max` for one handler.
    pub fn new(max: usize, per_handler_max: usize) -> Self {
        Self { overall: Arc::new(Semaphore::new(max)), handlers: DashMap::new(), per_handler_max, open: Arc::default() }
    }

    /// Waits for its turn; `None` once the gate is closed.
    ///
    /// The handler's turn comes first: whoever waits for a busy handler takes no room from the others.
    pub async fn enter(&self, handler: &str) -> Option<CallPermit> {
        let own = self.semaphore(handler).acquire_owned().await.ok()?;
        let overall = Arc::clone(&self.overall).acquire_owned().await.ok()?;
        self.open.fetch_add(1, Ordering::Relaxed);
        Some(CallPermit { _handler: own, _overall: overall, open: Arc::clone(&self.open) })
    }

    /// Lets nobody in any more; whoever waits is sent away.
    pub fn close(&self) {
        self.overall.close();
        self.handlers.iter().for_each(|handler| handler.close());
    }

    /// Calls that are open.
    pub fn open_calls(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn semaphore(&self, handler: &str) -> Arc<Semaphore> {
        if let Some(known) = self.handlers.get(handler) {
            return Arc::clone(&known);
        }
        let new = || Arc::new(Semaphore::new(self.per_handler_max));
        Arc::clone(&self.handlers.entry(handler.to_owned()).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_handler_that_hangs_leaves_room_for_the_others() {
        let gate = CallGate::new(3, 2);
        let held = [gate.enter("slow").await, gate.enter("slow").await];
        assert!(gate.enter("slow").now_or_never().is_none(), "the handler's bound");
        let other = gate.enter("fast").await;
        assert!(gate.enter("third").now_or_never().is_none(), "the bound in all");
        assert_eq!(gate.open_calls(), 3);
        drop((held, other));
        assert!(gate.enter("slow").now_or_never().is_some());
        assert_eq!(gate.open_calls(), 0);
    }

    #[tokio::test]
    async fn a_closed_gate_sends_everybody_away() {
        let gate = CallGate::new(1, 1);
        let held = gate.enter("a").await;
        let waiting = gate.enter("a");
        gate.close();
        assert!(waiting.await.is_none());
        drop(held);
    }
}
