//! The life of the process: start, stop, kill, refuse.

use serde_json::json;

use crate::support::{Act, Discovery};

#[actix_web::test]
async fn a_workflow_runs_to_its_end() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("b", json!({"context": {"b": 2}}));
    let status = discovery.run(["a", "b"], json!({"x": 1})).await;
    assert_eq!(status["status"], "completed");
    assert_eq!((&status["context"]["x"], &status["context"]["b"]), (&json!(1), &json!(2)));
}

#[actix_web::test]
async fn a_killed_server_goes_on_where_it_was() {
    let mut discovery = Discovery::start().await;
    let gate = discovery.worker().holds("b", Act::answer(json!({"context": {"b": 2}})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("b", 1).await;
    discovery.restart().await;
    let calls = discovery.worker().until_called("b", 2).await;
    assert_eq!(calls[0].idempotency_key(), calls[1].idempotency_key());
    gate.open();
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["context"]["b"]), (&json!("completed"), &json!(2)));
    assert_eq!(discovery.worker().deliveries_of("a").len(), 1);
}
