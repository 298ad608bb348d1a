//! What takes too long: attempts, silences, whole executions; and calls that are broken off.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Act, Discovery, Options, seconds_between};

fn accepted() -> Act {
    Act::status(202, json!({}))
}

/// Starts an execution of `workflow`, whose steps are given too, and gives its id.
async fn begin(discovery: &Discovery, mut workflow: Value, steps: Value) -> String {
    workflow["name"] = json!("w");
    workflow["steps"] = steps;
    let workflow = discovery.define(workflow).await;
    discovery.begin(&workflow, json!({})).await
}

#[actix_web::test]
async fn an_attempt_that_takes_too_long_is_broken_off_and_tried_again() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({"context": {"late": 1}})));
    let retry = json!({"max_attempts": 3, "initial_interval_seconds": 0.01});
    let steps = json!([{"name": "a", "timeout_seconds": 0.3, "retry": retry}]);
    let execution = begin(&discovery, json!({}), steps).await;
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["error"]["type"]), (&json!("failed"), &json!("Timeout")));
    for call in discovery.worker().deliveries_of("a") {
        discovery.worker().until_broken_off(&call).await;
    }
    let attempts = status["steps_history"].as_array().unwrap();
    assert_eq!(attempts.len(), 3);
    assert!(attempts.iter().all(|attempt| attempt["duration_seconds"].as_f64() >= Some(0.3)), "{attempts:#?}");
    let names = discovery.event_names(&execution).await;
    gate.open();
    assert_eq!(discovery.event_names(&execution).await, names);
    assert!(discovery.status(&execution).await["context"].get("late").is_none());
}

#[actix_web::test]
async fn a_step_elsewhere_that_never_reports_its_end_is_given_up_also_while_it_sleeps() {
    let options = Options::new().flag("--passivate-after-seconds=0.05").flag("--wake-look-interval-seconds=0.1");
    let discovery = options.start().await;
    discovery.worker().on("a", accepted());
    let execution = begin(&discovery, json!({}), json!([{"name": "a", "timeout_seconds": 1}])).await;
    // Reports keep nothing alive that takes too long in all.
    let call = discovery.worker().until_called("a", 1).await[0].clone();
    call.progress(json!({"percentage": 50})).await;
    discovery.until_asleep(&execution).await;
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["error"]["type"]), (&json!("failed"), &json!("Timeout")));
    let (started, failed) =
        (discovery.event(&execution, "step_started").await, discovery.event(&execution, "step_error").await);
    assert!(seconds_between(&started, &failed) >= 1.0);
    call.complete(json!({})).await.problem(409);
}

#[actix_web::test]
async fn an_attempt_that_falls_silent_is_lost_whether_its_call_is_open_or_it_runs_elsewhere() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("open", Act::answer(json!({})));
    discovery.worker().on("elsewhere", accepted());
    for handler in ["open", "elsewhere"] {
        let steps = json!([{"name": handler, "heartbeat_timeout_seconds": 0.4}]);
        let execution = begin(&discovery, json!({}), steps).await;
        let call = discovery.worker().until_called(handler, 1).await[0].clone();
        call.progress(json!({"percentage": 1})).await;
        let status = discovery.until_ended(&execution).await;
        assert_eq!(
            (&status["status"], &status["error"]["type"]),
            (&json!("failed"), &json!("HeartbeatTimeout")),
            "{handler}"
        );
        if handler == "open" {
            discovery.worker().until_broken_off(&call).await;
        }
        call.progress(json!({"percentage": 2})).await.problem(409);
    }
    gate.open();
}

#[actix_web::test]
async fn reports_keep_an_attempt_alive() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("open", Act::answer(json!({})));
    discovery.worker().on("elsewhere", accepted());
    let mut running = Vec::new();
    for handler in ["open", "elsewhere"] {
        let steps = json!([{"name": handler, "heartbeat_timeout_seconds": 2}]);
        let execution = begin(&discovery, json!({}), steps).await;
        running.push((execution, discovery.worker().until_called(handler, 1).await[0].clone()));
    }
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(2_600) {
        for (_, call) in &running {
            // Several at once share an event, and are signs of life all the same.
            let report = |percentage| call.progress(json!({ "percentage": percentage }));
            let (first, second) = futures_util::future::join(report(10), report(20)).await;
            assert_eq!((first.status, second.status), (200, 200), "{first} {second}");
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    gate.open();
    running[1].1.complete(json!({})).await.expect(200);
    for (execution, _) in running {
        assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
    }
}

/// What stands still while no server is there: a step elsewhere with either timeout, and a manual execution.
async fn begin_all(discovery: &Discovery) -> Vec<String> {
    discovery.worker().on("a", accepted());
    let table = [
        (json!({}), json!([{"name": "a", "timeout_seconds": 1.5}])),
        (json!({}), json!([{"name": "a", "heartbeat_timeout_seconds": 1.5}])),
        (json!({"mode": "manual", "timeout_seconds": 1.5}), json!([{"name": "a"}])),
        (json!({"timeout_seconds": 1.5}), json!([{"name": "a"}])),
    ];
    let mut executions = Vec::new();
    for (workflow, steps) in table {
        executions.push(begin(discovery, workflow, steps).await);
    }
    for (execution, what) in executions.iter().zip(["callback", "callback", "next", "callback"]) {
        discovery.until_waiting_for(execution, what).await;
    }
    executions
}

#[actix_web::test]
async fn time_that_the_server_was_down_counts_for_no_timeout() {
    for is_killed in [false, true] {
        let mut discovery = Options::new().flag("--alive-interval-seconds=0.05").start().await;
        let executions = begin_all(&discovery).await;
        if is_killed {
            discovery.kill();
        } else {
            discovery.stop().await;
        }
        let down_since = Instant::now();
        tokio::time::sleep(Duration::from_millis(1_600)).await;
        let down = down_since.elapsed().as_secs_f64();
        discovery.restart().await;
        for (execution, kind) in executions.iter().zip(["Timeout", "HeartbeatTimeout", "Timeout", "Timeout"]) {
            let status = discovery.until_ended(execution).await;
            assert_eq!((&status["status"], &status["error"]["type"]), (&json!("failed"), &json!(kind)));
            let events = discovery.events(execution).await;
            let took = seconds_between(&events[0], events.last().unwrap());
            assert!(took >= 1.5 + down, "{kind}: {took} s with {down} s of them down");
        }
    }
}

#[actix_web::test]
async fn an_execution_that_takes_too_long_fails_wherever_it_is() {
    let discovery = Options::new().flag("--passivate-after-seconds=0.05").start().await;
    let gate = discovery.worker().holds("held", Act::answer(json!({"context": {"late": 1}})));
    discovery.worker().on("elsewhere", accepted());
    discovery.worker().on("failing", Act::status(503, json!({})));
    let retry = json!({"max_attempts": 2, "initial_interval_seconds": 3600, "max_interval_seconds": 3600});
    let table = [
        ("automatic", "held", Value::Null),
        ("automatic", "elsewhere", json!("callback")),
        ("automatic", "failing", json!("retry")),
        ("manual", "held", json!("next")),
    ];
    for (mode, handler, waiting_for) in table {
        let workflow = json!({"mode": mode, "timeout_seconds": 0.7});
        let steps = json!([{"name": "first"}, {"name": "a", "handler": handler, "retry": retry}]);
        let execution = begin(&discovery, workflow, steps).await;
        if mode == "manual" {
            discovery.steer(&execution, "next").await;
        }
        discovery
            .until(&execution, |status| status["waiting_for"] == waiting_for && status["current_step"]["name"] == "a")
            .await;
        let status = discovery.until_ended(&execution).await;
        assert_eq!((&status["status"], &status["error"]["type"]), (&json!("failed"), &json!("Timeout")), "{handler}");
        assert_eq!((&status["current_step"]["name"], &status["progress"]["completed_steps"]), (&json!("a"), &json!(1)));
        let failed = discovery.event(&execution, "workflow_failed").await;
        assert_eq!((&failed["failed_step"], &failed["error"]), (&json!("a"), &status["error"]));
        assert!(seconds_between(&discovery.event(&execution, "workflow_started").await, &failed) >= 0.7);
        let running = ["running", "callback"].contains(&waiting_for.as_str().unwrap_or("running"));
        let attempts = discovery.attempts(&execution).await;
        let word = if mode == "manual" { "success" } else { "failed" };
        assert_eq!(attempts.last().unwrap(), &(word.to_owned(), 1), "{handler}");
        if running {
            assert_eq!(discovery.event(&execution, "step_error").await["error"], status["error"]);
        }
        let report = format!("/executions/{execution}/steps/a/complete");
        discovery.post(&report, json!({})).await.problem(409);
    }
    let held = discovery.worker().deliveries_of("held")[0].clone();
    discovery.worker().until_broken_off(&held).await;
    gate.open();
}

#[actix_web::test]
async fn a_pause_counts_for_no_timeout_and_a_retry_by_hand_has_its_own() {
    let discovery = Discovery::start().await;
    let execution =
        begin(&discovery, json!({"mode": "manual", "timeout_seconds": 1}), json!([{"name": "a"}, {"name": "b"}])).await;
    discovery.steer(&execution, "pause").await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(discovery.status(&execution).await["status"], "paused");
    discovery.steer(&execution, "resume").await;
    let (paused, resumed) =
        (discovery.event(&execution, "workflow_paused").await, discovery.event(&execution, "workflow_resumed").await);
    assert_eq!(discovery.until_ended(&execution).await["error"]["type"], "Timeout");
    let took = seconds_between(
        &discovery.event(&execution, "workflow_started").await,
        &discovery.event(&execution, "workflow_failed").await,
    );
    assert!(took >= 1.0 + seconds_between(&paused, &resumed), "{took}");
    discovery.steer(&execution, "retry").await;
    let status = discovery.until(&execution, |status| status["current_step"]["name"] == "b").await;
    assert_eq!(
        (&status["steps_history"][0]["step_name"], &status["steps_history"][0]["status"]),
        (&json!("a"), &json!("success"))
    );
}

#[actix_web::test]
async fn whoever_waits_for_an_execution_hears_that_it_took_too_long() {
    let discovery = Discovery::start().await;
    discovery.worker().on("a", accepted());
    let workflow = json!({"name": "w", "timeout_seconds": 0.3, "steps": [{"name": "a"}]});
    let workflow = discovery.define(workflow).await;
    let ended = discovery.post(&format!("/workflows/{workflow}/execute"), json!({})).await.expect(200);
    assert_eq!(ended["status"], "failed");
}

#[actix_web::test]
async fn a_cancelled_call_is_broken_off_and_what_comes_late_changes_nothing() {
    let mut discovery = Discovery::start().await;
    let gate = discovery.worker().holds("open", Act::answer(json!({"context": {"late": 1}})));
    discovery.worker().on("elsewhere", accepted());
    for handler in ["open", "elsewhere"] {
        let steps = json!([{"name": "a", "handler": handler}, {"name": "b"}]);
        let execution = begin(&discovery, json!({}), steps).await;
        let call = discovery.worker().until_called(handler, 1).await[0].clone();
        if handler == "elsewhere" {
            discovery.until_waiting_for(&execution, "callback").await;
        }
        call.progress(json!({"percentage": 40})).await.expect(200);
        let path = format!("/executions/{execution}/cancel");
        let cancelled = discovery.post(&path, json!({"reason": "demasiado caro"})).await.expect(200);
        assert_eq!(cancelled["status"], "cancelled");
        if handler == "open" {
            discovery.worker().until_broken_off(&call).await;
        }
        let names = discovery.event_names(&execution).await;
        call.progress(json!({"percentage": 99})).await.problem(409);
        call.complete(json!({"context": {"late": 1}})).await.problem(409);
        gate.open();
        discovery.restart().await;
        call.complete(json!({"context": {"late": 1}})).await.problem(409);
        assert_eq!(discovery.event_names(&execution).await, names);
        let status = discovery.status(&execution).await;
        let entry = &status["steps_history"][0];
        assert_eq!((&entry["status"], &entry["progress"]["percentage"]), (&json!("cancelled"), &json!(40)));
        assert!(status["context"].get("late").is_none() && status["finished_at"].is_string());
        assert_eq!(discovery.event(&execution, "workflow_cancelled").await["reason"], "demasiado caro");
        assert_eq!(discovery.attempts(&execution).await, [("cancelled".to_owned(), 1)]);
    }
    assert!(discovery.worker().deliveries_of("b").is_empty());
}
