//! SIGKILL and SIGTERM at random moments, again and again, and what must be there afterwards.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use discovery::domain::{AttemptStatus, EventBody, ExecutionId, Status};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::five_steps::{Memory, RUNNING, Report, definition, nonce_key, path};
use super::watch::until_all_ended;
use crate::support::log_check::{Logged, Logs, sound_logs};
use crate::support::{Delivery, Discovery, Http, PATIENCE, found_within};

const KILLS: usize = 20;
const STOPS: usize = 5;
/// Clients stop starting executions at so many.
const RUNNING_MAX: usize = RUNNING + 50;
/// Clients that start executions.
const STARTERS: usize = 4;
/// Set it to the seed that a failed run printed.
const SEED_VARIABLE: &str = "DISCOVERY_TEST_SEED";

/// Clients that keep a hundred executions running.
struct Crowd {
    discovery: Http,
    workflow: String,
    next: Cell<u64>,
    /// The acknowledged starts, each with the number that it was started with.
    started: RefCell<HashMap<String, u64>>,
    enough: Cell<bool>,
    memory: Rc<Memory>,
}

impl Crowd {
    fn running(&self) -> usize {
        self.memory.running.borrow().len()
    }

    /// Starts executions as long as there are too few; whether the server is there or not.
    async fn keep_starting(self: Rc<Self>) {
        while !self.enough.get() {
            if self.running() >= RUNNING_MAX || !self.start().await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    async fn start(&self) -> bool {
        let n = self.next.replace(self.next.get() + 1);
        let path = format!("/workflows/{}/execute-async", self.workflow);
        let sent = self.discovery.request("POST", &path).json(&json!({"data": {"n": n}})).try_send().await;
        let Ok(reply) = sent else { return false };
        if reply.status == 503 {
            return false;
        }
        let execution = reply.expect(200)["execution_id"].as_str().unwrap().to_owned();
        self.memory.started(&execution);
        self.started.borrow_mut().insert(execution, n);
        true
    }
}

pub(super) fn seed() -> u64 {
    let given = std::env::var(SEED_VARIABLE).ok().map(|seed| seed.parse().unwrap());
    let seed = given.unwrap_or_else(rand::random);
    println!("{SEED_VARIABLE}={seed}");
    seed
}

#[actix_web::test]
async fn twenty_kills_under_load_lose_nothing_and_apply_nothing_twice() {
    let repeated = under_load(KILLS, async |discovery, _| discovery.kill()).await;
    assert!(repeated > 0, "no kill came while a call was open");
}

#[actix_web::test]
async fn orderly_stops_under_load_let_every_open_call_end() {
    let stop = async |discovery: &mut Discovery, memory: &Memory| {
        memory.let_all_end(true);
        assert!(discovery.stop().await.success());
        memory.let_all_end(false);
    };
    assert_eq!(under_load(STOPS, stop).await, 0, "attempts were delivered again");
}

/// Ends the server so often while a hundred executions run, checks all that is left behind, and gives the number of
/// attempts that were delivered more than once.
async fn under_load(endings: usize, end: impl AsyncFn(&mut Discovery, &Memory)) -> usize {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let mut discovery = Discovery::start().await;
    let memory = Memory::new(discovery.http().url(), random.random());
    memory.work(discovery.worker());
    let crowd = Rc::new(Crowd {
        discovery: Http::to(discovery.http().url()),
        workflow: discovery.define(definition()).await,
        next: Cell::new(0),
        started: RefCell::default(),
        enough: Cell::new(false),
        memory: Rc::clone(&memory),
    });
    let starters: Vec<_> = (0..STARTERS).map(|_| actix_web::rt::spawn(Rc::clone(&crowd).keep_starting())).collect();
    let since = Instant::now();
    for _ in 0..endings {
        let full = found_within(PATIENCE, || async { (crowd.running() >= RUNNING).then_some(()) }).await;
        assert!(full.is_some(), "only {} run", crowd.running());
        let moment = memory.calls.get() + random.random_range(0..300);
        let reached = found_within(PATIENCE, || async { (memory.calls.get() >= moment).then_some(()) }).await;
        assert!(reached.is_some(), "it stands still after {} calls", memory.calls.get());
        // Not only at the moment of a call.
        tokio::time::sleep(Duration::from_micros(random.random_range(0..10_000))).await;
        end(&mut discovery, &memory).await;
        discovery.restart().await;
    }
    crowd.enough.set(true);
    memory.let_all_end(true);
    for starter in starters {
        starter.await.unwrap();
    }
    until_all_ended(&discovery, PATIENCE).await;
    let took = since.elapsed();
    discovery.kill();
    let logs = sound_logs(&discovery.database_url()).await;
    println!("ended {endings} times, {} executions, {} calls, {took:.1?}", logs.len(), memory.calls.get());

    for execution in crowd.started.borrow().keys() {
        assert!(logs.contains_key(&id(execution)), "{execution} was acknowledged and is not there");
    }
    logs.values().for_each(|log| every_result_is_applied_once(log, &memory));
    every_acknowledged_report_is_in_the_log(&memory, &logs);
    let repeated = every_delivery_of_a_key_is_the_same(&discovery.worker().deliveries(), &logs);
    println!("{repeated} attempts were delivered more than once");
    repeated
}

fn id(execution: &str) -> ExecutionId {
    ExecutionId(execution.parse().unwrap())
}

fn every_result_is_applied_once(log: &Logged, memory: &Memory) {
    let execution = log.state.id().to_string();
    assert_eq!(log.state.status(), Status::Completed, "{execution}");
    let n = log.state.context().get("n").and_then(Value::as_u64).unwrap();
    let visits: Vec<(&str, u32)> = log
        .state
        .attempts()
        .iter()
        .map(|attempt| {
            assert_eq!((attempt.attempt, attempt.status), (1, AttemptStatus::Success), "{execution}");
            (log.state.step_of(attempt).handler.as_str(), attempt.visit)
        })
        .collect();
    assert_eq!(visits, path(n), "{execution}");
    let nonces = memory.nonces.borrow();
    for (handler, visit) in visits {
        let nonce = log.state.context().get(&nonce_key(handler, visit)).and_then(Value::as_str).unwrap();
        let made = &nonces[&(execution.clone(), handler.to_owned(), visit)];
        assert!(made.iter().any(|made| made == nonce), "{execution} {handler} {visit}: {nonce} is not of {made:?}");
    }
}

/// Gives the number of attempts that were delivered more than once.
fn every_delivery_of_a_key_is_the_same(deliveries: &[Delivery], logs: &Logs) -> usize {
    let mut by_key: BTreeMap<&str, Vec<&Delivery>> = BTreeMap::new();
    deliveries.iter().for_each(|delivery| by_key.entry(delivery.idempotency_key()).or_default().push(delivery));
    for (key, deliveries) in &by_key {
        let log = &logs[&id(deliveries[0].execution())];
        let attempt = log.state.attempts().iter().find(|attempt| {
            *key == format!(
                "{}/{}/{}/{}",
                log.state.id(),
                log.state.step_of(attempt).id,
                attempt.visit,
                attempt.attempt
            )
        });
        let attempt = attempt.unwrap_or_else(|| panic!("{key} is the key of no attempt"));
        // What the attempt was given, by the log: all of it was committed before the call.
        let input = serde_json::to_value(&attempt.input).unwrap();
        for delivery in deliveries {
            assert_eq!(delivery.handler, log.state.step_of(attempt).handler.as_str(), "{key}");
            assert_eq!(delivery.body, deliveries[0].body, "{key}");
            assert_eq!(*delivery.context(), input, "{key}");
        }
    }
    let attempts: usize = logs.values().map(|log| log.state.attempts().len()).sum();
    assert_eq!(by_key.len(), attempts, "each attempt was called");
    by_key.values().filter(|deliveries| deliveries.len() > 1).count()
}

fn every_acknowledged_report_is_in_the_log(memory: &Memory, logs: &Logs) {
    let acknowledged = memory.acknowledged.borrow();
    let (mut progress, mut completions) = (0, 0);
    for told in acknowledged.iter() {
        let events = logs[&id(&told.execution)].events.iter().map(|event| &event.body);
        match &told.report {
            Report::Progress(number) => {
                let newest = events.filter_map(|body| {
                    let EventBody::StepProgress(body) = body else { return None };
                    body.progress.custom_data.as_ref()?["number"].as_u64()
                });
                assert!(newest.max() >= Some(*number), "{}: report {number} is lost", told.execution);
                progress += 1;
            }
            Report::Completion(nonce) => {
                let told_once = events.filter(|body| {
                    let EventBody::StepCompleted(body) = body else { return false };
                    let told = body.result.context.as_ref().and_then(|context| context.get("measure_1"));
                    told == Some(&Value::from(nonce.as_str()))
                });
                assert_eq!(told_once.count(), 1, "{}: the completion by {nonce} is lost", told.execution);
                completions += 1;
            }
        }
    }
    println!("{progress} reports of progress and {completions} completions acknowledged");
    assert!(progress > 0 && completions > 0);
}
