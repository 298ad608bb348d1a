//! Drives an execution and its model side by side, as an actor and a journal would.

use std::sync::{Arc, LazyLock};

use chrono::{DateTime, TimeDelta};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::generators::{Move, NOBODY, Named, Next, Whose};
use super::model::{End, Model};
use crate::domain::{
    Answer, AttemptId, Command, Completion, Decision, Effect, Event, Execution, ExecutionId, Failure, Given, Outages,
    Outcome, ProgressReport, Rejection, StepError, Timestamp, Workflow, WorkflowDraft, WorkflowId,
};

/// A stored event: its place, its public text, its private text.
type Stored = (u64, String, Option<String>);

pub(super) struct Run {
    pub(super) execution: Execution,
    pub(super) model: Model,
    pub(super) events: Vec<Event>,
    pub(super) now: Timestamp,
    stored: Vec<Stored>,
    ids: u128,
    told: Option<(String, Completion)>,
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

fn given(now: Timestamp, id: u128) -> Given<'static> {
    static OUTAGES: LazyLock<Outages> = LazyLock::new(Outages::default);
    Given { now, new_id: Uuid::from_u128(id), draw: 1.0, outages: &OUTAGES }
}

impl Run {
    pub(super) fn start(body: &Value, data: &Map<String, Value>) -> Self {
        let workflow = Arc::new(workflow(body));
        let id = ExecutionId(Uuid::from_u128(9));
        let given = given(at(0), 1_000);
        let decision = Execution::start(id, &workflow, None, &Model::start_data(data), &given).unwrap();
        let execution = Execution::fold(id, Arc::clone(&workflow), &decision.events).unwrap();
        let model = Model::start(id, &workflow, data);
        let (events, stored) = (Vec::new(), Vec::new());
        let mut run = Self { execution, model, events, stored, now: at(0), ids: 1_000, told: None };
        run.commit(&decision);
        run.check_effects(&decision);
        run
    }

    /// Makes one move; the model foretells whether it is accepted and what becomes of it.
    pub(super) fn make(&mut self, millis: i64, one: &Move) {
        self.now = at(self.now.millis_since(at(0)) as i64 + millis);
        match one {
            Move::Answer { whose, next, context, plain } => self.answer(*whose, *next, context, *plain),
            Move::Fail { whose, retryable } => self.fail(*whose, *retryable),
            Move::Progress { step, percentage, remaining } => self.report(*step, *percentage, *remaining),
            Move::Complete { step, success, next, context, data } => {
                let completion = Completion {
                    success: *success,
                    data: data.clone().into(),
                    message: (!success).then(|| "no".into()),
                    error_type: None,
                    context: context.clone().map(Into::into),
                    next: self.name_of_next(*next),
                };
                self.complete(self.name(*step), completion);
            }
            Move::CompleteAgain => {
                if let Some((step, completion)) = self.told.clone() {
                    self.complete(step, completion);
                }
            }
            Move::Next => {
                let expected = self.model.takes_next();
                if self.ask(&Command::Next, expected).is_some() {
                    self.model.next();
                }
            }
            Move::Recover => self.recover(),
            Move::Park => {
                let expected = !self.execution.status().is_ended();
                let error = StepError::new("ActorCrashLoop", "It crashed too often.");
                if self.ask(&Command::Park(error), expected).is_some() {
                    self.model.status = crate::domain::Status::Paused;
                }
            }
            Move::Crash => {
                self.execution = self.refolded();
                self.recover();
            }
        }
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

    fn answer(&mut self, whose: Whose, next: Next, context: &Map<String, Value>, plain: bool) {
        let next = self.name_of_next(next);
        let output = match (plain, &next) {
            (true, _) => json!({"context": context}),
            (false, None) => Value::Null,
            (false, Some(next)) => json!({"context": context, "next": next}),
        };
        let answer = Answer { context: context.clone().into(), next: next.clone(), output: output.clone() };
        let attempt = self.attempt(whose);
        if self.take(attempt, Outcome::Answered(answer)) {
            self.model.ends(End::Answered { context: context.clone(), next });
            let kept = self.execution.attempt(attempt).unwrap().output.as_deref();
            assert!(kept.is_none_or(|kept| *kept == output), "the history keeps the answer as it came");
        }
    }

    fn fail(&mut self, whose: Whose, retryable: bool) {
        let failure = match retryable {
            true => Failure::retryable("ConnectionFailed", "the connection broke"),
            false => Failure::fatal("HttpStatus", "no").with_status(400),
        };
        if self.take(self.attempt(whose), Outcome::Failed(failure)) {
            self.model.ends_unless_recorded(End::Failed);
        }
    }

    /// Hands over an outcome; it is taken if its attempt runs, and only once.
    fn take(&mut self, attempt: AttemptId, outcome: Outcome) -> bool {
        let expected = self.model.moves() && self.running() == Some(attempt);
        let command = Command::TakeOutcome { attempt, outcome };
        let taken = self.ask(&command, expected).is_some();
        if taken {
            let again = self.execution.decide(&command, &self.given());
            assert!(matches!(again, Err(Rejection::StaleAttempt | Rejection::Ended(_))), "taken twice: {again:?}");
        }
        taken
    }

    fn report(&mut self, step: Named, percentage: f64, remaining: Option<u32>) {
        let step = self.name(step);
        let mut body = json!({"percentage": percentage, "message": "Procesando"});
        body["estimated_remaining_seconds"] = json!(remaining);
        let place = self.model.find(&step);
        let expected = place.is_some() && place == self.model.running();
        let command = Command::ReportProgress { step, report: ProgressReport::parse(&body).unwrap(), attempt: None };
        if let Some(decision) = self.ask(&command, expected) {
            assert_eq!(decision.events.len(), 1);
            self.model.reported[place.unwrap()] = percentage;
        }
    }

    fn complete(&mut self, step: String, completion: Completion) {
        let place = self.model.find(&step);
        let runs = place.is_some() && place == self.model.running();
        let same = self.model.recorded.as_ref() == Some(&completion);
        let expected = runs && (same || self.model.recorded.is_none());
        let completed = completion.clone();
        let command = Command::ReportCompletion { step: step.clone(), completion: completed, attempt: None };
        if let Some(decision) = self.ask(&command, expected) {
            assert_eq!(decision.events.len(), usize::from(!same), "the same report is recorded once");
            self.model.recorded = Some(completion.clone());
            self.told = Some((step, completion));
        }
    }

    /// The open attempt is delivered again with its id, or what was recorded of it is its outcome.
    fn recover(&mut self) {
        let running = self.running().filter(|_| self.model.moves());
        let recorded = self.model.recorded.is_some();
        let decision = self.ask(&Command::Recover, true).unwrap();
        match running {
            None => assert_eq!(decision, Decision::default()),
            Some(attempt) if !recorded => {
                let expected = Decision { events: Vec::new(), effects: vec![Effect::CallStep(attempt)] };
                assert_eq!(decision, expected);
            }
            Some(attempt) => {
                assert_ne!(self.running(), Some(attempt), "its outcome was recorded");
                self.model.ends_unless_recorded(End::Failed);
            }
        }
    }

    /// Decides, and commits what follows; the decision must be a refusal unless `expected`.
    fn ask(&mut self, command: &Command, expected: bool) -> Option<Decision> {
        let decision = self.execution.decide(command, &self.given());
        self.check_proofs(command, &decision);
        self.ids += 1;
        assert_eq!(decision.is_ok(), expected, "{command:?} gave {decision:?} in {:?}", self.execution);
        let decision = decision.ok()?;
        decision.events.iter().for_each(|event| self.execution.apply(event));
        self.commit(&decision);
        self.check_effects(&decision);
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
            self.events.push(read);
            self.stored.push((event.seq, public, private));
        }
    }

    /// At most one call, and only for an attempt that runs.
    fn check_effects(&self, decision: &Decision) {
        assert!(decision.effects.len() <= 1, "{:?}", decision.effects);
        for effect in &decision.effects {
            match effect {
                Effect::CallStep(attempt) => {
                    assert_eq!(self.running(), Some(*attempt));
                    assert!(self.execution.has_open_call());
                }
                Effect::AbortCall(_) => assert!(self.execution.status().is_ended()),
            }
        }
    }

    fn given(&self) -> Given<'static> {
        given(self.now, self.ids + 1)
    }

    fn attempt(&self, whose: Whose) -> AttemptId {
        let attempts = self.execution.attempts();
        let nobodys = AttemptId(Uuid::from_u128(5));
        match whose {
            Whose::Running => self.running().unwrap_or(nobodys),
            Whose::Any(place) => place.checked_rem(attempts.len()).map_or(nobodys, |place| attempts[place].id),
            Whose::Nobodys => nobodys,
        }
    }

    fn name(&self, step: Named) -> String {
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

    fn name_of_next(&self, next: Next) -> Option<String> {
        match next {
            Next::None => None,
            Next::ByName(place) => Some(self.name(Named::ByName(place))),
            Next::ByHandler(place) => Some(self.name(Named::ByHandler(place))),
            Next::Unknown => Some(NOBODY.to_owned()),
        }
    }
}
