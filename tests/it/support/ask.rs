//! What tests ask of a server.

use std::future::ready;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Discovery, PATIENCE, Reply, found_within};

impl Discovery {
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.http().get(path).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Value>) -> Reply {
        self.http().post(path, body).await
    }

    /// Creates a workflow of steps that are given by name or as objects, and gives its id.
    pub(crate) async fn workflow<S: Into<Value>>(&self, steps: impl IntoIterator<Item = S>) -> String {
        self.define(json!({"name": "w", "steps": steps_of(steps)})).await
    }

    /// Creates a workflow from its whole definition and gives its id.
    pub(crate) async fn define(&self, definition: Value) -> String {
        let workflow = self.post("/workflows", definition).await.expect(201);
        workflow["id"].as_str().unwrap().to_owned()
    }

    /// Starts an execution with `data` and gives its id.
    pub(crate) async fn begin(&self, workflow: &str, data: Value) -> String {
        let path = format!("/workflows/{workflow}/execute-async");
        let started = self.post(&path, json!({"data": data})).await.expect(200);
        started["execution_id"].as_str().unwrap().to_owned()
    }

    /// Runs a workflow of these steps to its end and gives its last status.
    pub(crate) async fn run<S: Into<Value>>(&self, steps: impl IntoIterator<Item = S>, data: Value) -> Value {
        let workflow = self.workflow(steps).await;
        let execution = self.begin(&workflow, data).await;
        self.until_ended(&execution).await
    }

    pub(crate) async fn status(&self, execution: &str) -> Value {
        self.get(&format!("/executions/{execution}/status")).await.expect(200)
    }

    pub(crate) async fn events(&self, execution: &str) -> Vec<Value> {
        let events = self.get(&format!("/executions/{execution}/events?limit=10000")).await.expect(200);
        events.as_array().unwrap().clone()
    }

    /// The names of all events so far.
    pub(crate) async fn event_names(&self, execution: &str) -> Vec<String> {
        let events = self.events(execution).await;
        events.iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    }

    /// The first event of this name.
    pub(crate) async fn event(&self, execution: &str, name: &str) -> Value {
        let events = self.events(execution).await;
        let found = events.iter().find(|event| event["event"] == name);
        found.unwrap_or_else(|| panic!("no {name} among {events:#?}")).clone()
    }

    /// All events of this name.
    pub(crate) async fn events_named(&self, execution: &str, name: &str) -> Vec<Value> {
        let mut events = self.events(execution).await;
        events.retain(|event| event["event"] == name);
        events
    }

    /// Waits until `execution` waits for this: `next`, `callback` or `retry`.
    pub(crate) async fn until_waiting_for(&self, execution: &str, what: &str) -> Value {
        self.until(execution, |status| status["waiting_for"] == what).await
    }

    /// Waits until `execution` has no actor: it costs no memory now.
    pub(crate) async fn until_asleep(&self, execution: &str) {
        let has_none = || async {
            // The list asks nobody: a look into the actor would keep it awake.
            let live = self.get("/admin/actors?kind=execution&limit=1000").await.expect(200);
            let is_live = live["actors"].as_array().unwrap().iter().any(|actor| actor["id"] == execution);
            (!is_live).then_some(())
        };
        assert!(found_within(PATIENCE, has_none).await.is_some(), "{execution} does not go to sleep");
    }

    /// The attempts of `execution` as `/steps` tells them: status and number.
    pub(crate) async fn attempts(&self, execution: &str) -> Vec<(String, u64)> {
        let rows = self.get(&format!("/executions/{execution}/steps")).await.expect(200);
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| (row["status"].as_str().unwrap().to_owned(), row["attempt"].as_u64().unwrap())).collect()
    }

    /// Makes a call that steers `execution`, such as `cancel`, which must be taken.
    pub(crate) async fn steer(&self, execution: &str, call: &str) -> Value {
        self.post(&format!("/executions/{execution}/{call}"), json!({})).await.expect(200)
    }

    /// Waits until the status of `execution` is as `wanted` says, and gives it.
    pub(crate) async fn until(&self, execution: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let since = std::time::Instant::now();
        while since.elapsed() < PATIENCE {
            last = self.status(execution).await;
            if wanted(&last) {
                return last;
            }
            tokio::time::sleep(super::LOOK_EVERY).await;
        }
        panic!("the status did not come to be as wanted; it is {last:#}")
    }

    pub(crate) async fn until_ended(&self, execution: &str) -> Value {
        self.until(execution, is_ended).await
    }

    /// Waits until `holds` finds something.
    pub(crate) async fn until_found<T>(&self, what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
        let found = found_within(PATIENCE, || ready(holds())).await;
        found.unwrap_or_else(|| panic!("it did not come to be: {what}"))
    }
}

pub(crate) fn is_ended(status: &Value) -> bool {
    ["completed", "failed", "cancelled"].iter().any(|ended| status["status"] == *ended)
}

fn steps_of<S: Into<Value>>(steps: impl IntoIterator<Item = S>) -> Vec<Value> {
    let step = |step: S| {
        let step = step.into();
        if step.is_string() { json!({"name": step}) } else { step }
    };
    steps.into_iter().map(step).collect()
}

/// When this event happened.
pub(crate) fn moment(event: &Value) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(event["timestamp"].as_str().unwrap()).unwrap().to_utc()
}

/// The seconds from one event to another, to the millisecond, as events tell the time.
pub(crate) fn seconds_between(earlier: &Value, later: &Value) -> f64 {
    // One division gives the double that the decimal number of an event is read as; a sum of seconds and their parts may not.
    (moment(later) - moment(earlier)).num_milliseconds() as f64 / 1000.0
}
