//! Conflation: reports of one attempt that come too fast share one event, the newest wins.

use std::collections::HashMap;

use super::message::Asker;
use crate::domain::{AttemptId, Command};
use crate::payload::Payload;

/// A report that waits for its turn, with everybody who reported since the last event.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) command: Command,
    pub(super) payloads: Vec<Payload>,
    pub(super) askers: Vec<Asker>,
}

/// For each attempt that reported lately: what came since.
#[derive(Debug, Default)]
pub(super) struct ProgressGates(HashMap<AttemptId, Option<Held>>);

impl ProgressGates {
    /// Whether reports of `attempt` are held back now.
    pub(super) fn is_closed(&self, attempt: AttemptId) -> bool {
        self.0.contains_key(&attempt)
    }

    /// Whether any report is held back.
    pub(super) fn is_holding(&self) -> bool {
        self.0.values().any(Option::is_some)
    }

    /// Begins to hold back reports of `attempt`.
    pub(super) fn close(&mut self, attempt: AttemptId) {
        self.0.insert(attempt, None);
    }

    /// Ends it, and gives what was held.
    pub(super) fn open(&mut self, attempt: AttemptId) -> Option<Held> {
        self.0.remove(&attempt).flatten()
    }

    /// Holds `newer` in the place of what was held; those who wait for the older report now wait for this one.
    pub(super) fn hold(&mut self, attempt: AttemptId, mut newer: Held) {
        let held = self.0.entry(attempt).or_default();
        if let Some(older) = held.take() {
            newer.askers.splice(0..0, older.askers);
        }
        *held = Some(newer);
    }

    /// The reports that are held, in no order: they belong to different attempts.
    pub(super) fn held(&self) -> Vec<Command> {
        self.0.values().flatten().map(|held| held.command.clone()).collect()
    }

    /// Gives all that is held; the gates stay closed until their time.
    pub(super) fn release(&mut self) -> Vec<Held> {
        self.0.values_mut().filter_map(Option::take).collect()
    }
}
