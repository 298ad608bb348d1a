//! Tests over real HTTP: a service on a free port, called as Discovery calls it.

pub(crate) mod discovery;
mod protocol;
mod reports;

use std::time::Duration;

use awc::{Client, ClientRequest};
use serde_json::{Map, Value, json};

use super::{Answer, Pioneer, RunningPioneer, StepCall, StepFailure};

/// Starts a service on a free port.
fn start(pioneer: Pioneer) -> RunningPioneer {
    pioneer.workers(1).bind("127.0.0.1:0").unwrap()
}

/// A client that is more patient than any bound under test.
fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(60)).finish()
}

fn post(running: &RunningPioneer, step: &str) -> ClientRequest {
    client().post(format!("{}/steps/{step}", running.url()))
}

async fn get(running: &RunningPioneer, path: &str) -> (u16, Value) {
    let mut response = client().get(format!("{}{path}", running.url())).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Calls a step and reads the answer.
async fn call(request: ClientRequest, context: Value) -> (u16, Value) {
    let body = json!({"step": "any", "context": context, "config": {"limit": 3}});
    let mut response = request.send_json(&body).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Answers with all that the call gave it.
async fn mirror(call: StepCall) -> Result<Answer, StepFailure> {
    let seen = json!({
        "step": call.step, "context": call.context, "config": call.config, "attempt": call.attempt,
        "execution_id": call.execution_id, "idempotency_key": call.idempotency_key,
    });
    Ok(Answer::context(object(seen)))
}
