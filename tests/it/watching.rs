//! What is shown of an execution: its status, its steps, its events.

use serde_json::{Value, json};

use crate::support::{Act, Discovery};

/// `value` with the times and durations that no test can know taken out, after a look at their kind.
fn without_times(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match key.as_str() {
                    "created_at" | "updated_at" | "started_at" | "finished_at" | "timestamp" if value.is_string() => {
                        let text = value.as_str().unwrap();
                        assert!(text.len() == 24 && text.ends_with('Z') && &text[19..20] == ".", "{key}: {text}");
                        *value = json!("time");
                    }
                    "duration_seconds" => {
                        assert!(value.as_f64().is_some_and(|seconds| (0.0..100.0).contains(&seconds)), "{value}");
                        *value = json!("seconds");
                    }
                    _ => *value = without_times(value.take()),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_times(item.take())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}

fn three_steps() -> [Value; 3] {
    [
        json!({"name": "Carga Usuario", "handler": "fetch_user"}),
        json!({"name": "Validación Usuario", "handler": "validate_user"}),
        json!({"name": "Fin", "handler": "fin"}),
    ]
}

#[actix_web::test]
async fn the_status_of_a_running_execution_is_as_the_contract_says() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("validate_user", Act::answer(json!({})));
    let definition = json!({"name": "Procesamiento de Documentos", "steps": three_steps()});
    let workflow = discovery.define(definition).await;
    let steps = discovery.get(&format!("/workflows/{workflow}/steps")).await.expect(200);
    let id = discovery.begin(&workflow, json!({"x": 1})).await;
    let call = &discovery.worker().until_called("validate_user", 1).await[0];
    let report = json!({"percentage": 59.1, "message": "Leyendo", "estimated_remaining_seconds": 5});
    call.progress(report.clone()).await.expect(200);
    let status = without_times(discovery.status(&id).await);
    let remaining = status["progress"]["estimated_remaining_seconds"].clone();
    assert!(remaining.is_u64(), "{remaining}");
    let entry = |name: &str, handler: &str, status: &str, finished: Value, progress: Value| {
        json!({"step_name": name, "handler": handler, "status": status, "attempt": 1, "visit": 1, "started_at": "time",
            "finished_at": finished, "duration_seconds": "seconds", "progress": progress, "error": null})
    };
    let expected = json!({
        "execution_id": id, "workflow_id": workflow, "workflow_name": "Procesamiento de Documentos",
        "workflow_version": 1, "status": "running", "mode": "automatic", "created_at": "time", "updated_at": "time",
        "finished_at": null, "context": {"execution_id": id, "x": 1, "dynamic_properties": {"x": 1}},
        "additional_data": {}, "custom_status": null, "waiting_for": null, "pause_requested": false, "error": null,
        "current_step": {"id": steps[1]["id"], "name": "Validación Usuario", "handler": "validate_user", "order": 2},
        "progress": {"total_steps": 3, "completed_steps": 1, "failed_steps": 0, "skipped_steps": 0,
            "percentage": 33.33, "overall_percentage": 53.03, "estimated_remaining_seconds": remaining,
            "is_completed": false, "is_failed": false, "is_running": true},
        "steps_history": [
            entry("Carga Usuario", "fetch_user", "success", json!("time"), Value::Null),
            entry("Validación Usuario", "validate_user", "running", Value::Null, report)],
        "last_seq": 5,
        "tracking_urls": {"status": format!("/executions/{id}/status"), "steps": format!("/executions/{id}/steps"),
            "events": format!("/executions/{id}/events"), "properties": format!("/executions/{id}/properties"),
            "websocket": format!("/ws/{id}")},
    });
    assert_eq!(status, expected);
    gate.open();
}

#[actix_web::test]
async fn a_completed_execution_shows_what_it_skipped_and_100_percent() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("fetch_user", json!({"next": "fin"}));
    let status = without_times(discovery.run(three_steps(), json!({})).await);
    let progress = json!({"total_steps": 3, "completed_steps": 2, "failed_steps": 0, "skipped_steps": 1,
        "percentage": 100.0, "overall_percentage": 100.0,
        "estimated_remaining_seconds": status["progress"]["estimated_remaining_seconds"],
        "is_completed": true, "is_failed": false, "is_running": false});
    assert_eq!(status["progress"], progress);
    assert!([json!(0), Value::Null].contains(&progress["estimated_remaining_seconds"]), "{progress}");
    assert_eq!((&status["current_step"], &status["finished_at"]), (&Value::Null, &json!("time")));
    let history = status["steps_history"].as_array().unwrap();
    assert_eq!(history.len(), 3);
    let skipped = json!({"step_name": "Validación Usuario", "handler": "validate_user", "status": "skipped",
        "attempt": 0, "visit": 0, "started_at": null, "finished_at": null, "duration_seconds": "seconds",
        "progress": null, "error": null});
    assert_eq!(history[2], skipped);
}

#[actix_web::test]
async fn a_failed_execution_shows_its_error_and_skips_nothing() {
    let discovery = Discovery::start().await;
    let problem = json!({"type": "UserUnknown", "detail": "Nobody has this name."});
    discovery.worker().on("validate_user", Act::status(422, problem));
    let status = without_times(discovery.run(three_steps(), json!({})).await);
    let error = json!({"type": "UserUnknown", "message": "Nobody has this name.", "status": 422});
    assert_eq!((&status["status"], &status["error"]), (&json!("failed"), &error));
    assert_eq!(status["current_step"]["name"], "Validación Usuario");
    let progress = &status["progress"];
    let counts = [&progress["completed_steps"], &progress["failed_steps"], &progress["skipped_steps"]];
    assert_eq!(counts, [&json!(1), &json!(1), &json!(0)]);
    assert_eq!((&progress["percentage"], &progress["is_failed"]), (&json!(33.33), &json!(true)));
    assert_eq!(
        (&status["steps_history"][1]["status"], &status["steps_history"][1]["error"]),
        (&json!("failed"), &error)
    );
    assert_eq!(status["steps_history"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn the_steps_are_listed_with_what_went_in_and_came_out() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("fetch_user", json!({"context": {"user": 7}, "extra": true}));
    let workflow = discovery.workflow(three_steps()).await;
    let definition = discovery.get(&format!("/workflows/{workflow}/steps")).await.expect(200);
    let id = discovery.begin(&workflow, json!({"x": 1})).await;
    discovery.until_ended(&id).await;
    let steps = without_times(discovery.get(&format!("/executions/{id}/steps")).await.expect(200));
    assert_eq!(steps.as_array().unwrap().len(), 3);
    let mut expected = json!({"id": steps[0]["id"], "step_id": definition[0]["id"], "workflow_id": workflow,
        "execution_id": id, "step_name": "Carga Usuario", "handler": "fetch_user", "status": "success", "attempt": 1,
        "visit": 1, "input_payload": {"execution_id": id, "x": 1, "dynamic_properties": {"x": 1}},
        "output_payload": {"context": {"user": 7}, "extra": true}, "progress": null, "error": null,
        "started_at": "time", "finished_at": "time", "duration_seconds": "seconds"});
    assert_eq!(steps[0], expected);
    assert_eq!(steps[1]["input_payload"]["user"], 7);
    assert!(steps[1]["id"] != steps[0]["id"]);
    // The same after the actor is gone and everything is read back from the database.
    let mut discovery = discovery;
    discovery.restart().await;
    let again = without_times(discovery.get(&format!("/executions/{id}/steps")).await.expect(200));
    assert_eq!(again[0], expected.take());
}

#[actix_web::test]
async fn events_have_no_holes_and_are_the_same_each_time() {
    let mut discovery = Discovery::start().await;
    discovery.worker().answers("fetch_user", json!({"context": {"ñ": 0.1, "b": 1, "a": 1e21}}));
    let workflow = discovery.workflow(three_steps()).await;
    let id = discovery.begin(&workflow, json!({"x": 1})).await;
    discovery.until_ended(&id).await;
    let path = format!("/executions/{id}/events");
    let first = discovery.get(&path).await;
    assert_eq!(first.header("content-type"), Some("application/json"));
    let events = first.expect(200);
    let names: Vec<_> = events.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    let middle = ["step_started", "step_finished"].repeat(3);
    assert_eq!(names, [&["workflow_started"], middle.as_slice(), &["workflow_completed"]].concat());
    for (place, event) in events.as_array().unwrap().iter().enumerate() {
        assert_eq!((&event["seq"], &event["execution_id"]), (&json!(place + 1), &json!(id)));
        assert!(event["timestamp"].as_str().unwrap().ends_with('Z'));
    }
    discovery.restart().await;
    assert_eq!(discovery.get(&path).await.bytes, first.bytes, "byte for byte");
    let page = async |query: &str| {
        let events = discovery.get(&format!("{path}?{query}")).await.expect(200);
        events.as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(page("after=6").await, [7, 8]);
    assert_eq!(page("after=2&limit=3").await, [3, 4, 5]);
    assert_eq!(page("limit=2").await, [1, 2]);
    assert_eq!(page("after=8").await, [0; 0]);
    assert_eq!(page("limit=999999").await.len(), 8, "a limit over the maximum is clamped");
    for bad in ["limit=0", "limit=x", "after=-1", "after=x"] {
        discovery.get(&format!("{path}?{bad}")).await.problem(400);
    }
}

#[actix_web::test]
async fn every_event_has_the_fields_of_the_contract() {
    let discovery = Discovery::start().await;
    discovery.worker().does("fetch_user", |call| async move {
        call.progress(json!({"percentage": 50})).await.expect(200);
        call.complete(json!({"data": {"user": 7}})).await.expect(200);
        Act::answer(json!({"context": {"user": 7, "x": 1}}))
    });
    discovery.worker().on("fin", Act::status(500, json!({"detail": "Broken."})));
    let workflow = discovery.workflow(three_steps()).await;
    let steps = discovery.get(&format!("/workflows/{workflow}/steps")).await.expect(200);
    let id = discovery.begin(&workflow, json!({"x": 1})).await;
    discovery.until_ended(&id).await;
    let events: Vec<Value> = discovery.events(&id).await.into_iter().map(without_times).collect();
    let event = |seq: usize, name: &str, mut fields: Value| {
        let head = json!({"event": name, "execution_id": id, "seq": seq, "timestamp": "time"});
        fields.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
        fields
    };
    let context = json!({"execution_id": id, "x": 1, "user": 7, "dynamic_properties": {"x": 1}});
    let error = json!({"type": "HttpStatus", "message": "Broken.", "status": 500});
    let first = |fields: Value| {
        let mut step = json!({"step": "fetch_user", "step_name": "Carga Usuario"});
        step.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        step
    };
    let expected = [
        event(
            1,
            "workflow_started",
            json!({"workflow_id": workflow, "workflow_name": "w", "mode": "automatic",
            "total_steps": 3}),
        ),
        event(2, "step_started", first(json!({"step_id": steps[0]["id"], "order": 1, "attempt": 1, "visit": 1}))),
        event(3, "step_progress", first(json!({"progress": {"percentage": 50}, "overall_percentage": 16.67}))),
        event(4, "step_completed", first(json!({"result": {"success": true, "data": {"user": 7}}}))),
        event(
            5,
            "step_finished",
            first(json!({"status": "success", "context": {"user": 7},
            "duration_seconds": "seconds", "next": "validate_user"})),
        ),
    ];
    assert_eq!(events[..5], expected);
    let failed = event(
        9,
        "step_error",
        json!({"step": "fin", "step_name": "Fin", "error": error, "attempt": 1,
        "retry_in_seconds": null}),
    );
    assert_eq!(events[8], failed);
    let end = event(10, "workflow_failed", json!({"final_context": context, "error": error, "failed_step": "Fin"}));
    assert_eq!(events[9..], [end]);
}

#[actix_web::test]
async fn a_repeated_step_counts_once_and_has_an_entry_for_each_visit() {
    let discovery = Discovery::start().await;
    discovery.worker().in_turn("a", [Act::answer(json!({"next": "a"})), Act::answer(json!({}))]);
    let gate = discovery.worker().holds("b", Act::answer(json!({})));
    let workflow = discovery.workflow([json!({"name": "a", "max_visits": 2}), json!({"name": "b"})]).await;
    let id = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("b", 1).await;
    let status = discovery.status(&id).await;
    assert_eq!((&status["progress"]["completed_steps"], &status["progress"]["percentage"]), (&json!(1), &json!(50.0)));
    let visits: Vec<_> = status["steps_history"].as_array().unwrap().iter().map(|entry| &entry["visit"]).collect();
    assert_eq!(visits, [1, 2, 1]);
    gate.open();
}
