//! When an execution's actor does something by itself, and when it leaves the stage.

use std::time::{Duration, Instant};

use actix::{ActorContext, AsyncContext, Context};

use super::execution::ExecutionActor;
use super::now;
use crate::domain::{Command, Outages};

/// The longest time that an actor's timer runs: the clocks that times are told by and that timers run by may drift apart.
const TIMER_MAX: Duration = Duration::from_secs(600);

impl ExecutionActor {
    /// Has the next timer of the committed state ring; one that is far away rings in between, to no effect.
    pub(super) fn set_timer(&mut self, ctx: &mut Context<Self>) {
        let next = self.committed.as_ref().and_then(|state| state.next_timer(&self.shared.outages));
        if let Some(state) = &self.committed {
            self.vitals.show(state, next);
        }
        if self.timer.map(|(at, _)| at) == next {
            return;
        }
        if let Some((_, earlier)) = self.timer.take() {
            ctx.cancel_future(earlier);
        }
        self.timer = next.map(|at| {
            let wait = Duration::from_millis(at.millis_since(now())).min(TIMER_MAX);
            (at, ctx.run_later(wait, Self::ring))
        });
    }

    fn ring(&mut self, ctx: &mut Context<Self>) {
        let began = Instant::now();
        self.timer = None;
        self.take(&Command::Wake, Vec::new(), None, ctx);
        if self.pending.is_empty() {
            self.set_timer(ctx);
        }
        self.note("wake", began);
        self.rest_if_idle(ctx);
    }

    /// Leaves the stage when there is nothing to do: at once after the end, after a while when it only waits.
    pub(super) fn rest_if_idle(&mut self, ctx: &mut Context<Self>) {
        let Some(state) = self.committed.as_ref().filter(|_| self.is_idle()) else { return };
        if state.status().is_ended() {
            self.retire(ctx);
        } else {
            self.rest_later(ctx);
        }
    }

    /// The same after somebody only looked, which keeps nobody awake: a rest that is near stays near.
    pub(super) fn rest_as_before(&mut self, ctx: &mut Context<Self>) {
        if self.rest.is_none() {
            self.rest_if_idle(ctx);
        }
    }

    pub(super) fn rest_later(&mut self, ctx: &mut Context<Self>) {
        let rest = ctx.run_later(self.shared.limits.passivate_after, |actor, ctx| {
            actor.rest = None;
            actor.retire_if_idle(ctx);
        });
        if let Some(earlier) = self.rest.replace(rest) {
            ctx.cancel_future(earlier);
        }
    }

    fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.calls.is_empty() && !self.gates.is_holding()
    }

    /// Leaves the stage if there is nothing to do, and says whether it does.
    pub(super) fn retire_if_idle(&mut self, ctx: &mut Context<Self>) -> bool {
        self.is_idle() && self.retire(ctx)
    }

    fn retire(&mut self, ctx: &mut Context<Self>) -> bool {
        // A message that is on its way brings the actor here again.
        let retires = self.shared.directory.retire(self.id, self.generation);
        if retires {
            self.leave_timer();
            self.guard.disarm();
            ctx.stop();
        }
        retires
    }

    /// Whoever wakes it in time is told when.
    fn leave_timer(&self) {
        let Some(state) = &self.committed else { return };
        let stored = state.next_timer(&Outages::default());
        if let (Some(at), Some(stored)) = (state.next_timer(&self.shared.outages), stored) {
            self.shared.waker.take_over(self.id, at, stored);
        }
    }
}
