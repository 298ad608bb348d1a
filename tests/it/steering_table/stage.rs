//! Brings executions into a state, makes the calls of a table's lines, and compares what they come to.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::support::log_check::sound_logs;
use crate::support::{Act, Discovery, Gate, Reply};

/// What the callers give as their reason.
const REASON: &str = "por prueba";

/// What the worker does when step `a` is called.
#[derive(Clone, Copy)]
enum Acting {
    Held,
    Answered,
    Elsewhere,
    Failing { max_attempts: u32, on_exhausted: &'static str },
}

/// How an execution of the steps `a` and `b` is brought into the state that a table is about.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    mode: &'static str,
    acting: Acting,
    next: bool,
    then: Option<&'static str>,
    let_go: bool,
}

impl Begun {
    pub(super) fn automatic() -> Self {
        Self { mode: "automatic", acting: Acting::Held, next: false, then: None, let_go: false }
    }

    pub(super) fn manual() -> Self {
        Self { mode: "manual", ..Self::automatic() }
    }

    /// The worker holds every call.
    pub(super) fn held(self) -> Self {
        Self { acting: Acting::Held, ..self }
    }

    /// The worker answers every call at once, that of `b` too.
    pub(super) fn answered(self) -> Self {
        Self { acting: Acting::Answered, ..self }
    }

    /// The worker answers 202 to `a`.
    pub(super) fn elsewhere(self) -> Self {
        Self { acting: Acting::Elsewhere, ..self }
    }

    /// The worker fails `a` once; it is to be tried again in an hour.
    pub(super) fn failing(self) -> Self {
        Self { acting: Acting::Failing { max_attempts: 2, on_exhausted: "fail" }, ..self }
    }

    /// The worker fails `a`, which has no attempts left.
    pub(super) fn exhausted(self, on_exhausted: &'static str) -> Self {
        Self { acting: Acting::Failing { max_attempts: 1, on_exhausted }, ..self }
    }

    /// Somebody asks for the first step, and waits for its end.
    pub(super) fn next(self) -> Self {
        Self { next: true, ..self }
    }

    /// Then this call is made.
    pub(super) fn then(self, call: &'static str) -> Self {
        Self { then: Some(call), ..self }
    }

    /// Then the worker answers the call of `a`.
    pub(super) fn let_go(self) -> Self {
        Self { let_go: true, ..self }
    }
}

/// Makes each call of `table` on an execution of its own, twice, and checks all that it comes to.
pub(super) async fn holds(begun: Begun, table: &str) {
    let mut discovery = Discovery::start().await;
    let mut stood = Vec::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (call, expected) = line.split_once(' ').unwrap();
        let mut parts = expected.split('|');
        let (first, second, killed) = (parts.next().unwrap(), parts.next().unwrap_or_default(), parts.next());
        let stage = Stage::set(&discovery, begun, call).await;
        let first = Expected::read(first).unwrap();
        stage.comes_to(call, &first).await;
        stage.comes_to(call, &Expected::read(second).unwrap_or(Expected { events: Vec::new(), ..first })).await;
        let stands = stage.last.into_inner();
        stood.push((stage.execution, killed.map_or(stands, |killed| killed.trim().to_owned())));
    }
    discovery.restart().await;
    for (execution, before) in &stood {
        discovery.until(execution, |status| standing(status) == *before).await;
    }
    discovery.kill();
    assert_eq!(sound_logs(&discovery.database_url()).await.len(), stood.len());
}

/// What a call is to come to.
#[derive(Clone)]
struct Expected {
    status: u16,
    standing: String,
    events: Vec<String>,
}

impl Expected {
    fn read(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace().map(str::to_owned);
        let status = words.next()?.parse().unwrap();
        Some(Self { status, standing: words.next().unwrap(), events: words.collect() })
    }
}

/// An execution in the state that the table is about.
struct Stage<'a> {
    discovery: &'a Discovery,
    workflow: String,
    execution: String,
    /// How it stood last.
    last: Cell<String>,
}

impl<'a> Stage<'a> {
    /// Brings an execution into the state; its handlers have names of their own by `label`.
    async fn set(discovery: &'a Discovery, begun: Begun, label: &str) -> Self {
        let handlers = (format!("a-{label}"), format!("b-{label}"));
        let gate = script(discovery, begun, &handlers);
        let mut a = json!({"name": "a", "handler": handlers.0});
        if let Acting::Failing { max_attempts, on_exhausted } = begun.acting {
            a["retry"] = json!({"max_attempts": max_attempts, "on_exhausted": on_exhausted,
                "initial_interval_seconds": 3600, "max_interval_seconds": 3600});
        }
        let steps = json!([a, {"name": "b", "handler": handlers.1}]);
        let workflow = discovery.define(json!({"name": "w", "mode": begun.mode, "steps": steps})).await;
        let execution = discovery.begin(&workflow, json!({})).await;
        let stage = Self { discovery, workflow, execution, last: Cell::default() };
        if begun.next {
            let next = discovery.http().request("POST", &stage.path("next")).try_send();
            // It is answered when the step ends, or not at all.
            actix_web::rt::spawn(async move { drop(next.await) });
        }
        match begun.acting {
            Acting::Held if begun.mode == "manual" && !begun.next => {}
            Acting::Held => drop(discovery.worker().until_called(&handlers.0, 1).await),
            Acting::Answered | Acting::Elsewhere | Acting::Failing { .. } => stage.until_it_stands(begun).await,
        }
        if let Some(call) = begun.then {
            stage.make(call).await.expect(200);
        }
        if begun.let_go {
            gate.let_one_go();
            stage.until_it_stands(begun).await;
        }
        stage
    }

    /// Waits until no call is open and, where somebody asked for the first step, that has been begun.
    async fn until_it_stands(&self, begun: Begun) {
        let has_begun = |status: &Value| !begun.next || status["last_seq"] != 1;
        self.discovery
            .until(&self.execution, |status| !standing(status).starts_with("open") && has_begun(status))
            .await;
    }

    fn path(&self, call: &str) -> String {
        format!("/executions/{}/{call}", self.execution)
    }

    async fn make(&self, call: &str) -> Reply {
        let post = async |path: &str, body: Value| self.discovery.post(&self.path(path), body).await;
        match call {
            "retry-b" => post("retry", json!({"from_step": "b"})).await,
            "retry-x" => post("retry", json!({"from_step": "nobody"})).await,
            "progress" => post("steps/a/progress", json!({"percentage": 40})).await,
            "told" => post("steps/a/complete", json!({"data": {"told": 1}})).await,
            "patch" => self.discovery.http().patch(&self.path("properties"), json!({"custom_status": "visto"})).await,
            "complete" => post("complete", json!({"by": "hand"})).await,
            "pause" | "resume" | "cancel" => post(call, json!({"reason": REASON})).await,
            // Nobody has to send a body.
            "next" | "continue" | "retry" => self.discovery.http().request("POST", &self.path(call)).send().await,
            unknown => panic!("there is no call {unknown}"),
        }
    }

    async fn comes_to(&self, call: &str, expected: &Expected) {
        let before = self.discovery.events(&self.execution).await.len();
        let ended_as = self.discovery.status(&self.execution).await["status"].clone();
        let reply = self.make(call).await;
        let status = self.discovery.status(&self.execution).await;
        let added = self.discovery.events(&self.execution).await.split_off(before);
        let names: Vec<&str> = added.iter().map(|event| event["event"].as_str().unwrap()).collect();
        let found = (reply.status, standing(&status), names);
        assert_eq!(found, (expected.status, expected.standing.clone(), refs(&expected.events)), "{call}: {reply}");
        self.answers_as_the_contract_says(call, &reply, &status, &ended_as);
        tell_the_reason(call, &added);
        self.is_shown_alike_everywhere(&status).await;
        self.last.set(standing(&status));
    }

    fn answers_as_the_contract_says(&self, call: &str, reply: &Reply, status: &Value, before: &Value) {
        if reply.status >= 400 {
            let problem = reply.problem(reply.status);
            let names = problem["known_steps"].as_array();
            let knows_a = names.is_some_and(|names| names.contains(&json!("a")));
            assert_eq!(knows_a, reply.status == 404, "{reply}");
            return;
        }
        let body = reply.json();
        let id = &json!(self.execution);
        let ended = *before == "completed" || *before == "failed" || *before == "cancelled";
        match call {
            "complete" if ended => {
                let expected = json!({"status": "already_completed", "execution_id": id, "current_status": before});
                assert_eq!(body, expected);
            }
            "complete" => {
                assert_eq!((&body["id"], &body["status"]), (id, &json!("completed")));
                assert_eq!(body["context"]["completion_data"], json!({"by": "hand"}));
            }
            "patch" => assert_eq!((&body["execution_id"], &body["custom_status"]), (id, &json!("visto"))),
            "progress" => {
                let word = if status["pause_requested"] == true { "pausing" } else { "running" };
                assert_eq!((&body["status"], &body["execution_status"]), (&json!("success"), &json!(word)));
                assert_eq!(body["progress_recorded"], json!({"percentage": 40}));
            }
            "told" => {
                assert_eq!((&body["status"], &body["execution_id"]), (&json!("success"), id));
                assert_eq!(body["completion_recorded"], json!({"data": {"told": 1}}));
            }
            _ => assert_eq!((&body["id"], &body["status"]), (id, &status["status"]), "{call}"),
        }
    }

    /// The lists, the explanation, the history and the status tell the same.
    async fn is_shown_alike_everywhere(&self, status: &Value) {
        for shown in ["running", "paused", "completed", "failed", "cancelled"] {
            let path = format!("/executions?status={shown}&workflow_id={}", self.workflow);
            let listed = self.discovery.get(&path).await.expect(200);
            let ids: Vec<&Value> = listed["executions"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
            let expected = if status["status"] == shown { vec![&status["execution_id"]] } else { Vec::new() };
            assert_eq!(ids, expected, "{path}");
            for one in listed["executions"].as_array().unwrap() {
                assert_eq!(one["current_step_id"], status["current_step"]["id"], "{status:#}");
            }
        }
        let why = self.discovery.get(&self.path("why")).await.expect(200);
        assert_eq!((&why["status"], &why["waiting_for"]), (&status["status"], &status["waiting_for"]));
        assert!(why["explanation"].as_str().is_some_and(|sentence| sentence.ends_with('.')), "{why}");
        let rows = self.discovery.get(&self.path("steps")).await.expect(200);
        let told = |entries: &Value| -> Vec<Value> {
            let entries = entries.as_array().unwrap().iter().filter(|entry| entry["status"] != "skipped");
            let fields = ["step_name", "status", "attempt", "visit", "started_at", "finished_at", "error"];
            entries.map(|entry| fields.iter().map(|field| entry[*field].clone()).collect()).collect()
        };
        assert_eq!(told(&rows), told(&status["steps_history"]));
    }
}

/// Tells the worker what to do, and gives the gate that it holds calls at.
fn script(discovery: &Discovery, begun: Begun, (a, b): &(String, String)) -> Gate {
    let worker = discovery.worker();
    let first = match begun.acting {
        Acting::Answered => {
            worker.answers(b, json!({}));
            worker.answers(a, json!({}));
            return worker.holds("nobody", Act::Break);
        }
        Acting::Held => None,
        Acting::Elsewhere => Some(Act::status(202, json!({}))),
        Acting::Failing { .. } => Some(Act::status(503, json!({"detail": "Ocupado."}))),
    };
    worker.holds(b, Act::answer(json!({})));
    worker.holds_after(a, first, Act::answer(json!({})))
}

/// How an execution stands, in a word.
fn standing(status: &Value) -> String {
    let word = match (status["status"].as_str().unwrap(), status["waiting_for"].as_str()) {
        ("running", waiting_for) => waiting_for.unwrap_or("open"),
        (other, waiting_for) => {
            assert_eq!(waiting_for, None, "{status:#}");
            other
        }
    };
    let pausing = if status["pause_requested"] == true { "!" } else { "" };
    format!("{word}{pausing}")
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// The events of a call give the caller's reason, and those of a retry its own.
fn tell_the_reason(call: &str, events: &[Value]) {
    let reasons: Vec<&Value> = events.iter().filter_map(|event| event.get("reason")).collect();
    match call {
        "pause" | "resume" | "cancel" => assert!(reasons.iter().all(|reason| **reason == REASON), "{events:?}"),
        "retry" | "retry-b" => assert!(reasons.iter().all(|reason| **reason == "retry"), "{events:?}"),
        _ => {}
    }
    let started = events.iter().find(|event| event["event"] == "step_started").map(|event| &event["step_name"]);
    if call == "retry-b" {
        assert!(started.is_none_or(|name| *name == "b"), "{events:?}");
    }
}
