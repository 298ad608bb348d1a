#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod explaining;
mod moving;
mod waiting;

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::domain::context::StartData;
use crate::domain::draft::WorkflowDraft;
use crate::domain::event::Event;
use crate::domain::id::WorkflowId;
use crate::domain::outages::Outages;
use crate::domain::outcome::{Answer, Failure, Outcome};
use crate::domain::report::{Completion, ProgressReport};

/// An execution whose decisions are folded at once, with a clock that stands still until it is told.
struct Run {
    execution: Execution,
    seconds: i64,
    ids: u128,
    outages: Outages,
    draw: f64,
    /// The public form of the events so far.
    log: Vec<Value>,
    events: Vec<Event>,
    calls: Vec<AttemptId>,
    aborted: Vec<AttemptId>,
}

impl Run {
    fn start(mode: &str, steps: Value) -> Self {
        Self::start_with(mode, steps, json!({"x": 1}))
    }

    fn start_with(mode: &str, steps: Value, data: Value) -> Self {
        Self::start_workflow(json!({"name": "w", "mode": mode, "steps": steps}), data)
    }

    fn start_workflow(body: Value, data: Value) -> Self {
        let mut ids = 0;
        let draft = WorkflowDraft::parse(&body).unwrap();
        let workflow = Arc::new(Workflow::create(draft, WorkflowId(Uuid::from_u128(7)), at(0), &mut || {
            ids += 1;
            Uuid::from_u128(ids)
        }));
        let id = ExecutionId(Uuid::from_u128(9));
        let data = StartData::new("", serde_json::from_value(data).unwrap()).unwrap();
        let outages = Outages::default();
        let given = Given { now: at(0), new_id: Uuid::from_u128(500), draw: 1.0, outages: &outages };
        let decision = Execution::start(id, &workflow, None, &data, &given).unwrap();
        let execution = Execution::fold(id, workflow, &decision.events).unwrap();
        let mut run = Self {
            execution,
            seconds: 0,
            ids: 500,
            outages,
            draw: 1.0,
            log: Vec::new(),
            events: Vec::new(),
            calls: Vec::new(),
            aborted: Vec::new(),
        };
        run.note(&decision);
        run
    }

    fn try_to(&mut self, command: Command) -> Result<Vec<String>, Rejection> {
        self.ids += 1;
        let outages = self.outages.clone();
        let given =
            Given { now: at(self.seconds), new_id: Uuid::from_u128(self.ids), draw: self.draw, outages: &outages };
        let decision = self.execution.decide(&command, &given)?;
        decision.events.iter().for_each(|event| self.execution.apply(event));
        Ok(self.note(&decision))
    }

    /// Notes what was decided; gives the names of the events.
    fn note(&mut self, decision: &Decision) -> Vec<String> {
        for effect in &decision.effects {
            match effect {
                Effect::CallStep(attempt) => self.calls.push(*attempt),
                Effect::AbortCall(attempt) => self.aborted.push(*attempt),
            }
        }
        let id = self.execution.id();
        let public = |event: &Event| serde_json::from_str(&event.public_json(id).unwrap()).unwrap();
        self.log.extend(decision.events.iter().map(public));
        self.events.extend(decision.events.iter().cloned());
        decision.events.iter().map(|event| event.body.name().to_owned()).collect()
    }

    fn answers(&mut self, body: Value) -> Vec<String> {
        self.try_answer(self.running(), body).unwrap()
    }

    fn try_answer(&mut self, attempt: AttemptId, body: Value) -> Result<Vec<String>, Rejection> {
        let context = serde_json::from_value(body.get("context").cloned().unwrap_or(json!({}))).unwrap();
        let next = body.get("next").and_then(Value::as_str).map(str::to_owned);
        let outcome = Outcome::Answered(Answer { context, next, output: body });
        self.try_to(Command::TakeOutcome { attempt, outcome })
    }

    fn fails(&mut self) -> Vec<String> {
        let outcome = Outcome::Failed(Failure::retryable("HttpStatus", "no room").with_status(503));
        self.try_to(Command::TakeOutcome { attempt: self.running(), outcome }).unwrap()
    }

    fn reports(&mut self, step: &str, body: Value) -> Result<Vec<String>, Rejection> {
        let report = ProgressReport::parse(&body).unwrap();
        self.try_to(Command::ReportProgress { step: step.to_owned(), report, attempt: None })
    }

    fn tells_its_end(&mut self, step: &str, body: Value) -> Result<Vec<String>, Rejection> {
        let completion = Completion::parse(&body).unwrap();
        self.try_to(Command::ReportCompletion { step: step.to_owned(), completion, attempt: None })
    }

    fn running(&self) -> AttemptId {
        self.execution.running_attempts().next().expect("an attempt that runs").id
    }

    fn at_step(&self) -> &str {
        self.execution.current_step().map_or("", |step| step.name.as_str())
    }

    fn last(&self) -> &Value {
        self.log.last().unwrap()
    }

    fn progress(&self) -> Progress {
        self.execution.progress(at(self.seconds))
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds))
}

fn abc() -> Value {
    json!([{"name": "a"}, {"name": "b", "handler": "hb"}, {"name": "c"}])
}
