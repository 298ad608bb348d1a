//! Those who wait for an execution to come to a state.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::Execution;

/// What somebody waits for.
type Done = Box<dyn Fn(&Execution) -> bool + Send>;

struct Waiter {
    done: Done,
    tell: oneshot::Sender<Arc<Execution>>,
}

/// Those who wait for one execution. Unlike subscribers they hear of nothing but what they wait for, so that an execution
/// which moves on wakes nobody in vain.
#[derive(Default)]
pub(super) struct Waiters {
    list: Mutex<Vec<Waiter>>,
    /// The length of the list: looked at without its lock, since most executions have none.
    count: AtomicUsize,
}

impl Waiters {
    fn list(&self) -> MutexGuard<'_, Vec<Waiter>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) fn add(&self, done: Done) -> oneshot::Receiver<Arc<Execution>> {
        let (tell, told) = oneshot::channel();
        let mut list = self.list();
        list.push(Waiter { done, tell });
        self.count.store(list.len(), Ordering::Release);
        told
    }

    /// Tells those of them who wait for what the committed `state` is.
    pub(super) fn settle(&self, state: &Arc<Execution>) {
        if self.count() == 0 {
            return;
        }
        let mut list = self.list();
        let settled: Vec<Waiter> = list.extract_if(.., |waiter| (waiter.done)(state)).collect();
        self.count.store(list.len(), Ordering::Release);
        drop(list);
        // Somebody may have given up meanwhile.
        settled.into_iter().for_each(|waiter| drop(waiter.tell.send(Arc::clone(state))));
    }

    /// Sends everybody away: they have to look for themselves.
    pub(super) fn dismiss(&self) {
        let mut list = self.list();
        list.clear();
        self.count.store(0, Ordering::Release);
    }

    /// Forgets those who gave up.
    pub(super) fn forget(&self) {
        let mut list = self.list();
        list.retain(|waiter| !waiter.tell.is_closed());
        self.count.store(list.len(), Ordering::Release);
    }
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiters").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// The state that somebody waits for. Dropping it is to give up.
pub struct Expected {
    told: oneshot::Receiver<Arc<Execution>>,
    leave: Option<Box<dyn FnOnce() + Send>>,
}

impl Expected {
    pub(super) fn new(told: oneshot::Receiver<Arc<Execution>>, leave: Box<dyn FnOnce() + Send>) -> Self {
        Self { told, leave: Some(leave) }
    }

    /// The first committed state that is what was waited for; `None` where one has to look for oneself, because the
    /// execution's actor crashed or the server stops.
    pub async fn settled(mut self) -> Option<Arc<Execution>> {
        (&mut self.told).await.ok()
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.told.close();
        if let Some(leave) = self.leave.take() {
            leave();
        }
    }
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected").finish_non_exhaustive()
    }
}
