//! Manual mode: one step at a time.

use serde_json::{Value, json};

use crate::support::{Act, Discovery};

async fn begin(discovery: &Discovery, steps: Value) -> String {
    let workflow = discovery.define(json!({"name": "m", "mode": "manual", "steps": steps})).await;
    discovery.begin(&workflow, json!({})).await
}

#[actix_web::test]
async fn next_runs_one_step_and_answers_once_it_ended() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("a", json!({"context": {"a": 1}}));
    let id = begin(&discovery, json!([{"name": "a"}, {"name": "b"}])).await;
    let status = discovery.status(&id).await;
    assert_eq!((&status["status"], &status["waiting_for"]), (&json!("running"), &json!("next")));
    assert_eq!((&status["current_step"]["name"], &status["last_seq"]), (&json!("a"), &json!(1)));

    let first = discovery.post(&format!("/executions/{id}/next"), json!({})).await.expect(200);
    assert_eq!((&first["id"], &first["status"], &first["context"]["a"]), (&json!(id), &json!("running"), &json!(1)));
    let status = discovery.status(&id).await;
    assert_eq!(first["current_step_id"], status["current_step"]["id"]);
    assert_eq!((&status["current_step"]["name"], &status["waiting_for"]), (&json!("b"), &json!("next")));
    assert_eq!(discovery.worker().deliveries().len(), 1);

    let last = discovery.http().request("POST", &format!("/executions/{id}/continue")).send().await.expect(200);
    assert_eq!(last["status"], "completed");
    discovery.post(&format!("/executions/{id}/next"), json!({})).await.problem(409);
}

#[actix_web::test]
async fn next_is_refused_in_automatic_mode_and_while_a_step_runs() {
    let discovery = Discovery::start().await;
    let automatic = discovery.run(["a"], json!({})).await;
    for call in ["next", "continue"] {
        let path = format!("/executions/{}/{call}", automatic["execution_id"].as_str().unwrap());
        discovery.post(&path, json!({})).await.problem(400);
    }
    let gate = discovery.worker().holds("slow", Act::answer(json!({})));
    let id = begin(&discovery, json!([{"name": "slow"}, {"name": "b"}])).await;
    let path = format!("/executions/{id}/next");
    let (first, ()) = futures_util::future::join(discovery.post(&path, json!({})), async {
        discovery.worker().until_called("slow", 1).await;
        discovery.post(&path, json!({})).await.problem(409);
        assert_eq!(discovery.status(&id).await["waiting_for"], Value::Null);
        gate.open();
    })
    .await;
    assert_eq!(first.expect(200)["status"], "running");
}

#[actix_web::test]
async fn a_named_next_and_a_failure_hold_in_manual_mode_too() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("a", json!({"next": "c"}));
    discovery.worker().on("c", Act::status(400, json!({"detail": "No."})));
    let id = begin(&discovery, json!([{"name": "a"}, {"name": "b"}, {"name": "c"}])).await;
    let path = format!("/executions/{id}/next");
    discovery.post(&path, json!({})).await.expect(200);
    assert_eq!(discovery.status(&id).await["current_step"]["name"], "c");
    let failed = discovery.post(&path, json!({})).await.expect(200);
    assert_eq!(failed["status"], "failed");
    discovery.post(&path, json!({})).await.problem(409);
}

#[actix_web::test]
async fn a_manual_execution_waits_on_after_a_kill() {
    let mut discovery = Discovery::start().await;
    let id = begin(&discovery, json!([{"name": "a"}, {"name": "b"}])).await;
    discovery.post(&format!("/executions/{id}/next"), json!({})).await.expect(200);
    discovery.restart().await;
    let status = discovery.status(&id).await;
    assert_eq!((&status["waiting_for"], &status["current_step"]["name"]), (&json!("next"), &json!("b")));
    assert_eq!(discovery.post(&format!("/executions/{id}/next"), json!({})).await.expect(200)["status"], "completed");
    assert_eq!(discovery.worker().deliveries().len(), 2);
}
