//! What operators ask of an execution's actor, and have it do.

use std::sync::Arc;

use actix::{ActorContext, Context, Handler, Message};
use tokio::sync::oneshot;

use super::directory::Permit;
use super::execution::ExecutionActor;
use super::vitals::Handled;
use crate::domain::{Execution, OpenCall, Timestamp};

/// A look into an actor.
#[derive(Debug)]
pub struct Inspection {
    /// The committed state; `None` before the first commit.
    pub state: Option<Arc<Execution>>,
    /// The call that is open for it, or waits for its turn.
    pub call: Option<OpenCall>,
    /// Since when its oldest change waits to be written.
    pub unwritten_since: Option<Timestamp>,
    /// Changes that wait to be written.
    pub unwritten: usize,
    /// The messages that it handled last, oldest first.
    pub handled: Vec<Handled>,
}

/// Asks for a look.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Inspect {
    pub(super) reply: oneshot::Sender<Inspection>,
    pub(super) permit: Permit,
}

/// Has the actor leave the stage, if it has nothing to do; the reply says whether it does.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Passivate {
    pub(super) reply: oneshot::Sender<bool>,
    pub(super) permit: Permit,
}

/// Has the actor end at once, so that a new one is started from the log.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Restart {
    pub(super) permit: Permit,
    /// Told when it has left the directory.
    pub(super) ended: oneshot::Sender<()>,
}

impl Handler<Inspect> for ExecutionActor {
    type Result = ();

    fn handle(&mut self, Inspect { reply, permit }: Inspect, ctx: &mut Context<Self>) {
        let oldest = self.pending.front();
        let inspection = Inspection {
            state: self.committed.clone(),
            call: self.open_call(),
            unwritten_since: oldest.map(|pending| pending.after.updated_at()),
            unwritten: self.pending.len(),
            handled: self.memory.all(),
        };
        drop(permit);
        // Whoever asked may have given up. A look leaves no trace: whoever looks again and again wants to see the others.
        let _ = reply.send(inspection);
        self.rest_as_before(ctx);
    }
}

impl Handler<Passivate> for ExecutionActor {
    type Result = ();

    fn handle(&mut self, Passivate { reply, permit }: Passivate, ctx: &mut Context<Self>) {
        drop(permit);
        // Whoever asked may have given up.
        let _ = reply.send(self.retire_if_idle(ctx));
    }
}

impl Handler<Restart> for ExecutionActor {
    type Result = ();

    fn handle(&mut self, Restart { permit, ended }: Restart, ctx: &mut Context<Self>) {
        drop(permit);
        tracing::info!(execution = %self.id, "its actor is started again, because somebody asked for it");
        self.guard.expect(ended);
        ctx.stop();
    }
}
