//! How the journal's answers reach the threads that wait for them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::store::Outcome;

/// Brings answers to one thread, all those of a batch at once.
///
/// To wake a task of another thread costs a system call, and often has that thread run for this one task. A batch has answers
/// for many tasks of few threads: a thread is woken once, and its courier wakes the tasks from within.
#[derive(Clone, Debug, Default)]
pub struct Courier(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    bag: Mutex<Vec<(oneshot::Sender<Outcome>, Outcome)>>,
    filled: Notify,
}

impl Courier {
    /// Hands on what is brought, for ever: to be spawned on the thread whose tasks wait.
    pub async fn deliver(self) {
        loop {
            self.0.filled.notified().await;
            let bag = std::mem::take(&mut *self.bag());
            // Whoever asked may have given up.
            bag.into_iter().for_each(|(answer, outcome)| drop(answer.send(outcome)));
        }
    }

    fn bag(&self) -> MutexGuard<'_, Vec<(oneshot::Sender<Outcome>, Outcome)>> {
        self.0.bag.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way back to whoever handed over a job.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) tell: oneshot::Sender<Outcome>,
    /// Who brings it; nobody where one task waits alone.
    pub(super) courier: Option<Courier>,
}

/// The answers of one batch.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Those who have something to bring.
    couriers: Vec<Courier>,
}

impl Answers {
    pub(super) fn give(&mut self, answer: Answer, outcome: Outcome) {
        let Answer { tell, courier } = answer;
        let Some(courier) = courier else {
            // Whoever asked may have given up.
            let _ = tell.send(outcome);
            return;
        };
        courier.bag().push((tell, outcome));
        if !self.couriers.iter().any(|known| Arc::ptr_eq(&known.0, &courier.0)) {
            self.couriers.push(courier);
        }
    }
}

impl Drop for Answers {
    /// Sends the couriers off.
    fn drop(&mut self) {
        self.couriers.iter().for_each(|courier| courier.0.filled.notify_one());
    }
}
