//! Steps that answer 202 and tell their end later; and ends that were told before a call went wrong.

use serde_json::{Value, json};

use crate::support::{Act, Delivery, Discovery, Gate, Options};

fn accepted() -> Act {
    Act::text(202, "text/plain", "aceptado")
}

/// An execution of `a` (as `step` says), `b` and `c`, whose `a` was answered 202.
struct Elsewhere {
    discovery: Discovery,
    execution: String,
    call: Delivery,
}

impl Elsewhere {
    async fn begin() -> Self {
        Self::on(Discovery::start().await, json!({"name": "a"})).await
    }

    async fn on(discovery: Discovery, step: Value) -> Self {
        discovery.worker().on("a", accepted());
        let workflow = discovery.workflow([step, json!({"name": "b"}), json!({"name": "c"})]).await;
        let execution = discovery.begin(&workflow, json!({})).await;
        discovery.until_waiting_for(&execution, "callback").await;
        let call = discovery.worker().deliveries_of("a")[0].clone();
        Self { discovery, execution, call }
    }

    async fn until_ended(&self) -> Value {
        self.discovery.until_ended(&self.execution).await
    }

    async fn status(&self) -> Value {
        self.discovery.status(&self.execution).await
    }
}

#[actix_web::test]
async fn a_step_that_was_taken_over_is_shown_as_waiting_and_takes_reports() {
    let elsewhere = Elsewhere::begin().await;
    let event = elsewhere.discovery.event(&elsewhere.execution, "step_waiting").await;
    assert_eq!(
        (&event["step_name"], &event["step"], &event["waiting_for"]),
        (&json!("a"), &json!("a"), &json!("callback"))
    );
    let status = elsewhere.status().await;
    assert_eq!((&status["status"], &status["current_step"]["name"]), (&json!("running"), &json!("a")));
    assert_eq!(
        (&status["steps_history"][0]["status"], &status["steps_history"][0]["finished_at"]),
        (&json!("running"), &Value::Null)
    );
    assert_eq!(elsewhere.discovery.attempts(&elsewhere.execution).await, [("running".to_owned(), 1)]);

    let report = json!({"percentage": 60, "message": "a medias", "estimated_remaining_seconds": 9});
    let recorded = elsewhere.call.progress(report.clone()).await.expect(200);
    assert_eq!((&recorded["execution_status"], &recorded["progress_recorded"]), (&json!("running"), &report));
    let status = elsewhere.status().await;
    assert_eq!((&status["waiting_for"], &status["steps_history"][0]["progress"]), (&json!("callback"), &report));
    assert_eq!(status["progress"]["overall_percentage"], 20.0);
    assert_eq!(elsewhere.discovery.event(&elsewhere.execution, "step_progress").await["overall_percentage"], 20.0);
    elsewhere.call.complete(json!({})).await.expect(200);
    let status = elsewhere.until_ended().await;
    assert_eq!(status["steps_history"][0]["progress"], report, "the newest report is kept");
}

#[actix_web::test]
async fn its_report_is_its_outcome() {
    let table = [
        (json!({"context": {"kept": 1}, "data": {"lost": 1}}), json!({"kept": 1}), vec!["a", "b", "c"]),
        (json!({"data": {"kept": 1}, "more": 2}), json!({"kept": 1, "more": 2}), vec!["a", "b", "c"]),
        (json!({"context": {"kept": 1}, "next": "c", "success": true}), json!({"kept": 1}), vec!["a", "c"]),
        (json!({"message": "listo"}), json!({}), vec!["a", "b", "c"]),
    ];
    for (report, left, entered) in table {
        let elsewhere = Elsewhere::begin().await;
        let recorded = elsewhere.call.complete(report.clone()).await.expect(200);
        assert_eq!(recorded["completion_recorded"], report);
        let status = elsewhere.until_ended().await;
        let mut context = status["context"].as_object().unwrap().clone();
        context.retain(|key, _| key != "execution_id" && key != "dynamic_properties");
        assert_eq!((&status["status"], Value::Object(context)), (&json!("completed"), left), "{report}");
        let called: Vec<String> =
            elsewhere.discovery.worker().deliveries().into_iter().map(|call| call.handler).collect();
        assert_eq!(called, entered);
        let names = elsewhere.discovery.event_names(&elsewhere.execution).await;
        let first = ["workflow_started", "step_started", "step_waiting", "step_completed", "step_finished"];
        assert_eq!(names[..5], first);
        for again in [report, json!({"context": {"other": 1}})] {
            elsewhere.call.complete(again).await.problem(409);
        }
        elsewhere.call.progress(json!({"percentage": 1})).await.problem(409);
        assert_eq!(
            elsewhere.discovery.event_names(&elsewhere.execution).await,
            names,
            "a report twice changes nothing"
        );
    }
}

#[actix_web::test]
async fn a_report_of_failure_is_a_failed_attempt() {
    let retry = json!({"max_attempts": 2, "initial_interval_seconds": 0.05, "non_retryable_errors": ["Roto"]});
    let step = json!({"name": "a", "retry": retry});
    let elsewhere = Elsewhere::on(Discovery::start().await, step).await;
    let failure = json!({"success": false, "message": "No se pudo."});
    elsewhere.call.complete(failure).await.expect(200);
    let second = elsewhere.discovery.worker().until_called("a", 2).await[1].clone();
    let error = elsewhere.discovery.event(&elsewhere.execution, "step_error").await;
    assert_eq!(error["error"], json!({"type": "StepFailed", "message": "No se pudo."}));
    assert_eq!(second.header("discovery-attempt"), "2");
    elsewhere.discovery.until_waiting_for(&elsewhere.execution, "callback").await;
    elsewhere.call.complete(json!({})).await.problem(409);
    second.complete(json!({"success": false, "error_type": "Roto", "message": "Del todo."})).await.expect(200);
    let status = elsewhere.until_ended().await;
    assert_eq!((&status["status"], &status["error"]["type"]), (&json!("failed"), &json!("Roto")));
    let word = |number| ("failed".to_owned(), number);
    assert_eq!(elsewhere.discovery.attempts(&elsewhere.execution).await, [word(1), word(2)]);
}

#[actix_web::test]
async fn a_report_that_comes_before_the_202_is_the_outcome_at_once() {
    let discovery = Discovery::start().await;
    discovery.worker().does("a", |call| async move {
        call.complete(json!({"context": {"told": 1}})).await.expect(200);
        accepted()
    });
    let status = discovery.run(["a", "b"], json!({})).await;
    assert_eq!((&status["status"], &status["context"]["told"]), (&json!("completed"), &json!(1)));
    let names = discovery.event_names(status["execution_id"].as_str().unwrap()).await;
    assert!(!names.contains(&"step_waiting".to_owned()), "{names:?}");
}

#[actix_web::test]
async fn in_manual_mode_next_is_answered_when_the_report_has_come() {
    let discovery = Discovery::start().await;
    discovery.worker().on("a", accepted());
    let workflow =
        discovery.define(json!({"name": "m", "mode": "manual", "steps": [{"name": "a"}, {"name": "b"}]})).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    let path = format!("/executions/{execution}/next");
    let next = discovery.post(&path, json!({}));
    let (answered, ()) = futures_util::future::join(next, async {
        discovery.until_waiting_for(&execution, "callback").await;
        discovery.worker().deliveries()[0].complete(json!({"data": {"told": 1}})).await.expect(200);
    })
    .await;
    assert_eq!(answered.expect(200)["context"]["told"], 1);
    assert_eq!(discovery.status(&execution).await["waiting_for"], "next");
}

/// An execution of `a`, whose call is held and then does `act`, and `b`.
async fn told_while_open(discovery: &Discovery, mut step: Value, act: Act, told: Value) -> (String, Gate) {
    let gate = discovery.worker().holds("a", act);
    step["name"] = json!("a");
    let workflow = discovery.workflow([step, json!({"name": "b"})]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    let call = discovery.worker().until_called("a", 1).await[0].clone();
    call.complete(told).await.expect(200);
    (execution, gate)
}

#[actix_web::test]
async fn an_end_that_was_told_counts_where_the_call_then_takes_too_long() {
    for timeout in [json!({"timeout_seconds": 0.5}), json!({"heartbeat_timeout_seconds": 0.5})] {
        let discovery = Discovery::start().await;
        let told = json!({"context": {"told": 1}});
        let (execution, gate) = told_while_open(&discovery, timeout, Act::Break, told).await;
        let call = discovery.worker().deliveries_of("a")[0].clone();
        let status = discovery.until_ended(&execution).await;
        assert_eq!((&status["status"], &status["context"]["told"]), (&json!("completed"), &json!(1)));
        discovery.worker().until_broken_off(&call).await;
        assert_eq!(discovery.worker().deliveries_of("a").len(), 1);
        gate.open();
    }
}

#[actix_web::test]
async fn a_failure_that_was_told_counts_as_well() {
    let told = json!({"success": false, "message": "No.", "error_type": "Roto"});
    for act in [Act::Break, Act::status(500, json!({})), accepted()] {
        let discovery = Discovery::start().await;
        let (execution, gate) = told_while_open(&discovery, json!({}), act, told.clone()).await;
        gate.open();
        assert_eq!(discovery.until_ended(&execution).await["error"]["type"], "Roto");
    }
    let mut discovery = Discovery::start().await;
    let (execution, _gate) = told_while_open(&discovery, json!({}), accepted(), told).await;
    discovery.restart().await;
    assert_eq!(discovery.until_ended(&execution).await["error"]["type"], "Roto");
    assert_eq!(discovery.worker().deliveries_of("a").len(), 1, "it is not called again");
}

#[actix_web::test]
async fn after_a_crash_a_step_that_was_taken_over_is_not_called_again_and_takes_its_report() {
    let mut elsewhere = Elsewhere::begin().await;
    elsewhere.call.progress(json!({"percentage": 30})).await.expect(200);
    for _ in 0..2 {
        elsewhere.discovery.restart().await;
        let status = elsewhere.status().await;
        assert_eq!(
            (&status["waiting_for"], &status["steps_history"][0]["progress"]["percentage"]),
            (&json!("callback"), &json!(30))
        );
    }
    // Another execution went all its way meanwhile: this one had its time to be called.
    elsewhere.discovery.run(["b"], json!({})).await;
    elsewhere.call.complete(json!({"data": {"told": 1}})).await.expect(200);
    let status = elsewhere.until_ended().await;
    assert_eq!((&status["status"], &status["context"]["told"]), (&json!("completed"), &json!(1)));
    assert_eq!(elsewhere.discovery.worker().deliveries_of("a").len(), 1);
}

#[actix_web::test]
async fn a_report_wakes_an_execution_that_sleeps() {
    let options = Options::new().flag("--passivate-after-seconds=0.01").flag("--wake-look-interval-seconds=0.05");
    let mut elsewhere = Elsewhere::on(options.start().await, json!({"name": "a"})).await;
    elsewhere.discovery.until_asleep(&elsewhere.execution).await;
    elsewhere.call.progress(json!({"percentage": 30})).await.expect(200);
    elsewhere.discovery.restart().await;
    elsewhere.discovery.until_asleep(&elsewhere.execution).await;
    elsewhere.call.complete(json!({"next": "c"})).await.expect(200);
    assert_eq!(elsewhere.until_ended().await["status"], "completed");
}

#[actix_web::test]
async fn a_late_report_of_an_attempt_that_was_given_up_changes_nothing() {
    let retry = json!({"max_attempts": 2, "initial_interval_seconds": 0.01});
    let step = json!({"name": "a", "timeout_seconds": 1, "retry": retry});
    let elsewhere = Elsewhere::on(Discovery::start().await, step).await;
    let second = elsewhere.discovery.worker().until_called("a", 2).await[1].clone();
    elsewhere.discovery.until_waiting_for(&elsewhere.execution, "callback").await;
    elsewhere.call.progress(json!({"percentage": 99})).await.problem(409);
    elsewhere.call.complete(json!({"context": {"late": 1}})).await.problem(409);
    second.complete(json!({"context": {"told": 2}})).await.expect(200);
    let status = elsewhere.until_ended().await;
    assert_eq!((&status["context"]["told"], status["context"].get("late")), (&json!(2), None));
    let error = elsewhere.discovery.event(&elsewhere.execution, "step_error").await;
    assert_eq!((&error["error"]["type"], &error["attempt"]), (&json!("Timeout"), &json!(1)));
    let names = elsewhere.discovery.event_names(&elsewhere.execution).await;
    assert!(!names.contains(&"step_progress".to_owned()));
}
