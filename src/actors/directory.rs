//! Who is alive: the way from an execution's id to its actor and its subscribers, in one look-up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::Addr;
use dashmap::DashMap;

use super::execution::ExecutionActor;
use super::outbox::{Bounds, Subscription};
use super::subscribers::{Audience, Published, Subscribers, publish_everywhere};
use super::vitals::Vitals;
use super::waiters::Expected;
use crate::domain::{Execution, ExecutionId};

/// The actors and subscribers of executions. An execution that has neither has no entry.
#[derive(Debug)]
pub(super) struct Directory {
    entries: DashMap<ExecutionId, Entry>,
    permits_max: usize,
    /// Those who watch all executions.
    everywhere: Arc<Audience>,
}

#[derive(Debug)]
struct Entry {
    actor: Option<Live>,
    /// They belong to the entry, not to the actor: a restart or a passivation loses none of them.
    subscribers: Arc<Subscribers>,
}

impl Entry {
    fn new(everywhere: &Arc<Audience>) -> Self {
        Self { actor: None, subscribers: Arc::new(Subscribers::new(everywhere)) }
    }
}

#[derive(Debug)]
struct Live {
    address: Addr<ExecutionActor>,
    /// Tells this actor from its predecessors.
    generation: u64,
    permits: Arc<AtomicUsize>,
    vitals: Arc<Vitals>,
}

/// The right to have one message with an actor, which does not go to sleep meanwhile.
#[derive(Debug)]
pub(super) struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What the directory says to somebody with a message.
#[derive(Debug)]
pub(super) enum Admission {
    /// Send it there.
    Live(Addr<ExecutionActor>, Permit),
    /// There is no actor now.
    Asleep,
    /// Too many messages are with the actor already.
    Full,
}

impl Directory {
    /// Lets `permits_max` messages be with one actor at once.
    pub(super) fn new(permits_max: usize) -> Self {
        Self { entries: DashMap::new(), permits_max, everywhere: Arc::default() }
    }

    /// Asks for the right to send one message to the execution's actor.
    pub(super) fn admit(&self, id: ExecutionId) -> Admission {
        let Some(entry) = self.entries.get(&id) else { return Admission::Asleep };
        let Some(live) = &entry.actor else { return Admission::Asleep };
        // The entry's lock is held: nobody passivates the actor between this count and the message.
        let permit = Permit(Arc::clone(&live.permits));
        if live.permits.fetch_add(1, Ordering::AcqRel) >= self.permits_max {
            return Admission::Full;
        }
        Admission::Live(live.address.clone(), permit)
    }

    /// The same for a message that must reach the actor however many are with it; `None` where there is no actor.
    pub(super) fn admit_past_bound(&self, id: ExecutionId) -> Option<(Addr<ExecutionActor>, Permit)> {
        let entry = self.entries.get(&id)?;
        let live = entry.actor.as_ref()?;
        live.permits.fetch_add(1, Ordering::AcqRel);
        Some((live.address.clone(), Permit(Arc::clone(&live.permits))))
    }

    /// Whether the execution has an actor.
    pub(super) fn is_live(&self, id: ExecutionId) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.actor.is_some())
    }

    /// Executions that have an actor.
    pub(super) fn live(&self) -> usize {
        self.entries.iter().filter(|entry| entry.actor.is_some()).count()
    }

    /// What `look` makes of each live actor: its execution, its vitals, the messages with it and its subscribers.
    pub(super) fn look<T>(&self, look: impl Fn(ExecutionId, &Vitals, usize, usize) -> T) -> Vec<T> {
        let live = self.entries.iter().filter_map(|entry| {
            let live = entry.actor.as_ref()?;
            let waiting = live.permits.load(Ordering::Relaxed);
            Some(look(*entry.key(), &live.vitals, waiting, entry.subscribers.own().count()))
        });
        live.collect()
    }

    /// The same of one.
    pub(super) fn look_at<T>(
        &self,
        id: ExecutionId,
        look: impl FnOnce(ExecutionId, &Vitals, usize, usize) -> T,
    ) -> Option<T> {
        let entry = self.entries.get(&id)?;
        let live = entry.actor.as_ref()?;
        Some(look(id, &live.vitals, live.permits.load(Ordering::Relaxed), entry.subscribers.own().count()))
    }

    /// Makes `address` the execution's actor and gives the subscribers that it publishes to.
    pub(super) fn register(
        &self,
        id: ExecutionId,
        address: Addr<ExecutionActor>,
        generation: u64,
        vitals: &Arc<Vitals>,
    ) -> Arc<Subscribers> {
        let mut entry = self.entries.entry(id).or_insert_with(|| Entry::new(&self.everywhere));
        entry.actor = Some(Live { address, generation, permits: Arc::default(), vitals: Arc::clone(vitals) });
        Arc::clone(&entry.subscribers)
    }

    /// Takes the actor of this generation out if no message is with it.
    pub(super) fn retire(&self, id: ExecutionId, generation: u64) -> bool {
        self.take_out(id, |live| live.generation == generation && live.permits.load(Ordering::Acquire) == 0)
    }

    /// Takes the actor of this generation out, whatever is with it: it is dead.
    pub(super) fn bury(&self, id: ExecutionId, generation: u64) -> bool {
        self.take_out(id, |live| live.generation == generation)
    }

    fn take_out(&self, id: ExecutionId, may: impl FnOnce(&Live) -> bool) -> bool {
        let Some(mut entry) = self.entries.get_mut(&id) else { return false };
        let may = entry.actor.as_ref().is_some_and(may);
        if may {
            entry.actor = None;
        }
        drop(entry);
        self.tidy(id);
        may
    }

    fn tidy(&self, id: ExecutionId) {
        self.entries.remove_if(&id, |_, entry| entry.actor.is_none() && !entry.subscribers.is_watched());
    }

    /// Adds a subscriber of the execution, alive or asleep.
    pub(super) fn subscribe(self: &Arc<Self>, id: ExecutionId, bounds: Bounds) -> Subscription {
        // Under the entry's lock, so that the entry is not tidied away in between.
        let entry = self.entries.entry(id).or_insert_with(|| Entry::new(&self.everywhere));
        let outbox = entry.subscribers.own().add(bounds);
        let subscribers = Arc::clone(&entry.subscribers);
        drop(entry);
        let (directory, own) = (Arc::clone(self), Arc::clone(&outbox));
        let leave = move || {
            subscribers.own().remove(&own);
            directory.tidy(id);
        };
        Subscription::new(outbox, Box::new(leave))
    }

    /// Adds somebody who waits until the committed state of the execution, alive or asleep, is what `done` looks for.
    pub(super) fn wait_for(
        self: &Arc<Self>,
        id: ExecutionId,
        done: impl Fn(&Execution) -> bool + Send + 'static,
    ) -> Expected {
        // Under the entry's lock, as a subscription.
        let entry = self.entries.entry(id).or_insert_with(|| Entry::new(&self.everywhere));
        let told = entry.subscribers.waiters().add(Box::new(done));
        let subscribers = Arc::clone(&entry.subscribers);
        drop(entry);
        let directory = Arc::clone(self);
        let leave = move || {
            subscribers.waiters().forget();
            directory.tidy(id);
        };
        Expected::new(told, Box::new(leave))
    }

    /// Has all who wait look for themselves.
    pub(super) fn dismiss_waiters(&self) {
        self.entries.iter().for_each(|entry| entry.subscribers.waiters().dismiss());
    }

    /// Adds a subscriber of all executions.
    pub(super) fn subscribe_to_all(&self, bounds: Bounds) -> Subscription {
        let outbox = self.everywhere.add(bounds);
        let (everywhere, own) = (Arc::clone(&self.everywhere), Arc::clone(&outbox));
        Subscription::new(outbox, Box::new(move || everywhere.remove(&own)))
    }

    /// How many subscribe to the execution.
    pub(super) fn watchers(&self, id: ExecutionId) -> usize {
        self.entries.get(&id).map_or(0, |entry| entry.subscribers.own().count())
    }

    /// Publishes what was committed while no actor was alive.
    pub(super) fn publish(&self, id: ExecutionId, events: &[Published]) {
        match self.entries.get(&id) {
            Some(entry) => {
                entry.subscribers.publish(events);
                entry.subscribers.waiters().dismiss();
            }
            None => publish_everywhere(&self.everywhere, events),
        }
    }

    /// Tells those who watch the execution to look whether they missed something: its actor died.
    pub(super) fn nudge(&self, id: ExecutionId) {
        if let Some(entry) = self.entries.get(&id) {
            entry.subscribers.nudge();
        }
    }
}

#[cfg(test)]
impl Directory {
    /// How many wait for the execution.
    pub(super) fn waiters(&self, id: ExecutionId) -> usize {
        self.entries.get(&id).map_or(0, |entry| entry.subscribers.waiters().count())
    }

    /// Whether it has an entry.
    pub(super) fn is_known(&self, id: ExecutionId) -> bool {
        self.entries.contains_key(&id)
    }
}
