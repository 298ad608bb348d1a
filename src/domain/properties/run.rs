//! An execution and its model side by side, with a clock, chance and a log.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::model::Model;
use super::moves::{Move, NOBODY, Named, Next, Whose};
use crate::domain::{
    AttemptId, Command, Completion, Decision, Effect, Event, EventBody, Execution, ExecutionId, Given, Outage, Outages,
    Properties, Rejection, StartData, Timestamp, Workflow, WorkflowDraft, WorkflowId,
};

/// A stored event: its place, its public text, its private text.
type Stored = (u64, String, Option<String>);

pub(super) struct Run {
    pub(super) execution: Execution,
    pub(super) model: Model,
    pub(super) properties: Properties,
    pub(super) events: Vec<Event>,
    pub(super) outages: Outages,
    pub(super) told: Option<(String, Completion)>,
    stored: Vec<Stored>,
    /// What the last move led to.
    effects: Vec<Effect>,
    has_changed: bool,
    ids: u128,
    draw: f64,
    /// The latest moment that any clock has shown.
    latest: i64,
}

/// Makes a workflow of a valid body.
pub(super) fn workflow(body: &Value) -> Workflow {
    let mut ids = 0;
    let mut new_id = || {
        ids += 1;
        Uuid::from_u128(ids)
    };
    let draft = WorkflowDraft::parse(body).unwrap_or_else(|invalid| panic!("{body}: {invalid}"));
    Workflow::create(draft, WorkflowId(Uuid::from_u128(7)), at(0), &mut new_id)
}

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::new(DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis))
}

impl Run {
    pub(super) fn start(body: &Value, data: &Map<String, Value>) -> Self {
        let workflow = Arc::new(workflow(body));
        let id = ExecutionId(Uuid::from_u128(9));
        let outages = Outages::default();
        let given = Given { now: at(0), new_id: Uuid::from_u128(1_000), draw: 1.0, outages: &outages };
        let data_read = StartData::new("", data.clone()).unwrap();
        let decision = Execution::start(id, &workflow, None, &data_read, &given).unwrap();
        let execution = Execution::fold(id, Arc::clone(&workflow), &decision.events).unwrap();
        let mut run = Self {
            execution,
            model: Model::start(id, &workflow, data),
            properties: Properties::default(),
            events: Vec::new(),
            outages,
            told: None,
            stored: Vec::new(),
            effects: Vec::new(),
            has_changed: true,
            ids: 1_000,
            draw: 1.0,
            latest: 0,
        };
        run.commit(&decision);
        run.meets_expectations(0, None);
        run
    }

    /// Makes one move so many milliseconds later; the model foretells whether it is accepted and what becomes of it.
    pub(super) fn make(&mut self, millis: i64, draw: f64, one: &Move) {
        self.pass(millis);
        self.draw = draw;
        let (events, running) = (self.events.len(), self.running());
        self.do_as(one);
        self.has_changed = self.events.len() > events;
        self.meets_expectations(events, running);
    }

    /// Whether the last move led to events.
    pub(super) fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Compares what follows from a move with what the model expects; `running` is the attempt that ran before it.
    fn meets_expectations(&mut self, events_before: usize, running: Option<AttemptId>) {
        let expected = std::mem::take(&mut self.model.expected);
        let names: Vec<_> = self.events[events_before..].iter().map(|event| event.body.name()).collect();
        assert_eq!(names, expected.events);
        let aborted = running.filter(|_| expected.aborts).map(Effect::AbortCall);
        let called = self.running().filter(|_| expected.calls).map(Effect::CallStep);
        let effects: Vec<_> = aborted.into_iter().chain(called).collect();
        assert_eq!(std::mem::take(&mut self.effects), effects);
    }

    pub(super) fn now(&self) -> Timestamp {
        at(self.model.now)
    }

    pub(super) fn pass(&mut self, millis: i64) {
        self.model.now += millis;
        self.latest = self.latest.max(self.model.now);
    }

    /// Nobody is there for so long.
    pub(super) fn is_away(&mut self, millis: i64) {
        let from = self.latest;
        self.model.now = from;
        self.pass(millis);
        self.model.away.add(from, self.latest);
        let new = Outage { from: at(from), to: at(self.latest) };
        self.outages = Outages::new(self.outages.as_slice().iter().copied().chain([new]));
    }

    /// The state that the stored texts give.
    pub(super) fn refolded(&self) -> Execution {
        let read = |(seq, public, private): &Stored| Event::from_stored(*seq, public, private.as_deref()).unwrap();
        let events: Vec<Event> = self.stored.iter().map(read).collect();
        Execution::fold(self.execution.id(), Arc::clone(self.execution.workflow()), &events).unwrap()
    }

    /// The state that those of the events give that `keep` likes.
    pub(super) fn folded(&self, keep: impl Fn(&Event) -> bool) -> Execution {
        let kept = self.events.iter().filter(|event| keep(event));
        Execution::fold(self.execution.id(), Arc::clone(self.execution.workflow()), kept).unwrap()
    }

    /// Each committed event as clients see it.
    pub(super) fn public(&self) -> impl Iterator<Item = Value> {
        self.stored.iter().map(|(_, public, _)| serde_json::from_str(public).unwrap())
    }

    pub(super) fn running(&self) -> Option<AttemptId> {
        self.execution.running_attempts().next().map(|attempt| attempt.id)
    }

    /// Decides, and commits what follows; the decision must be a refusal unless `expected`.
    pub(super) fn ask(&mut self, command: &Command, expected: bool) -> Option<Decision> {
        let decision = self.execution.decide(command, &self.given());
        self.check_proofs(command, &decision);
        self.ids += 1;
        assert_eq!(decision.is_ok(), expected, "{command:?} gave {decision:?} in {:?}", self.execution);
        let decision = decision.ok()?;
        decision.events.iter().for_each(|event| self.execution.apply(event));
        self.commit(&decision);
        self.model.told_wait = decision.events.iter().find_map(|event| {
            if let EventBody::StepError(failed) = &event.body { failed.retry_in_seconds } else { None }
        });
        Some(decision)
    }

    /// A report that proves its attempt counts as one without a proof while that attempt runs, and not at all later.
    fn check_proofs(&self, command: &Command, unproved: &Result<Decision, Rejection>) {
        for whose in self.execution.attempts().iter().map(|attempt| attempt.id).chain([AttemptId(Uuid::from_u128(5))]) {
            let mut proved = command.clone();
            let (Command::ReportProgress { attempt, .. } | Command::ReportCompletion { attempt, .. }) = &mut proved
            else {
                return;
            };
            *attempt = Some(whose);
            let decision = self.execution.decide(&proved, &self.given());
            if self.running() == Some(whose) {
                assert_eq!(&decision, unproved);
            } else {
                assert!(decision.is_err(), "{proved:?} gave {decision:?}");
            }
        }
    }

    fn commit(&mut self, decision: &Decision) {
        for event in &decision.events {
            let public = event.public_json(self.execution.id()).unwrap();
            let private = event.body.private_json().unwrap();
            let read = Event::from_stored(event.seq, &public, private.as_deref()).unwrap();
            assert_eq!(read, *event, "an event is read as it was written: {public} and {private:?}");
            assert_eq!(event.at, self.now());
            self.events.push(read);
            self.stored.push((event.seq, public, private));
        }
        self.effects.extend(&decision.effects);
    }

    /// What the core is given with a command.
    pub(super) fn given(&self) -> Given<'_> {
        Given { now: self.now(), new_id: Uuid::from_u128(self.ids + 1), draw: self.draw, outages: &self.outages }
    }

    pub(super) fn attempt(&self, whose: Whose) -> AttemptId {
        let attempts = self.execution.attempts();
        let nobodys = AttemptId(Uuid::from_u128(5));
        match whose {
            Whose::Running => self.running().unwrap_or(nobodys),
            Whose::Any(place) => place.checked_rem(attempts.len()).map_or(nobodys, |place| attempts[place].id),
            Whose::Nobodys => nobodys,
        }
    }

    pub(super) fn name(&self, step: Named) -> String {
        let steps = &self.execution.workflow().steps;
        let running = self.model.running().map(|place| &steps[place]);
        match step {
            Named::RunningByName => running.map(|step| step.name.as_str()),
            Named::RunningByHandler => running.map(|step| step.handler.as_str()),
            Named::ByName(place) => Some(steps[place % steps.len()].name.as_str()),
            Named::ByHandler(place) => Some(steps[place % steps.len()].handler.as_str()),
            Named::Unknown => None,
        }
        .unwrap_or(NOBODY)
        .to_owned()
    }

    pub(super) fn name_of_next(&self, next: Next) -> Option<String> {
        match next {
            Next::None => None,
            Next::ByName(place) => Some(self.name(Named::ByName(place))),
            Next::ByHandler(place) => Some(self.name(Named::ByHandler(place))),
            Next::Unknown => Some(NOBODY.to_owned()),
        }
    }
}
