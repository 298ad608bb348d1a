//! What execution actors are told and asked.

use std::sync::Arc;

use actix::Message;
use tokio::sync::oneshot;

use super::AskError;
use super::directory::Permit;
use crate::domain::{Command, Effect, Execution};
use crate::journal::Commit;
use crate::payload::Payload;

/// What an asker is told: the committed state, or why not.
pub(super) type Reply = Result<Arc<Execution>, AskError>;

/// Somebody who waits for a reply. The permit keeps the actor awake until it is given.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) reply: oneshot::Sender<Reply>,
    pub(super) permit: Permit,
}

impl Asker {
    pub(super) fn tell(self, reply: Reply) {
        // The asker may have given up; the permit goes first, so that the actor can rest at once.
        drop(self.permit);
        let _ = self.reply.send(reply);
    }
}

/// A command for the execution.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Deliver {
    pub(super) command: Command,
    pub(super) payloads: Vec<Payload>,
    pub(super) asker: Asker,
}

/// A question for the committed state.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Read(pub(super) Asker);

/// What an actor begins with.
#[derive(Debug)]
pub(super) enum Beginning {
    /// A new execution, whose first commit is still to be made; the sender learns what came of it.
    New { commit: Box<Commit>, effects: Vec<Effect>, reply: oneshot::Sender<Reply> },
    /// One that was read from the journal.
    Existing(Arc<Execution>),
}

/// The two who may wait for a commit.
pub(super) enum Waiting {
    Asker(Asker),
    Starter(oneshot::Sender<Reply>),
}

impl Waiting {
    pub(super) fn tell(self, reply: Reply) {
        match self {
            Self::Asker(asker) => asker.tell(reply),
            // The starter may have given up.
            Self::Starter(starter) => drop(starter.send(reply)),
        }
    }
}
