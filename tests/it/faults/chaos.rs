//! Two thousand executions on a worker that does everything wrong, while the server is killed again and again.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use discovery::domain::{Event, EventBody, Execution, ExecutionId, Status, Step};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::kill::seed;
use super::watch::until_all_ended;
use crate::support::log_check::{Logged, sound_logs};
use crate::support::{Act, Delivery, Discovery, Gate, Http, PATIENCE, found_within};

const EXECUTIONS: usize = 2_000;
const STEPS: usize = 6;
const KILLS: usize = 10;
/// Executions that are started before an earlier one has to end first.
const STARTED_AHEAD: usize = 400;
const MAX_ATTEMPTS: u32 = 8;
const TIMEOUT_SECONDS: f64 = 1.0;
const RETRY_AFTER_SECONDS: f64 = 1.0;

fn handlers() -> impl Iterator<Item = String> {
    (1..=STEPS).map(|number| format!("step_{number}"))
}

fn definition() -> Value {
    let retry = json!({"max_attempts": MAX_ATTEMPTS, "initial_interval_seconds": 0.05, "max_interval_seconds": 0.4});
    let step = |handler| json!({"name": handler, "timeout_seconds": TIMEOUT_SECONDS, "retry": retry});
    json!({"name": "Chaos", "steps": handlers().map(step).collect::<Vec<_>>()})
}

/// What a worker does with one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Deed {
    Answers,
    Fails500,
    FailsWithRetryAfter,
    Hangs,
    CallsBack,
    CallsBackTwice,
    NeverCallsBack,
    Drops,
    SendsGarbage,
    AnswersTooLate,
}

/// Each with how often it comes.
const DEEDS: [(Deed, u32); 10] = [
    (Deed::Answers, 50),
    (Deed::Fails500, 10),
    (Deed::FailsWithRetryAfter, 3),
    (Deed::Hangs, 3),
    (Deed::CallsBack, 16),
    (Deed::CallsBackTwice, 4),
    (Deed::NeverCallsBack, 2),
    (Deed::Drops, 5),
    (Deed::SendsGarbage, 4),
    (Deed::AnswersTooLate, 3),
];

/// What the worker knows afterwards.
struct Memory {
    random: RefCell<StdRng>,
    /// What was made for an attempt, by its key, to be found in the context.
    made: RefCell<HashMap<String, HashSet<String>>>,
    /// Callbacks that were acknowledged, with what was made, by execution.
    acknowledged: RefCell<Vec<(String, String)>>,
    deeds: RefCell<BTreeMap<Deed, usize>>,
    calls: Cell<usize>,
    calling_back: Cell<usize>,
    never: Gate,
}

impl Memory {
    fn draw(&self) -> Deed {
        let all: u32 = DEEDS.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.random.borrow_mut().random_range(0..all);
        for (deed, weight) in DEEDS {
            if drawn < weight {
                return deed;
            }
            drawn -= weight;
        }
        Deed::Answers
    }

    fn make(&self, call: &Delivery) -> String {
        let made = format!("{:016x}", self.random.borrow_mut().random::<u64>());
        let key = call.idempotency_key().to_owned();
        self.made.borrow_mut().entry(key).or_default().insert(made.clone());
        made
    }

    fn pause(&self, seconds: std::ops::Range<f64>) -> Duration {
        Duration::from_secs_f64(self.random.borrow_mut().random_range(seconds))
    }

    async fn work(self: Rc<Self>, call: Delivery) -> Act {
        self.calls.set(self.calls.get() + 1);
        let deed = self.draw();
        *self.deeds.borrow_mut().entry(deed).or_default() += 1;
        let context = |made: &str| json!({"context": {call.handler.clone(): made}});
        match deed {
            Deed::Answers => Act::answer(context(&self.make(&call))),
            Deed::Fails500 => Act::status(500, json!({"detail": "No."})),
            Deed::FailsWithRetryAfter => {
                let status = if self.random.borrow_mut().random() { 503 } else { 429 };
                Act::status(status, json!({})).with_header("retry-after", &format!("{RETRY_AFTER_SECONDS}"))
            }
            Deed::Hangs => Act::Drip(Vec::new(), self.never.clone()),
            Deed::CallsBack | Deed::CallsBackTwice => {
                let made = self.make(&call);
                let body = context(&made);
                let times = if deed == Deed::CallsBack { 1 } else { 2 };
                let wait = self.pause(0.0..TIMEOUT_SECONDS / 2.0);
                actix_web::rt::spawn(Rc::clone(&self).call_back(call, body, made, times, wait));
                Act::status(202, json!({}))
            }
            Deed::NeverCallsBack => Act::status(202, json!({})),
            Deed::Drops => Act::Break,
            Deed::SendsGarbage => Act::Garbage(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\xff{\"x\": 1,".to_vec()),
            Deed::AnswersTooLate => {
                let made = self.make(&call);
                // What comes after the timeout must change nothing.
                self.made.borrow_mut().get_mut(call.idempotency_key()).unwrap().remove(&made);
                let late = Duration::from_secs_f64(TIMEOUT_SECONDS * 1.5);
                tokio::time::sleep(late).await;
                Act::answer(context(&made))
            }
        }
    }

    /// As a real service does: again and again until there is an answer.
    async fn call_back(self: Rc<Self>, call: Delivery, body: Value, made: String, times: usize, wait: Duration) {
        self.calling_back.set(self.calling_back.get() + 1);
        tokio::time::sleep(wait).await;
        for _ in 0..times {
            while !self.told(&call, &body, &made).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        self.calling_back.set(self.calling_back.get() - 1);
    }

    async fn told(&self, call: &Delivery, body: &Value, made: &str) -> bool {
        let request = Http::to(call.header("discovery-callback-url")).request("POST", "/complete").json(body);
        match request.header("discovery-step-token", call.header("discovery-step-token")).try_send().await {
            Err(_) => false,
            Ok(reply) => match reply.status {
                200 => {
                    self.acknowledged.borrow_mut().push((call.execution().to_owned(), made.to_owned()));
                    true
                }
                // The attempt was given up, or the first report was taken.
                409 => true,
                503 => false,
                other => panic!("HTTP {other}: {}", reply.text()),
            },
        }
    }
}

/// Starts as many executions as are wanted, whether the server is there or not.
struct Starter {
    discovery: Http,
    workflow: String,
    started: RefCell<Vec<String>>,
    ended: Cell<usize>,
}

impl Starter {
    async fn start_all(self: Rc<Self>) {
        let path = format!("/workflows/{}/execute-async", self.workflow);
        while self.started.borrow().len() < EXECUTIONS {
            if self.started.borrow().len() >= self.ended.get() + STARTED_AHEAD {
                self.count_ended().await;
                continue;
            }
            let sent = self.discovery.request("POST", &path).json(&json!({"data": {}})).try_send().await;
            match sent {
                Ok(reply) if reply.status == 200 => {
                    let id = reply.json()["execution_id"].as_str().unwrap().to_owned();
                    self.started.borrow_mut().push(id);
                }
                Ok(reply) => assert_eq!(reply.status, 503, "{}", reply.text()),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    async fn count_ended(&self) {
        let mut ended = 0;
        for status in ["completed", "failed"] {
            let path = format!("/executions?limit=1&status={status}");
            if let Ok(reply) = self.discovery.request("GET", &path).try_send().await
                && reply.status == 200
            {
                ended += reply.json()["pagination"]["total"].as_u64().unwrap() as usize;
            }
        }
        self.ended.set(self.ended.get().max(ended));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn two_thousand_executions_on_a_worker_that_does_everything_wrong_all_end_as_they_should() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut discovery = Discovery::start().await;
    let memory = Rc::new(Memory {
        random: RefCell::new(StdRng::seed_from_u64(random.random())),
        made: RefCell::default(),
        acknowledged: RefCell::default(),
        deeds: RefCell::default(),
        calls: Cell::new(0),
        calling_back: Cell::new(0),
        never: discovery.worker().holds("nobody", Act::Break),
    });
    for handler in handlers() {
        let memory = Rc::clone(&memory);
        discovery.worker().does(&handler, move |call| Rc::clone(&memory).work(call));
    }
    let starter = Rc::new(Starter {
        discovery: Http::to(discovery.http().url()),
        workflow: discovery.define(definition()).await,
        started: RefCell::default(),
        ended: Cell::new(0),
    });
    let starting = actix_web::rt::spawn(Rc::clone(&starter).start_all());
    // Spread over the run: no execution needs fewer calls than it has steps.
    let between = EXECUTIONS * STEPS / (KILLS + 1);
    for _ in 0..KILLS {
        let moment = memory.calls.get() + random.random_range(between / 2..between);
        let reached = found_within(PATIENCE, || async { (memory.calls.get() >= moment).then_some(()) }).await;
        assert!(reached.is_some(), "it stands still after {} calls", memory.calls.get());
        discovery.kill();
        discovery.restart().await;
    }
    starting.await.unwrap();
    until_all_ended(&discovery, PATIENCE).await;
    let quiet = found_within(PATIENCE, || async { (memory.calling_back.get() == 0).then_some(()) }).await;
    assert!(quiet.is_some(), "somebody still calls back");
    discovery.kill();
    let logs = sound_logs(&discovery.database_url()).await;
    let completed = logs.values().filter(|log| log.state.status() == Status::Completed).count();
    println!("{} calls, {completed} of {} completed: {:?}", memory.calls.get(), logs.len(), memory.deeds.borrow());

    for execution in starter.started.borrow().iter() {
        let log = &logs[&ExecutionId(execution.parse().unwrap())];
        assert!(log.state.status().is_ended(), "{execution} is {:?}", log.state.status());
    }
    for log in logs.values() {
        every_result_was_taken_once(log, &memory);
        every_attempt_keeps_to_its_policy(log);
    }
    every_acknowledged_callback_is_in_the_log(&memory, &logs);
    assert!(completed > EXECUTIONS / 2, "most of them get through");
}

/// What the context has of a step was made for the one attempt of it that did its work.
fn every_result_was_taken_once(log: &Logged, memory: &Memory) {
    let (state, made) = (&log.state, memory.made.borrow());
    let finished = |step: &Step| {
        let of_step =
            |event: &&Event| matches!(&event.body, EventBody::StepFinished(body) if body.step == step.handler.as_str());
        log.events.iter().filter(of_step).count()
    };
    for step in &state.workflow().steps {
        let successes: Vec<_> = state
            .attempts()
            .iter()
            .filter(|attempt| state.step_of(attempt).id == step.id && attempt.output.is_some())
            .collect();
        assert_eq!(finished(step), successes.len(), "{}", state.id());
        assert!(successes.len() <= 1, "{}: {} did its work twice", state.id(), step.name.as_str());
        let Some(success) = successes.first() else { continue };
        let key = format!("{}/{}/{}/{}", state.id(), step.id, success.visit, success.attempt);
        let taken = state.context().get(step.handler.as_str()).and_then(Value::as_str).unwrap();
        assert!(made.get(&key).is_some_and(|made| made.contains(taken)), "{key}: {taken} was not made for it");
    }
}

fn every_attempt_keeps_to_its_policy(log: &Logged) {
    let state: &Execution = &log.state;
    assert!(
        state.attempts().iter().all(|attempt| attempt.attempt <= MAX_ATTEMPTS && attempt.visit == 1),
        "{}",
        state.id()
    );
    for (place, event) in log.events.iter().enumerate() {
        let EventBody::StepError(body) = &event.body else { continue };
        let Some(wait) = body.retry_in_seconds else { continue };
        let step = state.workflow().steps.iter().find(|step| step.handler.as_str() == body.step).unwrap();
        let longest = step.retry.delay(body.attempt, 1.0).as_secs_f64();
        let asked = body.error.status.is_some_and(|status| status == 503 || status == 429);
        let (least, most) = if asked { (RETRY_AFTER_SECONDS, RETRY_AFTER_SECONDS) } else { (longest / 2.0, longest) };
        assert!((least - 0.001..=most + 0.001).contains(&wait), "{}: {wait} s is not in {least}..={most}", state.id());
        let next = log.events[place + 1..].iter().find(|later| matches!(later.body, EventBody::StepStarted(_)));
        if let Some(next) = next {
            let waited = next.at.seconds_since(event.at);
            assert!(waited >= wait - 0.001, "{}: it waited {waited} s instead of {wait} s", state.id());
        }
    }
}

fn every_acknowledged_callback_is_in_the_log(memory: &Memory, logs: &crate::support::log_check::Logs) {
    let acknowledged = memory.acknowledged.borrow();
    assert!(!acknowledged.is_empty());
    for (execution, made) in acknowledged.iter() {
        let log = &logs[&ExecutionId(execution.parse().unwrap())];
        let is_told = |event: &&Event| {
            let EventBody::StepCompleted(body) = &event.body else { return false };
            body.result.context.as_ref().is_some_and(|context| context.iter().any(|(_, value)| value == made))
        };
        let told = log.events.iter().filter(is_told).count();
        assert_eq!(told, 1, "{execution}: the callback with {made}");
    }
}
