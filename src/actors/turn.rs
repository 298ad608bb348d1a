//! What a message comes to: decided, but not yet committed.

use std::sync::Arc;

use super::message::{Asker, Waiting};
use super::subscribers::Published;
use crate::domain::{Command, Decision, Effect, Event, Execution, Given, Rejection};
use crate::journal::Ticket;
use crate::payload::Payload;

/// A decision that was handed to the journal, and what hangs on it.
pub(super) struct Pending {
    /// The state once it is committed.
    pub(super) after: Arc<Execution>,
    pub(super) published: Vec<Published>,
    pub(super) effects: Vec<Effect>,
    /// Told when it is committed; the refusals of commands that were decided on this state too.
    pub(super) askers: Vec<(Waiting, Result<(), Rejection>)>,
    /// Taken when it is waited for: only the front of the queue is.
    pub(super) ticket: Option<Ticket>,
}

/// What one message comes to before it is committed.
pub(super) struct Turn {
    pub(super) state: Execution,
    pub(super) events: Vec<Event>,
    pub(super) effects: Vec<Effect>,
    pub(super) payloads: Vec<Payload>,
    pub(super) askers: Vec<Asker>,
}

impl Turn {
    /// Begins with `state`.
    pub(super) fn on(state: &Execution) -> Self {
        let state = state.clone();
        Self { state, events: Vec::new(), effects: Vec::new(), payloads: Vec::new(), askers: Vec::new() }
    }

    /// Decides `command` on what was decided so far.
    pub(super) fn take(&mut self, command: &Command, given: &Given<'_>) -> Result<(), Rejection> {
        let Decision { events, effects } = self.state.decide(command, given)?;
        events.iter().for_each(|event| self.state.apply(event));
        self.events.extend(events);
        self.effects.extend(effects);
        Ok(())
    }
}
