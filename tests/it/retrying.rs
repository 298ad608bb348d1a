//! Steps that fail and are tried again: when, how often, and what becomes of them in the end.

use std::time::{Duration, SystemTime};

use awc::http::header::HttpDate;
use serde_json::{Value, json};

use crate::support::{Act, Discovery, Options, moment, seconds_between};

/// A step `a` that may be tried so often, each time after `wait` seconds.
fn step(max_attempts: u32, wait: f64) -> Value {
    with(max_attempts, json!({"initial_interval_seconds": wait, "max_interval_seconds": wait}))
}

fn with(max_attempts: u32, more: Value) -> Value {
    let mut retry = json!({"max_attempts": max_attempts, "jitter": false});
    retry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"name": "a", "retry": retry})
}

fn busy() -> Act {
    Act::status(503, json!({"detail": "Ocupado."}))
}

fn done() -> Act {
    Act::answer(json!({"context": {"done": true}}))
}

/// Starts an execution of `step` and gives its id.
async fn begin(discovery: &Discovery, step: Value) -> String {
    let workflow = discovery.workflow([step]).await;
    discovery.begin(&workflow, json!({})).await
}

/// What the policy told as waits, and what it then was until the next attempt, in seconds.
async fn waits(discovery: &Discovery, execution: &str) -> Vec<(f64, f64)> {
    let (errors, starts) = (
        discovery.events_named(execution, "step_error").await,
        discovery.events_named(execution, "step_started").await,
    );
    let told = |error: &Value| error["retry_in_seconds"].as_f64();
    let pairs = errors.iter().zip(starts.iter().skip(1));
    pairs.map(|(error, start)| (told(error).unwrap(), seconds_between(error, start))).collect()
}

#[actix_web::test]
async fn a_step_is_tried_again_after_the_waits_of_its_policy() {
    let discovery = Discovery::start().await;
    let garbled = Act::Garbage(b"HTTP/1.1 two hundred\r\n\r\n".to_vec());
    discovery.worker().in_turn("a", [busy(), garbled, Act::text(200, "text/plain", "?"), done()]);
    let policy = json!({"initial_interval_seconds": 0.1, "backoff_coefficient": 2, "max_interval_seconds": 0.3});
    let execution = begin(&discovery, with(4, policy)).await;
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["context"]["done"]), (&json!("completed"), &json!(true)));

    let waits = waits(&discovery, &execution).await;
    assert_eq!(waits.iter().map(|(told, _)| *told).collect::<Vec<_>>(), [0.1, 0.2, 0.3]);
    assert!(waits.iter().all(|(told, was)| was >= told), "{waits:?}");
    let kinds = status["steps_history"].as_array().unwrap().iter().map(|entry| entry["error"]["type"].as_str());
    let expected = [Some("HttpStatus"), Some("ConnectionFailed"), Some("InvalidAnswer"), None];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
    let numbered = |status: &str, number| (status.to_owned(), number);
    let attempts = [numbered("failed", 1), numbered("failed", 2), numbered("failed", 3), numbered("success", 4)];
    assert_eq!(discovery.attempts(&execution).await, attempts);
    assert_eq!((&status["progress"]["failed_steps"], &status["progress"]["percentage"]), (&json!(0), &json!(100.0)));

    let calls = discovery.worker().deliveries_of("a");
    let started = discovery.event(&execution, "step_started").await;
    let id = started["step_id"].as_str().unwrap();
    for (number, call) in (1..).zip(&calls) {
        assert_eq!(call.idempotency_key(), format!("{execution}/{id}/1/{number}"));
        assert_eq!(call.header("discovery-attempt"), number.to_string());
        assert_eq!(call.body, calls[0].body, "every attempt is given the same");
    }
}

#[actix_web::test]
async fn jitter_takes_up_to_half_of_each_wait_away() {
    let discovery = Discovery::start().await;
    discovery.worker().in_turn("a", (0..6).map(|_| busy()).chain([done()]));
    let policy = json!({"initial_interval_seconds": 0.2, "backoff_coefficient": 1, "jitter": true});
    let execution = begin(&discovery, with(7, policy)).await;
    assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
    let waits = waits(&discovery, &execution).await;
    assert!(waits.iter().all(|(told, was)| (0.1..=0.2).contains(told) && was >= told), "{waits:?}");
    assert!(waits.iter().any(|(told, _)| *told != waits[0].0), "chance has a part in it: {waits:?}");
}

#[actix_web::test]
async fn the_status_of_an_answer_says_whether_it_is_tried_again() {
    let discovery = Discovery::start().await;
    let table =
        [(408, true), (425, true), (429, true), (500, true), (501, true), (502, true), (503, true), (504, true)];
    let last = [302, 400, 401, 403, 404, 405, 409, 410, 413, 418, 422, 451].map(|status| (status, false));
    for (status, is_tried_again) in table.into_iter().chain(last) {
        discovery.worker().in_turn("a", [Act::status(status, json!({})), done()]);
        let ended = discovery.run([step(2, 0.01)], json!({})).await;
        let (word, attempts) = if is_tried_again { ("completed", 2) } else { ("failed", 1) };
        let found = (ended["status"].as_str().unwrap(), ended["steps_history"].as_array().unwrap().len());
        assert_eq!(found, (word, attempts), "HTTP {status}");
    }
}

#[actix_web::test]
async fn an_error_that_the_policy_names_is_final() {
    let discovery = Discovery::start().await;
    let named = json!(["Roto", "502", "ConnectionFailed", "Timeout", "StepFailed"]);
    let policy = json!({"initial_interval_seconds": 0.01, "non_retryable_errors": named});
    let mut step = with(2, policy);
    step["timeout_seconds"] = json!(0.2);
    let gate = discovery.worker().holds("unused", Act::Break);
    let drip = Act::Drip(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec(), gate.clone());
    let table = [
        (Act::status(500, json!({"type": "Roto"})), "Roto", 1),
        (Act::status(502, json!({})), "HttpStatus", 1),
        (Act::status(502, json!({"type": "Otro"})), "Otro", 1),
        (Act::Break, "ConnectionFailed", 1),
        (drip, "Timeout", 1),
        (Act::status(500, json!({"type": "Otro"})), "Otro", 2),
        (Act::text(200, "text/plain", "?"), "InvalidAnswer", 2),
    ];
    for (act, kind, attempts) in table {
        discovery.worker().on("a", act);
        let ended = discovery.run([step.clone()], json!({})).await;
        let found = (&ended["error"]["type"], ended["steps_history"].as_array().unwrap().len());
        assert_eq!(found, (&json!(kind), attempts), "{ended:#}");
    }
    gate.open();
}

#[actix_web::test]
async fn a_step_with_no_attempts_left_fails_the_execution_with_its_last_error() {
    let discovery = Discovery::start().await;
    discovery.worker().in_turn("a", [busy(), Act::status(500, json!({"type": "Roto", "detail": "Se rompió."}))]);
    let execution = begin(&discovery, step(2, 0.05)).await;
    let status = discovery.until_ended(&execution).await;
    let error = json!({"type": "Roto", "message": "Se rompió.", "status": 500});
    assert_eq!((&status["status"], &status["error"]), (&json!("failed"), &error));
    assert_eq!((&status["current_step"]["name"], &status["progress"]["failed_steps"]), (&json!("a"), &json!(1)));
    assert_eq!((&status["progress"]["is_failed"], &status["waiting_for"]), (&json!(true), &Value::Null));
    let names = ["workflow_started", "step_started", "step_error", "step_started", "step_error", "workflow_failed"];
    assert_eq!(discovery.event_names(&execution).await, names);
    let last = &discovery.events_named(&execution, "step_error").await[1];
    assert_eq!((&last["error"], &last["attempt"], &last["retry_in_seconds"]), (&error, &json!(2), &Value::Null));
    let failed = discovery.event(&execution, "workflow_failed").await;
    assert_eq!((&failed["error"], &failed["failed_step"]), (&error, &json!("a")));
}

#[actix_web::test]
async fn while_a_retry_waits_the_status_says_so() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds_after("a", [busy()], done());
    let workflow = discovery.workflow([step(2, 0.5), json!({"name": "b"})]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    let status = discovery.until_waiting_for(&execution, "retry").await;
    assert_eq!((&status["status"], &status["error"]), (&json!("running"), &Value::Null));
    assert_eq!(status["current_step"]["name"], "a");
    let progress = &status["progress"];
    assert_eq!((&progress["failed_steps"], &progress["percentage"]), (&json!(0), &json!(0.0)));
    assert_eq!((&progress["is_running"], &progress["is_failed"]), (&json!(true), &json!(false)));
    assert_eq!(discovery.attempts(&execution).await, [("failed".to_owned(), 1)]);

    let call = discovery.worker().until_called("a", 2).await.pop().unwrap();
    let status = discovery.status(&execution).await;
    assert_eq!((&status["waiting_for"], &status["steps_history"][1]["status"]), (&Value::Null, &json!("running")));
    call.progress(json!({"percentage": 50})).await.expect(200);
    let status = discovery.until(&execution, |status| status["progress"]["overall_percentage"] == 25.0).await;
    assert_eq!(status["steps_history"][0]["progress"], Value::Null, "the report is the second attempt's");
    gate.open();
    assert_eq!(discovery.until_ended(&execution).await["progress"]["percentage"], 100.0);
}

#[actix_web::test]
async fn where_the_policy_says_so_an_execution_pauses_and_a_resume_gives_fresh_attempts() {
    let mut discovery = Discovery::start().await;
    let last = Act::status(400, json!({"detail": "No."}));
    discovery.worker().in_turn("a", [busy(), busy(), busy(), last, Act::answer(json!({"next": "nobody"})), done()]);
    let policy = json!({"initial_interval_seconds": 0.02, "on_exhausted": "pause"});
    let execution = begin(&discovery, with(2, policy)).await;
    // Twice 503; 503 and a final 400; an answer that names no step.
    for (kind, status, attempts) in
        [("HttpStatus", json!(503), 2), ("HttpStatus", json!(400), 4), ("UnknownStep", Value::Null, 5)]
    {
        let paused = discovery.until(&execution, |status| status["status"] == "paused").await;
        assert_eq!((&paused["error"]["type"], &paused["error"]["status"]), (&json!(kind), &status));
        assert_eq!((&paused["waiting_for"], &paused["current_step"]["name"]), (&Value::Null, &json!("a")));
        assert_eq!(paused["steps_history"].as_array().unwrap().len(), attempts);
        let listed = discovery.get("/executions?status=paused").await.expect(200);
        assert_eq!(listed["pagination"]["total"], 1);
        discovery.restart().await;
        let again = discovery.status(&execution).await;
        assert_eq!((&again["status"], &again["error"]), (&json!("paused"), &paused["error"]));
        let resumed = discovery.steer(&execution, "resume").await;
        assert_eq!(resumed["status"], "running");
    }
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["error"]), (&json!("completed"), &Value::Null));
    let attempts: Vec<u64> = discovery.attempts(&execution).await.into_iter().map(|(_, number)| number).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5, 6]);
    assert!(status["steps_history"].as_array().unwrap().iter().all(|entry| entry["visit"] == 1));
}

#[actix_web::test]
async fn a_worker_that_says_when_is_called_no_earlier() {
    let discovery = Discovery::start().await;
    let asks = |value: &str| Act::status(429, json!({})).with_header("retry-after", value);
    let date = HttpDate::from(SystemTime::now() + Duration::from_secs(4));
    discovery.worker().in_turn("a", [asks("1"), asks("0"), asks(&date.to_string()), asks("pronto"), done()]);
    let execution = begin(&discovery, step(5, 0.05)).await;
    assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
    let waits = waits(&discovery, &execution).await;
    let told: Vec<f64> = waits.iter().map(|(told, _)| *told).collect();
    assert_eq!((told[0], told[1], told[3]), (1.0, 0.05, 0.05), "less than the policy's wait, and no time, say nothing");
    assert!(waits.iter().all(|(told, was)| was >= told), "{waits:?}");
    let started = &discovery.events_named(&execution, "step_started").await[3];
    // A date of HTTP has whole seconds.
    assert!(
        SystemTime::from(moment(started)) >= SystemTime::from(date.to_string().parse::<HttpDate>().unwrap()),
        "{date}: {told:?}"
    );
}

#[actix_web::test]
async fn a_retry_keeps_its_time_over_a_restart() {
    let mut discovery = Discovery::start().await;
    discovery.worker().in_turn("a", [busy(), done()]);
    let execution = begin(&discovery, step(2, 4.0)).await;
    discovery.until_waiting_for(&execution, "retry").await;
    let error = discovery.event(&execution, "step_error").await;
    discovery.kill();
    // A wait that began anew at the start would end more than two seconds late.
    until_later_than(&error, 2.0).await;
    discovery.restart().await;
    assert_eq!(discovery.status(&execution).await["waiting_for"], "retry");
    discovery.until_ended(&execution).await;
    let (told, was) = waits(&discovery, &execution).await[0];
    assert!((told..told + 1.9).contains(&was), "{told} {was}");
}

#[actix_web::test]
async fn a_retry_that_fell_due_while_the_server_was_down_is_made_at_once() {
    let mut discovery = Discovery::start().await;
    discovery.worker().in_turn("a", [busy(), done()]);
    let execution = begin(&discovery, step(2, 0.5)).await;
    discovery.until_waiting_for(&execution, "retry").await;
    let error = discovery.event(&execution, "step_error").await;
    discovery.kill();
    until_later_than(&error, 0.5).await;
    assert_eq!(discovery.worker().deliveries_of("a").len(), 1);
    discovery.restart().await;
    assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
}

/// Waits until so many seconds have passed since `event`.
async fn until_later_than(event: &Value, seconds: f64) {
    let passed = (chrono::Utc::now() - moment(event)).as_seconds_f64();
    tokio::time::sleep(Duration::from_secs_f64((seconds - passed).max(0.0))).await;
}

#[actix_web::test]
async fn an_execution_that_sleeps_is_woken_for_its_retry_in_time() {
    let options = Options::new().flag("--passivate-after-seconds=0.05").flag("--wake-look-interval-seconds=0.3");
    let mut discovery = options.start().await;
    let wait = json!({"initial_interval_seconds": 1.5, "backoff_coefficient": 1});
    discovery.worker().in_turn("a", [busy(), busy(), done()]);
    let execution = begin(&discovery, with(3, wait)).await;
    discovery.worker().until_called("a", 1).await;
    discovery.until_asleep(&execution).await;
    discovery.worker().until_called("a", 2).await;
    discovery.until_waiting_for(&execution, "retry").await;
    discovery.until_asleep(&execution).await;
    // In a process that has never had it awake, too.
    discovery.restart().await;
    discovery.until_asleep(&execution).await;
    assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
    let waits = waits(&discovery, &execution).await;
    assert!(waits.iter().all(|(told, was)| *told == 1.5 && *was >= 1.5), "{waits:?}");
    assert_eq!(discovery.worker().deliveries_of("a").len(), 3);
}
