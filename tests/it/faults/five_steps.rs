//! A workflow of five steps that reports, branches and loops, and a worker that remembers all it did.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Notify};

use crate::support::{Act, Delivery, Http, Worker};

/// Executions that are kept running.
pub(super) const RUNNING: usize = 100;
/// Reports that are sent at the same time.
const REPORTS_AT_ONCE: usize = 3;
/// What a call takes at most, so that kills come upon calls in all their states.
const WORK_MS_MAX: u64 = 150;

/// The definition: `decide` skips `again` by naming `finish`, `again` names itself.
pub(super) fn definition() -> Value {
    let step = |name| json!({"name": name, "max_visits": if name == "again" { 3 } else { 1 }});
    let steps = ["prepare", "measure", "decide", "again", "finish"].map(step);
    json!({"name": "Cinco pasos", "steps": steps})
}

/// The visits, each a handler and a number, that an execution started with `n` makes, in their order.
pub(super) fn path(n: u64) -> Vec<(&'static str, u32)> {
    let mut path = vec![("prepare", 1), ("measure", 1), ("decide", 1)];
    path.extend((1..=loops(n)).map(|visit| ("again", visit)));
    path.push(("finish", 1));
    path
}

fn loops(n: u64) -> u32 {
    [0, 1, 2, 3][(n % 4) as usize]
}

/// The key under which a visit leaves its nonce in the context.
pub(super) fn nonce_key(handler: &str, visit: u32) -> String {
    format!("{handler}_{visit}")
}

/// A report that the server acknowledged.
pub(super) struct Acknowledged {
    pub(super) execution: String,
    pub(super) report: Report,
}

pub(super) enum Report {
    /// Progress of `measure`; reports of one execution with a higher number were sent after this one was answered.
    Progress(u64),
    /// The end of `measure`, by the nonce that it told.
    Completion(String),
}

/// What the worker did.
pub(super) struct Memory {
    discovery: Http,
    random: RefCell<StdRng>,
    next_report: Cell<u64>,
    /// The reports of an execution go one after the other, even those of two deliveries of one attempt.
    reporting: RefCell<HashMap<String, Rc<Mutex<()>>>>,
    /// The nonces that were made for each visit (execution, handler, visit), one for each delivery.
    pub(super) nonces: RefCell<HashMap<(String, String, u32), Vec<String>>>,
    pub(super) acknowledged: RefCell<Vec<Acknowledged>>,
    /// Executions whose start was acknowledged and whose last step was not let go yet.
    pub(super) running: RefCell<HashSet<String>>,
    finishing: RefCell<HashSet<String>>,
    all_may_end: Cell<bool>,
    /// Told when more of them run, or all may end.
    changed: Notify,
    pub(super) calls: Cell<usize>,
}

impl Memory {
    /// A worker's memory; reports go to the server at `discovery`.
    pub(super) fn new(discovery: &str, seed: u64) -> Rc<Self> {
        Rc::new(Self {
            discovery: Http::to(discovery),
            random: RefCell::new(StdRng::seed_from_u64(seed)),
            next_report: Cell::new(1),
            reporting: RefCell::default(),
            nonces: RefCell::default(),
            acknowledged: RefCell::default(),
            running: RefCell::default(),
            finishing: RefCell::default(),
            all_may_end: Cell::new(false),
            changed: Notify::new(),
            calls: Cell::new(0),
        })
    }

    /// Has `worker` run the five steps.
    pub(super) fn work(self: &Rc<Self>, worker: &Worker) {
        self.does(worker, "prepare", |_, _, _| async { None });
        self.does(worker, "measure", |memory, delivery, nonce| async move {
            memory.measure(&delivery, &nonce).await;
            None
        });
        self.does(worker, "decide", |_, delivery, _| async move { (loops(n_of(&delivery)) == 0).then_some("finish") });
        self.does(worker, "again", |_, delivery, _| async move {
            (visit_of(&delivery) < loops(n_of(&delivery))).then_some("again")
        });
        self.does(worker, "finish", |memory, delivery, _| async move {
            memory.finish(delivery.execution()).await;
            None
        });
    }

    /// Remembers an acknowledged start, of which some steps may have been called already.
    pub(super) fn started(&self, execution: &str) {
        if !self.finishing.borrow().contains(execution) {
            self.running.borrow_mut().insert(execution.to_owned());
        }
        self.changed.notify_waiters();
    }

    /// Lets every execution end, or only those that are too many.
    pub(super) fn let_all_end(&self, all: bool) {
        self.all_may_end.set(all);
        self.changed.notify_waiters();
    }

    /// Lets the execution end as soon as enough others run, however slow the machine is to start them.
    async fn finish(&self, execution: &str) {
        let is_needed = || {
            let running = self.running.borrow();
            !self.all_may_end.get() && running.len() <= RUNNING && running.contains(execution)
        };
        while is_needed() {
            self.changed.notified().await;
        }
        self.running.borrow_mut().remove(execution);
        self.finishing.borrow_mut().insert(execution.to_owned());
    }

    /// Leaves a nonce in the context, and goes where `step` says.
    fn does<F: Future<Output = Option<&'static str>> + 'static>(
        self: &Rc<Self>,
        worker: &Worker,
        handler: &'static str,
        step: impl Fn(Rc<Self>, Delivery, String) -> F + Clone + 'static,
    ) {
        let memory = Rc::clone(self);
        worker.does(handler, move |delivery| {
            let (memory, step) = (Rc::clone(&memory), step.clone());
            async move {
                memory.calls.update(|calls| calls + 1);
                let nonce = format!("{:016x}", memory.random.borrow_mut().random::<u64>());
                let visit = visit_of(&delivery);
                let place = (delivery.execution().to_owned(), handler.to_owned(), visit);
                memory.nonces.borrow_mut().entry(place).or_default().push(nonce.clone());
                let work = Duration::from_millis(memory.random.borrow_mut().random_range(0..WORK_MS_MAX));
                tokio::time::sleep(work).await;
                let next = step(memory, delivery, nonce.clone()).await;
                Act::answer(json!({"context": {nonce_key(handler, visit): nonce}, "next": next}))
            }
        });
    }

    /// One report, then several at once, then for some the end; as long as the server is there.
    async fn measure(&self, delivery: &Delivery, nonce: &str) {
        let execution = delivery.execution().to_owned();
        let turn = Rc::clone(self.reporting.borrow_mut().entry(execution).or_default());
        let _turn = turn.lock().await;
        let number = self.next_report.get();
        self.next_report.set(number + 2);
        if !self.progress(delivery, 10, number).await {
            return;
        }
        let at_once = (0..REPORTS_AT_ONCE).map(|place| self.progress(delivery, 20 + 20 * place, number + 1));
        let taken = join_all(at_once).await;
        if taken.iter().all(|taken| *taken) && n_of(delivery).is_multiple_of(3) {
            let body = json!({"context": {nonce_key("measure", 1): nonce}});
            self.report(delivery, "complete", body, || Report::Completion(nonce.to_owned())).await;
        }
    }

    async fn progress(&self, delivery: &Delivery, percentage: usize, number: u64) -> bool {
        let body = json!({"percentage": percentage, "custom_data": {"number": number}});
        self.report(delivery, "progress", body, || Report::Progress(number)).await
    }

    /// Sends a report and remembers it if it was acknowledged; it may be refused, or nobody may be there.
    async fn report(&self, delivery: &Delivery, what: &str, body: Value, told: impl FnOnce() -> Report) -> bool {
        let callback = delivery.header("discovery-callback-url").strip_prefix(self.discovery.url()).unwrap();
        let sent = self.discovery.request("POST", &format!("{callback}/{what}")).json(&body).try_send().await;
        let Ok(reply) = sent else { return false };
        assert!(matches!(reply.status, 200 | 409 | 503), "{reply}");
        if reply.status == 200 {
            let execution = delivery.execution().to_owned();
            self.acknowledged.borrow_mut().push(Acknowledged { execution, report: told() });
        }
        reply.status == 200
    }
}

/// The number that the execution was started with.
fn n_of(delivery: &Delivery) -> u64 {
    delivery.context()["n"].as_u64().unwrap()
}

fn visit_of(delivery: &Delivery) -> u32 {
    delivery.idempotency_key().split('/').nth(2).unwrap().parse().unwrap()
}
