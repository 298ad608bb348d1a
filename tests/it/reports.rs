//! Progress and completion, reported while the call is open.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Act, Delivery, Discovery, Gate, Options};

/// A running execution of the steps `Paso Uno` (handler `one`), which is held, and `b`.
struct Running {
    discovery: Discovery,
    execution: String,
    call: Delivery,
    gate: Gate,
}

impl Running {
    async fn begin(act: Act) -> Self {
        Self::on(Discovery::start().await, act).await
    }

    async fn on(discovery: Discovery, act: Act) -> Self {
        let gate = discovery.worker().holds("one", act);
        let workflow = discovery.workflow([json!({"name": "Paso Uno", "handler": "one"}), json!({"name": "b"})]).await;
        let execution = discovery.begin(&workflow, json!({})).await;
        let call = discovery.worker().until_called("one", 1).await[0].clone();
        Self { discovery, execution, call, gate }
    }

    fn path(&self, step: &str, kind: &str) -> String {
        format!("/executions/{}/steps/{step}/{kind}", self.execution)
    }

    async fn end(&self) -> Value {
        self.gate.open();
        self.discovery.until_ended(&self.execution).await
    }
}

#[actix_web::test]
async fn a_progress_report_is_answered_with_what_was_recorded() {
    let running = Running::begin(Act::answer(json!({}))).await;
    let report = json!({"percentage": 40.5, "message": "Leyendo", "current_task": "p. 2",
        "estimated_remaining_seconds": 3, "custom_data": {"page": 2}});
    for (named, path) in [("one", "one"), ("Paso Uno", "Paso%20Uno")] {
        let recorded = running.discovery.post(&running.path(path, "progress"), report.clone()).await.expect(200);
        let expected = json!({"status": "success", "execution_id": running.execution, "step_name": named,
            "progress_recorded": report, "execution_status": "running", "watchers": 0});
        assert_eq!(recorded, expected);
        running.discovery.until(&running.execution, |status| status["steps_history"][0]["progress"] == report).await;
    }
    let event = running.discovery.event(&running.execution, "step_progress").await;
    assert_eq!((&event["step_name"], &event["step"], &event["progress"]), (&json!("one"), &json!("one"), &report));
    assert_eq!(event["overall_percentage"], 20.25);
    running.end().await;
}

#[actix_web::test]
async fn a_completion_is_recorded_and_the_answer_moves_the_execution() {
    let running = Running::begin(Act::answer(json!({"context": {"answered": 1}}))).await;
    let body = json!({"data": {"told": 1}, "more": true, "message": "Listo"});
    let recorded = running.call.complete(body.clone()).await.expect(200);
    let expected = json!({"status": "success", "execution_id": running.execution, "step_name": "Paso Uno",
        "completion_recorded": body});
    assert_eq!(recorded, expected);
    let result = running.discovery.event(&running.execution, "step_completed").await["result"].clone();
    assert_eq!(result, json!({"success": true, "message": "Listo", "data": {"told": 1, "more": true}}));
    assert_eq!(running.discovery.status(&running.execution).await["steps_history"][0]["status"], "running");
    let status = running.end().await;
    assert_eq!((&status["status"], &status["context"]["answered"]), (&json!("completed"), &json!(1)));
    assert!(status["context"].get("told").is_none());
}

#[actix_web::test]
async fn where_the_call_then_breaks_the_completion_is_the_outcome() {
    for act in [Act::Break, Act::status(500, json!({})), Act::status(400, json!({})), Act::text(200, "text/plain", "?")]
    {
        let running = Running::begin(act.clone()).await;
        running.call.complete(json!({"data": {"told": 1}})).await.expect(200);
        let status = running.end().await;
        assert_eq!((&status["status"], &status["context"]["told"]), (&json!("completed"), &json!(1)), "{act:?}");
        assert_eq!(running.discovery.worker().deliveries_of("b").len(), 1);
    }
}

#[actix_web::test]
async fn a_completion_may_bring_context_and_next_or_a_failure() {
    let running = Running::begin(Act::Break).await;
    let body = json!({"data": {"lost": 1}, "context": {"kept": 1}, "next": "b"});
    running.call.complete(body).await.expect(200);
    let status = running.end().await;
    assert_eq!((&status["context"]["kept"], status["context"].get("lost")), (&json!(1), None));

    let running = Running::begin(Act::Break).await;
    let failed = json!({"success": false, "message": "x".repeat(20_000), "error_type": "Mine", "data": {"lost": 1}});
    let recorded = running.call.complete(failed).await.expect(200);
    assert_eq!(recorded["completion_recorded"]["message"], "x".repeat(8 * 1024), "errors are cut");
    let status = running.end().await;
    assert_eq!((&status["status"], &status["error"]["type"]), (&json!("failed"), &json!("Mine")));
    assert_eq!(status["error"]["message"].as_str().unwrap().len(), 8 * 1024);
    assert!(status["context"].get("lost").is_none());
}

#[actix_web::test]
async fn a_recorded_completion_survives_a_kill_and_the_step_is_not_called_again() {
    let mut running = Running::begin(Act::answer(json!({}))).await;
    running.call.complete(json!({"data": {"told": 1}})).await.expect(200);
    running.discovery.restart().await;
    let status = running.discovery.until_ended(&running.execution).await;
    assert_eq!((&status["status"], &status["context"]["told"]), (&json!("completed"), &json!(1)));
    assert_eq!(running.discovery.worker().deliveries_of("one").len(), 1);
}

#[actix_web::test]
async fn the_same_completion_again_changes_nothing_and_another_one_is_refused() {
    let running = Running::begin(Act::answer(json!({}))).await;
    let body = json!({"data": {"told": 1}});
    running.call.complete(body.clone()).await.expect(200);
    running.call.complete(body).await.expect(200);
    running.call.complete(json!({"data": {"told": 2}})).await.problem(409);
    let names = running.discovery.event_names(&running.execution).await;
    assert_eq!(names, ["workflow_started", "step_started", "step_completed"]);
    running.end().await;
}

#[actix_web::test]
async fn a_report_for_a_step_that_does_not_run_is_refused() {
    let running = Running::begin(Act::answer(json!({}))).await;
    for (kind, body) in [("progress", json!({"percentage": 1})), ("complete", json!({}))] {
        running.discovery.post(&running.path("b", kind), body.clone()).await.problem(409);
        let unknown = running.discovery.post(&running.path("nobody", kind), body.clone()).await.problem(404);
        let text = unknown.to_string();
        assert!(text.contains("Paso Uno") && text.contains("\"b\""), "{text}");
    }
    running.end().await;
    running.call.progress(json!({"percentage": 1})).await.problem(409);
    running.call.complete(json!({})).await.problem(409);
    assert!(!running.discovery.event_names(&running.execution).await.contains(&"step_progress".to_owned()));
}

#[actix_web::test]
async fn a_bad_report_is_refused_and_changes_nothing() {
    let running = Running::begin(Act::answer(json!({}))).await;
    let progress = [
        (json!({}), "/percentage"),
        (json!({"percentage": null}), "/percentage"),
        (json!({"percentage": "50"}), "/percentage"),
        (json!({"percentage": true}), "/percentage"),
        (json!({"percentage": -0.1}), "/percentage"),
        (json!({"percentage": 100.01}), "/percentage"),
        (json!({"percentage": 1e300}), "/percentage"),
        (json!({"percentage": 1, "message": 3}), "/message"),
        (json!({"percentage": 1, "current_task": []}), "/current_task"),
        (json!({"percentage": 1, "estimated_remaining_seconds": -1}), "/estimated_remaining_seconds"),
        (json!({"percentage": 1, "custom_data": {"$payload": 1}}), "/custom_data/$payload"),
        (json!(["percentage"]), ""),
    ];
    for (body, pointer) in progress {
        assert_eq!(running.call.progress(body.clone()).await.pointers(), [pointer], "{body}");
    }
    let complete = [
        (json!({"success": "yes"}), "/success"),
        (json!({"data": 3}), "/data"),
        (json!({"context": "x"}), "/context"),
        (json!({"next": 1}), "/next"),
        (json!({"next": "n".repeat(20_000)}), "/next"),
        (json!({"error_type": "e".repeat(20_000)}), "/error_type"),
        (json!({"message": {}}), "/message"),
        (json!({"other": {"$payload": 1}}), "/other/$payload"),
    ];
    for (body, pointer) in complete {
        assert_eq!(running.call.complete(body.clone()).await.pointers(), [pointer]);
    }
    assert_eq!(running.discovery.event_names(&running.execution).await, ["workflow_started", "step_started"]);
    for good in [0.0, 100.0] {
        running.call.progress(json!({"percentage": good, "unknown": 1, "message": null})).await.expect(200);
    }
    running.end().await;
}

#[actix_web::test]
async fn fast_reports_are_all_acknowledged_and_share_few_events() {
    let flag = "--progress-interval-seconds=0.5";
    let running = Running::on(Options::new().flag(flag).start().await, Act::answer(json!({}))).await;
    let reports = (0..50).map(|percentage| running.call.progress(json!({"percentage": percentage})));
    let replies = join_all(reports).await;
    for reply in &replies {
        reply.expect(200);
    }
    let shared = async || {
        let names = running.discovery.event_names(&running.execution).await;
        names.iter().filter(|name| *name == "step_progress").count()
    };
    assert!((1..=10).contains(&shared().await), "{}", shared().await);
    running.call.progress(json!({"percentage": 77})).await.expect(200);
    let status = running.discovery.status(&running.execution).await;
    assert_eq!(status["steps_history"][0]["progress"]["percentage"], 77, "an acknowledged report is there");
    running.end().await;
}

#[actix_web::test]
async fn the_last_reports_of_a_step_come_before_its_end() {
    let discovery = Discovery::start().await;
    discovery.worker().does("a", |call| async move {
        for percentage in [10, 20, 90] {
            call.progress(json!({"percentage": percentage})).await.expect(200);
        }
        Act::answer(json!({}))
    });
    let status = discovery.run(["a"], json!({})).await;
    assert_eq!(status["steps_history"][0]["progress"], json!({"percentage": 90}));
    let names = discovery.event_names(status["execution_id"].as_str().unwrap()).await;
    assert_eq!(names.iter().rposition(|name| name == "step_progress"), Some(names.len() - 3));
}
