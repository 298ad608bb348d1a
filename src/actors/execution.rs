//! The actor of one execution: decide, commit, apply, act.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, WrapFuture};

use super::calls::CallInHand;
use super::message::{Asker, Beginning, Deliver, Read, Waiting};
use super::progress::{Held, ProgressGates};
use super::registry::DeathGuard;
use super::subscribers::{Published, Subscribers};
use super::turn::{Pending, Turn};
use super::vitals::{Memory, Vitals};
use super::{AskError, Shared};
use crate::domain::{AttemptId, Command, Effect, Execution, ExecutionId, Rejection, Timestamp};
use crate::journal::{Commit, JournalError};
use crate::payload::Payload;

/// Owns the state of one execution; nobody else changes it.
pub(super) struct ExecutionActor {
    pub(super) id: ExecutionId,
    pub(super) generation: u64,
    pub(super) shared: Arc<Shared>,
    subscribers: Arc<Subscribers>,
    beginning: Option<Beginning>,
    /// `None` until the first commit of a new execution.
    pub(super) committed: Option<Arc<Execution>>,
    /// Decisions on their way to the disk, oldest first.
    pub(super) pending: VecDeque<Pending>,
    pub(super) gates: ProgressGates,
    pub(super) calls: HashMap<AttemptId, CallInHand>,
    /// The next timer of the committed state.
    pub(super) timer: Option<(Timestamp, SpawnHandle)>,
    pub(super) rest: Option<SpawnHandle>,
    pub(super) guard: DeathGuard,
    pub(super) vitals: Arc<Vitals>,
    pub(super) memory: Memory,
}

/// Starts the actor of `id` on its arbiter; `registered` is called there once it can be found.
pub(super) fn start_actor(
    shared: &Arc<Shared>,
    id: ExecutionId,
    beginning: Beginning,
    restarts: usize,
    registered: impl FnOnce() + Send + 'static,
) {
    let generation = shared.next_generation();
    let shared = Arc::clone(shared);
    let (place, arbiter) = shared.pool.arbiter_of(id);
    let vitals = Arc::new(Vitals::new(place, restarts));
    ExecutionActor::start_in_arbiter(&arbiter.clone(), move |ctx: &mut Context<ExecutionActor>| {
        ctx.set_mailbox_capacity(shared.limits.execution_messages_max);
        let subscribers = shared.directory.register(id, ctx.address(), generation, &vitals);
        registered();
        ExecutionActor {
            id,
            generation,
            guard: DeathGuard::new(&shared, id, generation),
            shared,
            subscribers,
            beginning: Some(beginning),
            committed: None,
            pending: VecDeque::new(),
            gates: ProgressGates::default(),
            calls: HashMap::new(),
            timer: None,
            rest: None,
            vitals,
            memory: Memory::default(),
        }
    });
}

impl Actor for ExecutionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        match self.beginning.take() {
            Some(Beginning::New { commit, effects, reply }) => {
                self.submit(*commit, effects, vec![(Waiting::Starter(reply), Ok(()))], ctx);
            }
            Some(Beginning::Existing(execution)) => {
                self.committed = Some(execution);
                self.take(&Command::Recover, Vec::new(), None, ctx);
                self.set_timer(ctx);
                // Not at once, even after the end: whoever had it woken has a message for it.
                self.rest_later(ctx);
            }
            None => {}
        }
    }
}

impl Handler<Deliver> for ExecutionActor {
    type Result = ();

    fn handle(&mut self, message: Deliver, ctx: &mut Self::Context) {
        let began = Instant::now();
        let Deliver { command, payloads, asker } = message;
        let name = command.name();
        match self.must_be_held(&command) {
            Ok(None) => self.take(&command, payloads, Some(asker), ctx),
            Ok(Some(attempt)) => self.gates.hold(attempt, Held { command, payloads, askers: vec![asker] }),
            Err(rejection) => self.refuse(asker, rejection),
        }
        self.note(name, began);
        self.rest_if_idle(ctx);
    }
}

impl Handler<Read> for ExecutionActor {
    type Result = ();

    fn handle(&mut self, Read(asker): Read, ctx: &mut Self::Context) {
        let began = Instant::now();
        let reply = self.committed.clone().ok_or(AskError::Unknown);
        asker.tell(reply);
        self.note("read", began);
        self.rest_if_idle(ctx);
    }
}

impl ExecutionActor {
    /// Notes that a message was handled.
    pub(super) fn note(&mut self, message: &'static str, began: Instant) {
        self.memory.note(message, began, &self.vitals);
        self.shared.traffic.note();
    }

    /// The state that the next command is decided on: what was decided last, committed or not.
    fn latest(&self) -> Option<&Arc<Execution>> {
        self.pending.back().map(|pending| &pending.after).or(self.committed.as_ref())
    }

    /// Whether `command` is a report that comes too soon after another one of its attempt.
    fn must_be_held(&self, command: &Command) -> Result<Option<AttemptId>, Rejection> {
        let (Command::ReportProgress { step, attempt, .. }, Some(latest)) = (command, self.latest()) else {
            return Ok(None);
        };
        let attempt = latest.reporter(step, *attempt)?.id;
        self.hear_of(attempt);
        Ok(self.gates.is_closed(attempt).then_some(attempt))
    }

    /// Decides `command`, and before it the reports that are being held back, and has the events committed.
    pub(super) fn take(
        &mut self,
        command: &Command,
        payloads: Vec<Payload>,
        asker: Option<Asker>,
        ctx: &mut Context<Self>,
    ) {
        #[cfg(test)]
        self.shared.faults.strike(self.id);
        let Some(latest) = self.latest().cloned() else {
            return asker.map_or((), |asker| asker.tell(Err(AskError::Unknown)));
        };
        let mut turn = Turn::on(&latest);
        let held = self.gates.held();
        // What is held was found to be acceptable, and nothing was decided since that ends its step.
        let given = self.shared.given();
        let of_held: Result<(), Rejection> = held.into_iter().try_for_each(|command| turn.take(&command, &given));
        if let Err(rejection) = of_held.and_then(|()| turn.take(command, &given)) {
            match asker {
                Some(asker) => self.refuse(asker, rejection),
                None => tracing::debug!(execution = %self.id, %rejection, "came too late"),
            }
            return;
        }
        for held in self.gates.release() {
            turn.payloads.extend(held.payloads);
            turn.askers.extend(held.askers);
        }
        turn.payloads.extend(payloads);
        turn.askers.extend(asker);
        if let Command::ReportProgress { step, .. } = command {
            self.close_gate(&turn.state, step, ctx);
        }
        self.commit(&latest, turn, ctx);
    }

    /// Holds further reports of the step back for a while.
    fn close_gate(&mut self, state: &Execution, step: &str, ctx: &mut Context<Self>) {
        let Ok(attempt) = state.running_at(step).map(|attempt| attempt.id) else { return };
        self.gates.close(attempt);
        ctx.run_later(self.shared.limits.progress_interval, move |actor, ctx| {
            if let Some(Held { command, payloads, askers }) = actor.gates.open(attempt) {
                actor.take_held(&command, payloads, askers, ctx);
            }
            actor.rest_if_idle(ctx);
        });
    }

    /// Takes a report that was held back, for all who wait for it.
    fn take_held(&mut self, command: &Command, payloads: Vec<Payload>, askers: Vec<Asker>, ctx: &mut Context<Self>) {
        let Some(latest) = self.latest().cloned() else { return };
        let mut turn = Turn::on(&latest);
        match turn.take(command, &self.shared.given()) {
            Ok(()) => {
                turn.payloads = payloads;
                turn.askers = askers;
                if let Command::ReportProgress { step, .. } = command {
                    self.close_gate(&turn.state, step, ctx);
                }
                self.commit(&latest, turn, ctx);
            }
            Err(rejection) => askers.into_iter().for_each(|asker| self.refuse(asker, rejection.clone())),
        }
    }

    /// Answers a refusal once the commits before it, which it rests on, are durable.
    fn refuse(&mut self, asker: Asker, rejection: Rejection) {
        match self.pending.back_mut() {
            Some(pending) => pending.askers.push((Waiting::Asker(asker), Err(rejection))),
            None => asker.tell(Err(AskError::Rejected(rejection))),
        }
    }

    fn commit(&mut self, before: &Arc<Execution>, turn: Turn, ctx: &mut Context<Self>) {
        let askers: Vec<_> = turn.askers.into_iter().map(|asker| (Waiting::Asker(asker), Ok(()))).collect();
        if turn.events.is_empty() {
            return self.settle_without_events(before, turn.effects, askers, ctx);
        }
        match Commit::new(Some(before), Arc::new(turn.state), &turn.events, turn.payloads) {
            Ok(commit) => self.submit(commit, turn.effects, askers, ctx),
            Err(error) => {
                askers.into_iter().for_each(|(asker, _)| asker.tell(Err(AskError::from(&error))));
                self.start_over(&error, ctx);
            }
        }
    }

    fn settle_without_events(
        &mut self,
        state: &Arc<Execution>,
        effects: Vec<Effect>,
        askers: Vec<(Waiting, Result<(), Rejection>)>,
        ctx: &mut Context<Self>,
    ) {
        if let Some(pending) = self.pending.back_mut() {
            pending.effects.extend(effects);
            pending.askers.extend(askers);
            return;
        }
        askers.into_iter().for_each(|(asker, _)| asker.tell(Ok(Arc::clone(state))));
        effects.into_iter().for_each(|effect| self.perform(effect, ctx));
    }

    fn submit(
        &mut self,
        commit: Commit,
        effects: Vec<Effect>,
        askers: Vec<(Waiting, Result<(), Rejection>)>,
        ctx: &mut Context<Self>,
    ) {
        let after = Arc::clone(commit.state());
        let published = commit.events().iter().map(Published::from).collect();
        let courier = self.shared.pool.courier_of(self.id);
        let ticket = Some(self.shared.journal.commit(commit, Some(courier)));
        self.pending.push_back(Pending { after, published, effects, askers, ticket });
        if self.pending.len() == 1 {
            self.await_front(ctx);
        }
    }

    fn await_front(&mut self, ctx: &mut Context<Self>) {
        let ticket = self.pending.front_mut().and_then(|pending| pending.ticket.take());
        if let Some(ticket) = ticket {
            let settled = ticket.settled().into_actor(self);
            ctx.spawn(settled.map(|settled, actor, ctx| match settled {
                Ok(()) => actor.committed(ctx),
                Err(error) => actor.start_over(&error, ctx),
            }));
        }
    }

    /// The front of the queue is durable: now it may be seen, and acted upon.
    fn committed(&mut self, ctx: &mut Context<Self>) {
        let began = Instant::now();
        let Some(Pending { after, published, effects, askers, .. }) = self.pending.pop_front() else { return };
        self.committed = Some(Arc::clone(&after));
        self.subscribers.publish(&published);
        self.subscribers.waiters().settle(&after);
        for (asker, refused) in askers {
            asker.tell(refused.map(|()| Arc::clone(&after)).map_err(AskError::Rejected));
        }
        effects.into_iter().for_each(|effect| self.perform(effect, ctx));
        self.set_timer(ctx);
        self.await_front(ctx);
        self.note("committed", began);
        self.rest_if_idle(ctx);
    }

    fn perform(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        match effect {
            Effect::CallStep(attempt) => self.call(attempt, ctx),
            Effect::AbortCall(attempt) => self.abort_call(attempt, ctx),
        }
    }

    /// The journal refused for good: whoever waits is told, and a new actor reads what is really there.
    fn start_over(&mut self, error: &JournalError, ctx: &mut Context<Self>) {
        match error {
            // Nothing was lost: whoever starts it reads the workflow and starts again, or answers the one that is there.
            JournalError::WorkflowChanged | JournalError::AlreadyStarted(_) => {
                tracing::debug!(execution = %self.id, %error, "a commit was refused")
            }
            JournalError::Conflict
            | JournalError::Unavailable(_)
            | JournalError::Database(_)
            | JournalError::Damaged(_) => tracing::error!(execution = %self.id, %error, "a commit was refused"),
        }
        for pending in self.pending.drain(..) {
            pending.askers.into_iter().for_each(|(asker, _)| asker.tell(Err(AskError::from(error))));
        }
        for held in self.gates.release() {
            held.askers.into_iter().for_each(|asker| asker.tell(Err(AskError::from(error))));
        }
        if self.committed.is_none() {
            // It never came to be, so there is nothing to read.
            self.guard.disarm();
            self.shared.directory.bury(self.id, self.generation);
        }
        ctx.stop();
    }
}
