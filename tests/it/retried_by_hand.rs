//! `retry`, `cancel` and `complete`: what an execution that somebody stepped into does then.

use serde_json::{Value, json};

use crate::support::{Act, Discovery};

fn answer(context: Value) -> Act {
    Act::answer(json!({ "context": context }))
}

fn broken() -> Act {
    Act::status(500, json!({"type": "Roto", "detail": "Se rompió."}))
}

#[actix_web::test]
async fn a_retry_by_hand_goes_on_from_the_failed_step_with_fresh_attempts() {
    let mut discovery = Discovery::start().await;
    let worker = discovery.worker();
    worker.on("a", answer(json!({"a": 1})));
    worker.in_turn("b", [broken(), broken(), broken(), broken(), answer(json!({"b": 2}))]);
    let b = json!({"name": "b", "retry": {"max_attempts": 2, "initial_interval_seconds": 0.01}});
    let workflow = discovery.workflow([json!({"name": "a"}), b, json!({"name": "c"})]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    for attempts in [2, 4] {
        let failed = discovery.until_ended(&execution).await;
        assert_eq!((&failed["status"], &failed["current_step"]["name"]), (&json!("failed"), &json!("b")));
        assert_eq!(discovery.worker().deliveries_of("b").len(), attempts);
        discovery.restart().await;
        let retried = discovery.steer(&execution, "retry").await;
        assert_eq!((&retried["status"], &retried["context"]["a"]), (&json!("running"), &json!(1)));
    }
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["error"]), (&json!("completed"), &Value::Null));
    assert_eq!((&status["context"]["a"], &status["context"]["b"]), (&json!(1), &json!(2)));
    let of_b: Vec<(Value, Value)> = discovery
        .events_named(&execution, "step_started")
        .await
        .into_iter()
        .filter(|event| event["step_name"] == "b")
        .map(|event| (event["attempt"].clone(), event["visit"].clone()))
        .collect();
    assert_eq!(of_b, (1..=5).map(|attempt| (json!(attempt), json!(1))).collect::<Vec<_>>());
    assert_eq!(discovery.worker().deliveries_of("a").len(), 1, "what was done is not done again");
    let keys: std::collections::HashSet<String> =
        discovery.worker().deliveries_of("b").iter().map(|call| call.idempotency_key().to_owned()).collect();
    assert_eq!(keys.len(), 5, "each attempt has a key of its own");
}

#[actix_web::test]
async fn a_retry_from_an_earlier_step_runs_all_that_follows_once_more() {
    let discovery = Discovery::start().await;
    let worker = discovery.worker();
    worker.in_turn("a", [answer(json!({"a": 1})), answer(json!({"a": 2}))]);
    worker.on("b", answer(json!({"b": 1})));
    worker.in_turn("c", [broken(), Act::answer(json!({"next": "a"})), answer(json!({"c": 1}))]);
    let workflow = discovery.workflow(["a", "b", "c"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.until_ended(&execution).await;
    let from = json!({"from_step": "a"});
    discovery.post(&format!("/executions/{execution}/retry"), from.clone()).await.expect(200);
    // Each step may be entered once, and was; a round by hand uses nothing up, but what is entered twice in it does.
    let failed = discovery.until_ended(&execution).await;
    assert_eq!(failed["error"]["type"], "MaxVisitsExceeded", "{failed:#}");
    assert_eq!(failed["current_step"]["name"], "a");
    let names: Vec<Value> =
        failed["steps_history"].as_array().unwrap().iter().map(|entry| entry["step_name"].clone()).collect();
    assert_eq!(names, ["a", "b", "c", "a", "b", "c"]);
    assert_eq!(failed["context"]["a"], 2);
    discovery.post(&format!("/executions/{execution}/retry"), from).await.expect(200);
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["context"]["c"]), (&json!("completed"), &json!(1)));
    let calls = discovery.worker().deliveries();
    let keys: std::collections::HashSet<&str> = calls.iter().map(|call| call.idempotency_key()).collect();
    assert_eq!((calls.len(), keys.len()), (9, 9), "each attempt has a key of its own");
}

#[actix_web::test]
async fn a_cancelled_execution_keeps_its_context_and_goes_on_when_it_is_retried() {
    let mut discovery = Discovery::start().await;
    discovery.worker().on("a", answer(json!({"a": 1})));
    let gate = discovery.worker().holds("b", answer(json!({"b": 1})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    let first = discovery.worker().until_called("b", 1).await[0].clone();
    discovery.steer(&execution, "cancel").await;
    discovery.worker().until_broken_off(&first).await;
    let cancelled = discovery.status(&execution).await;
    assert_eq!((&cancelled["context"]["a"], &cancelled["current_step"]["name"]), (&json!(1), &json!("b")));
    assert_eq!(cancelled["steps_history"][1]["status"], "cancelled");
    assert!(cancelled["finished_at"].is_string() && cancelled["error"].is_null());
    discovery.restart().await;
    discovery.steer(&execution, "retry").await;
    discovery.worker().until_called("b", 2).await;
    gate.open();
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["context"]["b"]), (&json!("completed"), &json!(1)));
    let word = |status: &str, attempt| (status.to_owned(), attempt);
    assert_eq!(discovery.attempts(&execution).await, [word("success", 1), word("cancelled", 1), word("success", 2)]);
}

#[actix_web::test]
async fn a_forced_completion_keeps_its_body_and_skips_what_was_not_entered() {
    let mut discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", answer(json!({"late": 1})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    let call = discovery.worker().until_called("a", 1).await[0].clone();
    let path = format!("/executions/{execution}/complete");
    discovery.post(&path, json!([1])).await.problem(422);
    discovery.post(&path, json!({"$payload": {}})).await.problem(422);
    let document = "x".repeat(20_000);
    let body = json!({"by": "hand", "document": document, "nested": {"deep": [1, null]}});
    let completed = discovery.post(&path, body.clone()).await.expect(200);
    assert_eq!(
        (&completed["status"], &completed["context"]["completion_data"]["by"]),
        (&json!("completed"), &json!("hand"))
    );
    assert_eq!(completed["context"]["completion_data"]["document"]["$payload"]["bytes"], 20_000);
    discovery.worker().until_broken_off(&call).await;
    gate.open();
    discovery.restart().await;
    let status = discovery.get(&format!("/executions/{execution}/status?payloads=inline")).await.expect(200);
    assert_eq!(status["context"]["completion_data"], body);
    let progress = &status["progress"];
    assert_eq!((&progress["percentage"], &progress["skipped_steps"]), (&json!(100.0), &json!(1)));
    let history: Vec<&Value> =
        status["steps_history"].as_array().unwrap().iter().map(|entry| &entry["status"]).collect();
    assert_eq!(history, ["cancelled", "skipped"]);
    let event = discovery.event(&execution, "workflow_completed").await;
    assert_eq!(event["completion_reason"], "forced");
    assert!(status["context"].get("late").is_none());
}

#[actix_web::test]
async fn whoever_waits_for_the_end_is_answered_when_somebody_steps_in() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", answer(json!({})));
    let path = format!("/workflows/{}/execute", discovery.workflow(["a"]).await);
    for (number, (call, word)) in (1..).zip([("cancel", "cancelled"), ("complete", "completed")]) {
        let waits = discovery.post(&path, json!({}));
        let (ended, ()) = futures_util::future::join(waits, async {
            let calls = discovery.worker().until_called("a", number).await;
            discovery.steer(calls.last().unwrap().execution(), call).await;
        })
        .await;
        assert_eq!(ended.expect(200)["status"], word);
    }
    gate.open();
}

#[actix_web::test]
async fn a_pause_is_forgotten_where_nothing_follows() {
    let discovery = Discovery::start().await;
    for (act, word) in [(answer(json!({})), "completed"), (broken(), "failed")] {
        let gate = discovery.worker().holds("a", act);
        let workflow = discovery.workflow(["a"]).await;
        let execution = discovery.begin(&workflow, json!({})).await;
        discovery.steer(&execution, "pause").await;
        gate.open();
        let status = discovery.until_ended(&execution).await;
        assert_eq!((&status["status"], &status["pause_requested"]), (&json!(word), &json!(false)));
    }
}

#[actix_web::test]
async fn a_pause_that_was_asked_for_holds_a_failed_step_before_its_next_attempt() {
    let mut discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", broken());
    let step = json!({"name": "a", "retry": {"max_attempts": 2, "initial_interval_seconds": 0.01}});
    let workflow = discovery.workflow([step]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    discovery.steer(&execution, "pause").await;
    gate.open();
    let paused = discovery.until(&execution, |status| status["status"] == "paused").await;
    assert_eq!((&paused["error"], &paused["steps_history"][0]["status"]), (&Value::Null, &json!("failed")));
    discovery.restart().await;
    discovery.worker().answers("a", json!({}));
    discovery.steer(&execution, "resume").await;
    assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
    assert_eq!(discovery.worker().deliveries_of("a").len(), 2);
}

#[actix_web::test]
async fn bad_bodies_are_refused_and_change_nothing() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    let long = "x".repeat(2_000);
    let table = [
        ("pause", json!({"reason": 3}), "/reason"),
        ("resume", json!({ "reason": long }), "/reason"),
        ("cancel", json!({"reason": []}), "/reason"),
        ("cancel", json!("now"), ""),
        ("retry", json!({"from_step": 1}), "/from_step"),
        ("retry", json!([]), ""),
    ];
    for (call, body, pointer) in table {
        assert_eq!(
            discovery.post(&format!("/executions/{execution}/{call}"), body).await.pointers(),
            [pointer],
            "{call}"
        );
    }
    let nobody = uuid::Uuid::now_v7();
    for call in ["next", "continue", "pause", "resume", "cancel", "retry", "complete"] {
        discovery.post(&format!("/executions/{nobody}/{call}"), json!({})).await.problem(404);
        discovery.post(&format!("/executions/no-uuid/{call}"), json!({})).await.problem(400);
    }
    assert_eq!(discovery.status(&execution).await["last_seq"], 2);
    gate.open();
}
