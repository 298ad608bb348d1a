//! A worker that refuses connections for a while, and the key that tells a repeated delivery from a new attempt.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Act, Discovery, Options};

fn step(retry: Value) -> Value {
    json!({"name": "a", "retry": retry})
}

/// Time in which a worker that is away is called some times.
const SOME_CALLS: Duration = Duration::from_millis(500);

#[actix_web::test]
async fn a_worker_that_is_being_restarted_costs_no_attempt_and_no_time_of_the_step() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("a", json!({"context": {"done": true}}));
    discovery.worker().go_away();
    let mut step = step(json!({"max_attempts": 1}));
    step["timeout_seconds"] = json!(0.4);
    let workflow = discovery.workflow([step]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    tokio::time::sleep(SOME_CALLS).await;
    let status = discovery.status(&execution).await;
    assert_eq!(
        (&status["status"], &status["waiting_for"], &status["last_seq"]),
        (&json!("running"), &Value::Null, &json!(2))
    );
    discovery.worker().come_back();
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["context"]["done"]), (&json!("completed"), &json!(true)));
    assert_eq!(discovery.attempts(&execution).await, [("success".to_owned(), 1)]);
    assert_eq!(discovery.worker().deliveries_of("a").len(), 1);
}

#[actix_web::test]
async fn a_worker_that_stays_away_longer_than_that_fails_attempts_as_the_policy_allows() {
    let discovery = Options::new().flag("--worker-restart-grace-seconds=0.3").start().await;
    discovery.worker().go_away();
    let ended = discovery.run([step(json!({"max_attempts": 3, "initial_interval_seconds": 0.01}))], json!({})).await;
    assert_eq!((&ended["status"], &ended["error"]["type"]), (&json!("failed"), &json!("ConnectionFailed")));
    let attempts = ended["steps_history"].as_array().unwrap();
    assert_eq!(attempts.len(), 3);
    assert!(attempts[0]["duration_seconds"].as_f64().unwrap() >= 0.3, "the worker had its time: {attempts:#?}");

    let paused = json!({"max_attempts": 1, "on_exhausted": "pause"});
    let workflow = discovery.workflow([step(paused)]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.until(&execution, |status| status["status"] == "paused").await;
    discovery.worker().come_back();
    discovery.steer(&execution, "resume").await;
    assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
}

#[actix_web::test]
async fn without_a_grace_a_refused_connection_is_a_failure_at_once() {
    let discovery = Options::new().flag("--worker-restart-grace-seconds=0").start().await;
    discovery.worker().go_away();
    assert_eq!(discovery.run(["a"], json!({})).await["error"]["type"], "ConnectionFailed");
}

#[actix_web::test]
async fn a_call_that_waits_for_its_worker_can_be_cancelled_and_survives_a_restart() {
    let mut discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    discovery.worker().go_away();
    let cancelled = discovery.begin(&workflow, json!({})).await;
    let kept = discovery.begin(&workflow, json!({})).await;
    assert_eq!(discovery.steer(&cancelled, "cancel").await["status"], "cancelled");
    discovery.restart().await;
    discovery.worker().come_back();
    assert_eq!(discovery.until_ended(&kept).await["status"], "completed");
    let calls = discovery.worker().deliveries_of("a");
    assert!(calls.iter().all(|call| call.execution() == kept), "the cancelled one was called");
    assert_eq!(discovery.attempts(&kept).await, [("success".to_owned(), 1)]);
}

#[actix_web::test]
async fn a_delivery_that_is_repeated_has_the_key_of_the_first_and_an_attempt_has_its_own() {
    let mut discovery = Discovery::start().await;
    let busy = || Act::status(503, json!({}));
    let gate = discovery.worker().holds_after("a", [busy()], Act::answer(json!({})));
    let steps = [step(json!({"max_attempts": 2, "initial_interval_seconds": 0.05}))];
    let workflow = discovery.workflow(steps).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 2).await;
    discovery.restart().await;
    discovery.worker().until_called("a", 3).await;
    gate.open();
    discovery.until_ended(&execution).await;
    let calls = discovery.worker().deliveries_of("a");
    let keys: Vec<&str> = calls.iter().map(|call| call.idempotency_key()).collect();
    assert_ne!(keys[0], keys[1]);
    assert_eq!((keys.len(), keys[1]), (3, keys[2]));
    let numbers: Vec<&str> = calls.iter().map(|call| call.header("discovery-attempt")).collect();
    assert_eq!(numbers, ["1", "2", "2"]);
    assert_eq!(discovery.attempts(&execution).await.len(), 2);
}
