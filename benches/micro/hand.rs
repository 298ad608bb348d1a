//! Executions that are moved by hand: what an actor does with one, without the actor, a clock, or chance.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use chrono::DateTime;
use discovery::domain::{
    Answer, Command, Context, Decision, Event, Execution, ExecutionId, Given, Outages, Outcome, ProgressReport,
    StartData, Timestamp, Workflow, WorkflowDraft, WorkflowId,
};
use discovery::journal::Commit;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The steps of the workflow that everything is measured with.
pub(crate) const STEPS: [&str; 5] = ["fetch", "check", "convert", "decide", "notify"];
/// The sizes of the contexts that executions are measured with, in bytes of JSON.
pub(crate) const CONTEXT_BYTES: [usize; 2] = [1_000, 100_000];

/// Milliseconds and ids that were given out.
static GIVEN: AtomicU64 = AtomicU64::new(1);

/// An id that nobody else has. As with version 7, later ones sort behind, and the low half spreads.
pub(crate) fn new_id() -> Uuid {
    let number = GIVEN.fetch_add(1, Ordering::Relaxed);
    Uuid::from_u64_pair(number, number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// What a decision is made with: the clock moves on by a millisecond with each.
pub(crate) fn given() -> Given<'static> {
    static OUTAGES: LazyLock<Outages> = LazyLock::new(Outages::default);
    let id = new_id();
    let millis = 1_767_225_600_000 + id.as_u64_pair().0.cast_signed();
    let now = Timestamp::new(DateTime::from_timestamp_millis(millis).unwrap_or_default());
    Given { now, new_id: id, draw: 0.5, outages: &OUTAGES }
}

/// The workflow of five steps, in this mode.
pub(crate) fn workflow(mode: &str) -> Workflow {
    let steps: Vec<Value> = STEPS.iter().map(|step| json!({"name": step})).collect();
    let draft = WorkflowDraft::parse(&json!({"name": "measured", "mode": mode, "steps": steps})).unwrap();
    Workflow::create(draft, WorkflowId(new_id()), given().now, &mut new_id)
}

/// Data that makes a context of about `context_bytes`: it stands there twice.
pub(crate) fn data(context_bytes: usize) -> Arc<StartData> {
    let record =
        |id: usize| json!({"id": id, "name": format!("record {id:05}"), "amount": 12.5, "tags": ["open", "new"]});
    let records = context_bytes / 2 / record(0).to_string().len();
    let records: Vec<Value> = (0..records).map(record).collect();
    Arc::new(StartData::new("", Map::from_iter([("records".to_owned(), Value::from(records))])).unwrap())
}

/// What happens to an execution, and the state that it meets.
pub(crate) enum Happening {
    /// A client starts one.
    Start { id: ExecutionId, workflow: Arc<Workflow>, data: Arc<StartData> },
    /// Something comes to one that runs.
    Command(Arc<Execution>, Command),
}

/// What followed: decided and applied, ready to be committed.
pub(crate) struct Turn {
    before: Option<Arc<Execution>>,
    pub(crate) after: Arc<Execution>,
    pub(crate) events: Vec<Event>,
}

impl Happening {
    /// A client starts an execution with `data`.
    pub(crate) fn start(workflow: &Arc<Workflow>, data: &Arc<StartData>) -> Self {
        Self::Start { id: ExecutionId(new_id()), workflow: Arc::clone(workflow), data: Arc::clone(data) }
    }

    /// The worker answers the open call: with a small change of the context, as most steps do.
    pub(crate) fn outcome(state: &Arc<Execution>) -> Self {
        let attempt = state.open_attempts().next().unwrap();
        let output = json!({"context": {state.step_of(attempt).handler.as_str(): {"status": "done", "rows": 12}}});
        let context: Context = serde_json::from_value(output["context"].clone()).unwrap();
        let outcome = Outcome::Answered(Answer { context, next: None, output });
        Self::Command(Arc::clone(state), Command::TakeOutcome { attempt: attempt.id, outcome })
    }

    /// The step that runs reports how far it is.
    pub(crate) fn report(state: &Arc<Execution>) -> Self {
        let attempt = state.open_attempts().next().unwrap();
        let body = json!({"percentage": 40, "message": "page 4 of 10", "custom_data": {"page": 4, "pages": 10}});
        let command = Command::ReportProgress {
            step: state.step_of(attempt).handler.as_str().to_owned(),
            report: ProgressReport::parse(&body).unwrap(),
            attempt: Some(attempt.id),
        };
        Self::Command(Arc::clone(state), command)
    }

    pub(crate) fn decide(&self) -> Decision {
        let decision = match self {
            Self::Start { id, workflow, data } => Execution::start(*id, workflow, None, data, &given()),
            Self::Command(state, command) => state.decide(command, &given()),
        };
        decision.unwrap()
    }

    /// The state after `events`, which is a copy: the one before stays until they are committed.
    pub(crate) fn apply(&self, events: &[Event]) -> Execution {
        match self {
            Self::Start { id, workflow, .. } => Execution::fold(*id, Arc::clone(workflow), events).unwrap(),
            Self::Command(state, _) => {
                let mut after = Execution::clone(state);
                events.iter().for_each(|event| after.apply(event));
                after
            }
        }
    }

    pub(crate) fn turn(&self) -> Turn {
        let events = self.decide().events;
        let before = match self {
            Self::Start { .. } => None,
            Self::Command(state, _) => Some(Arc::clone(state)),
        };
        Turn { before, after: Arc::new(self.apply(&events)), events }
    }
}

impl Turn {
    /// What the journal gets.
    pub(crate) fn commit(&self) -> Commit {
        Commit::new(self.before.as_deref(), Arc::clone(&self.after), &self.events, Vec::new()).unwrap()
    }
}

/// A happening with a name.
pub(crate) struct Case {
    name: &'static str,
    context_bytes: usize,
    pub(crate) happening: Happening,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} KB", self.name, self.context_bytes / 1_000)
    }
}

/// What happens to an execution most often, with each size of context.
pub(crate) fn cases() -> Vec<Case> {
    CONTEXT_BYTES.into_iter().flat_map(cases_with).collect()
}

fn cases_with(context_bytes: usize) -> [Case; 4] {
    let case = |name, happening| Case { name, context_bytes, happening };
    let started = Happening::start(&Arc::new(workflow("automatic")), &data(context_bytes));
    let next = |state: &Arc<Execution>| Happening::outcome(state).turn().after;
    let third = next(&next(&started.turn().after));
    let fifth = next(&next(&third));
    [
        case("start", started),
        case("outcome in the middle", Happening::outcome(&third)),
        case("outcome at the end", Happening::outcome(&fifth)),
        case("progress report", Happening::report(&third)),
    ]
}
