//! What an execution's actor hands to the journal, and how the rows follow from the state.

use std::sync::Arc;

use super::{JournalError, StartKey};
use crate::domain::{Attempt, Event, Execution, ExecutionId, Outages, Timestamp};
use crate::payload::Payload;

/// One event as it is stored and published.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    /// Its place in the log.
    pub seq: u64,
    /// Its name.
    pub kind: &'static str,
    /// Its public JSON, shared with every subscriber.
    pub text: Arc<str>,
    /// What folding needs beyond that.
    pub private: Option<String>,
}

/// How an execution's row changes.
#[derive(Debug)]
pub(super) enum RowChange {
    /// The execution is new.
    New,
    /// It went on within its status; nothing that an index or a reader of a parked execution looks at is different.
    Moved,
    /// It parked, woke or ended, or its properties changed: everything is written, its context too.
    Turned,
}

/// The events of one decision with the rows that follow from them: written whole or not at all.
#[derive(Debug)]
pub struct Commit {
    pub(super) after: u64,
    pub(super) state: Arc<Execution>,
    pub(super) row: RowChange,
    /// The context as JSON where the row carries it.
    pub(super) context: Option<String>,
    pub(super) steps: Vec<StepRow>,
    pub(super) events: Vec<StoredEvent>,
    pub(super) payloads: Vec<Payload>,
    /// What a new execution is started with.
    pub(super) key: Option<StartKey>,
}

/// The row of an attempt.
#[derive(Debug)]
pub(super) struct StepRow {
    /// The place of the attempt in the state's list.
    pub(super) place: usize,
    /// Whether it has no row yet.
    pub(super) is_new: bool,
    pub(super) output: Option<String>,
    pub(super) error: Option<String>,
}

impl Commit {
    /// The commit that brings `before` (`None` for a new execution) to `state` by `events`.
    ///
    /// # Errors
    ///
    /// None in practice: whatever is serialised is JSON already.
    pub fn new(
        before: Option<&Execution>,
        state: Arc<Execution>,
        events: &[Event],
        payloads: Vec<Payload>,
    ) -> Result<Self, JournalError> {
        let row = match before {
            None => RowChange::New,
            Some(before) if is_turned(before, &state) => RowChange::Turned,
            Some(_) => RowChange::Moved,
        };
        let context = match row {
            RowChange::New | RowChange::Turned => Some(serde_json::to_string(state.context())?),
            RowChange::Moved => None,
        };
        Ok(Self {
            after: before.map_or(0, Execution::last_seq),
            row,
            context,
            steps: step_rows(before, &state)?,
            events: events.iter().map(|event| stored(state.id(), event)).collect::<Result<_, _>>()?,
            payloads,
            key: None,
            state,
        })
    }

    /// The same start with a key: it is refused if the key has started another execution.
    pub fn with_key(self, key: Option<StartKey>) -> Self {
        Self { key, ..self }
    }

    /// The state that it leads to.
    pub fn state(&self) -> &Arc<Execution> {
        &self.state
    }

    /// The events as they will be stored, for those who publish them afterwards.
    pub fn events(&self) -> &[StoredEvent] {
        &self.events
    }

    /// Rows that it writes, roughly: what bounds a batch.
    pub(super) fn rows(&self) -> usize {
        1 + self.steps.len() + self.events.len() + 2 * self.payloads.len() + usize::from(self.key.is_some())
    }
}

/// The properties as their columns hold them: the data as JSON, and the status.
pub(super) fn property_columns(state: &Execution) -> (Option<String>, Option<&str>) {
    let properties = state.properties();
    let data = &properties.additional_data;
    // A map with string keys serialises without fail.
    let data = (!data.is_empty()).then(|| serde_json::to_string(data).unwrap_or_default());
    (data, properties.custom_status.as_deref())
}

/// Whether an execution in this state has its context in its row: it waits, is paused or has ended.
fn carries_context(state: &Execution) -> bool {
    !state.has_open_call()
}

/// When an execution in this state must be woken, at the latest. One with an open call: at once, the oldest first.
///
/// Times at which no process was there only put timeouts off, so leaving them out wakes nobody too late.
pub(super) fn wake_at(state: &Execution) -> Option<Timestamp> {
    if state.has_open_call() { Some(state.created_at()) } else { state.next_timer(&Outages::default()) }
}

/// Whether the two differ in more than an execution's row shows while it moves.
fn is_turned(before: &Execution, state: &Execution) -> bool {
    let parked = carries_context(before) || carries_context(state);
    let stood = (before.status(), before.waiting_for());
    (parked && stood != (state.status(), state.waiting_for())) || before.properties() != state.properties()
}

/// An event of `execution` as its row holds it.
pub(super) fn stored(execution: ExecutionId, event: &Event) -> Result<StoredEvent, serde_json::Error> {
    Ok(StoredEvent {
        seq: event.seq,
        kind: event.body.name(),
        text: Arc::from(event.public_json(execution)?),
        private: event.body.private_json()?,
    })
}

fn step_rows(before: Option<&Execution>, state: &Execution) -> Result<Vec<StepRow>, serde_json::Error> {
    let known = before.map_or(&[] as &[Attempt], Execution::attempts);
    let changed = state.attempts().iter().enumerate().filter(|(place, attempt)| {
        let old = known.get(*place);
        old.is_none_or(|old| old.status != attempt.status)
    });
    changed
        .map(|(place, attempt)| {
            Ok(StepRow {
                place,
                is_new: place >= known.len(),
                output: attempt.output.as_ref().map(serde_json::to_string).transpose()?,
                error: attempt.error.as_ref().map(serde_json::to_string).transpose()?,
            })
        })
        .collect()
}
