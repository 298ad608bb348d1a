//! The four start calls, and the context that they begin with.

use serde_json::{Value, json};

use crate::support::{Act, Discovery, Options};

/// The context of an execution that was started by `body` at `/workflows/{id}/execute`.
async fn context_of(discovery: &Discovery, workflow: &str, body: Value) -> Value {
    let ran = discovery.post(&format!("/workflows/{workflow}/execute"), body).await.expect(200);
    let context = ran["context"].clone();
    assert_eq!(context["execution_id"], ran["id"]);
    context
}

#[actix_web::test]
async fn an_async_start_is_answered_at_once_with_where_to_watch() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let by_body = discovery.post("/execute-async", json!({"workflow_id": workflow, "data": {"x": 1}})).await;
    let by_path = discovery.post(&format!("/workflows/{workflow}/execute-async"), json!({"data": {"x": 1}})).await;
    for started in [by_body, by_path] {
        let body = started.expect(200);
        let id = body["execution_id"].as_str().unwrap();
        assert_eq!(started.header("location"), Some(format!("/executions/{id}").as_str()));
        let expected = json!({"execution_id": id, "workflow_id": workflow, "status": "running",
            "tracking_url": format!("/executions/{id}/status"), "websocket_url": format!("/ws/{id}"),
            "created_at": body["created_at"]});
        assert_eq!(body, expected);
        assert_eq!(discovery.status(id).await["context"]["x"], 1);
        assert_eq!(discovery.status(id).await["created_at"], body["created_at"]);
    }
    gate.open();
}

#[actix_web::test]
async fn a_sync_start_waits_for_the_end_good_or_bad() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("a", json!({"context": {"y": 2}}));
    discovery.worker().on("bad", Act::status(400, json!({"detail": "No."})));
    let workflow = discovery.workflow(["a"]).await;
    for (path, body) in [
        ("/execute".to_owned(), json!({"workflow_id": workflow, "data": {"x": 1}})),
        (format!("/workflows/{workflow}/execute"), json!({"x": 1})),
    ] {
        let reply = discovery.post(&path, body).await;
        let ran = reply.expect(200);
        let id = ran["id"].as_str().unwrap();
        assert_eq!(reply.header("location"), Some(format!("/executions/{id}").as_str()));
        let context = json!({"execution_id": id, "x": 1, "y": 2, "dynamic_properties": {"x": 1}});
        let expected = json!({"id": id, "workflow_id": workflow, "status": "completed", "mode": "automatic",
            "context": context, "additional_data": {}, "custom_status": null, "current_step_id": null,
            "created_at": ran["created_at"], "updated_at": ran["updated_at"]});
        assert_eq!(ran, expected);
        assert_eq!(discovery.get(&format!("/executions/{id}")).await.expect(200), ran);
    }
    let bad = discovery.workflow(["bad"]).await;
    let failed = discovery.post("/execute", json!({"workflow_id": bad})).await.expect(200);
    assert_eq!(failed["status"], "failed");
}

#[actix_web::test]
async fn a_sync_start_answers_202_when_its_time_is_over_and_the_execution_goes_on() {
    let discovery = Options::new().variable("DISCOVERY_SYNC_TIMEOUT_SECONDS", "0.2").start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let reply = discovery.post("/execute", json!({"workflow_id": workflow})).await;
    let body = reply.expect(202);
    let id = body["execution_id"].as_str().unwrap();
    assert_eq!(reply.header("location"), Some(format!("/executions/{id}").as_str()));
    assert_eq!(
        (&body["status"], &body["tracking_url"]),
        (&json!("running"), &json!(format!("/executions/{id}/status")))
    );
    gate.open();
    assert_eq!(discovery.until_ended(id).await["status"], "completed");
    let quick = discovery.post(&format!("/workflows/{workflow}/execute"), json!({})).await.expect(200);
    assert_eq!(quick["status"], "completed");
}

#[actix_web::test]
async fn a_manual_start_is_answered_at_once_by_all_four() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let body = json!({"workflow_id": workflow, "mode": "manual"});
    for path in ["/execute".to_owned(), format!("/workflows/{workflow}/execute")] {
        let execution = discovery.post(&path, body.clone()).await.expect(200);
        assert_eq!((&execution["status"], &execution["mode"]), (&json!("running"), &json!("manual")));
    }
    for path in ["/execute-async".to_owned(), format!("/workflows/{workflow}/execute-async")] {
        let started = discovery.post(&path, body.clone()).await.expect(200);
        let status = discovery.status(started["execution_id"].as_str().unwrap()).await;
        assert_eq!((&status["mode"], &status["waiting_for"]), (&json!("manual"), &json!("next")));
    }
    assert_eq!(discovery.worker().deliveries().len(), 0);
}

#[actix_web::test]
async fn the_mode_of_the_workflow_holds_unless_the_start_names_one() {
    let discovery = Discovery::start().await;
    let manual = discovery.define(json!({"name": "m", "mode": "manual", "steps": [{"name": "a"}]})).await;
    let path = format!("/workflows/{manual}/execute");
    assert_eq!(discovery.post(&path, json!({})).await.expect(200)["mode"], "manual");
    let automatic = discovery.post(&path, json!({"mode": "automatic"})).await.expect(200);
    assert_eq!((&automatic["mode"], &automatic["status"]), (&json!("automatic"), &json!("completed")));
}

#[actix_web::test]
async fn all_ways_to_give_data_are_understood() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    for body in [
        json!({"data": {"x": 1, "y": {"z": [2]}}}),
        json!({"initial_data": {"x": 1, "y": {"z": [2]}}}),
        json!({"x": 1, "y": {"z": [2]}}),
        json!({"x": 1, "data": {"y": {"z": [2]}}, "mode": "automatic"}),
    ] {
        let context = context_of(&discovery, &workflow, body.clone()).await;
        for part in [&context, &context["dynamic_properties"]] {
            assert_eq!((&part["x"], &part["y"]["z"][0]), (&json!(1), &json!(2)), "{body}");
            assert!(part.get("data").is_none() && part.get("mode").is_none(), "{part}");
        }
    }
    let by_name = json!({"workflow_id": workflow, "initial_data": {"x": 1}, "ignored": 2});
    let context = discovery.post("/execute", by_name).await.expect(200)["context"].clone();
    assert_eq!((&context["x"], context.get("ignored")), (&json!(1), None));
}

#[actix_web::test]
async fn an_empty_body_starts_without_data() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let path = format!("/workflows/{workflow}/execute");
    for body in ["", "{}", " \n"] {
        let ran = discovery.http().request("POST", &path).body(body).send().await.expect(200);
        assert_eq!(ran["context"], json!({"execution_id": ran["id"], "dynamic_properties": {}}));
    }
}

#[actix_web::test]
async fn data_stands_in_both_places_and_what_is_given_there_wins() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let data = json!({"x": 1, "y": 1, "execution_id": "mine", "dynamic_properties": {"y": 2, "z": 3}});
    let context = context_of(&discovery, &workflow, json!({"data": data})).await;
    let expected = json!({"execution_id": context["execution_id"], "x": 1, "y": 1,
        "dynamic_properties": {"x": 1, "y": 2, "z": 3}});
    assert_eq!(context, expected);
    assert_eq!(discovery.worker().deliveries()[0].context(), &expected);
}

#[actix_web::test]
async fn a_step_s_answer_is_merged_key_by_key_and_never_changes_the_id() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("a", json!({"context": {"deep": {"new": 1}, "execution_id": "mine", "n": null}}));
    discovery.worker().answers("b", json!({"whole": 1, "x": 2}));
    let workflow = discovery.workflow(["a", "b"]).await;
    let context = context_of(&discovery, &workflow, json!({"data": {"x": 1, "deep": {"old": 1}}})).await;
    let expected = json!({"execution_id": context["execution_id"], "x": 2, "deep": {"new": 1}, "n": null, "whole": 1,
        "dynamic_properties": {"x": 1, "deep": {"old": 1}}});
    assert_eq!(context, expected);
    assert_eq!(discovery.worker().deliveries_of("b")[0].context()["deep"], json!({"new": 1}));
}

#[actix_web::test]
async fn a_bad_start_is_refused_and_starts_nothing() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let empty = discovery.define(json!({"name": "empty"})).await;
    let deep = (0..99).fold(json!(1), |inner, _| json!([inner]));
    let of_workflow = [
        (json!({"mode": "semi"}), "/mode"),
        (json!({"mode": 1}), "/mode"),
        (json!({"data": []}), "/data"),
        (json!({"data": "text"}), "/data"),
        (json!({"initial_data": 3}), "/initial_data"),
        (json!([1]), ""),
        (json!({"data": {"dynamic_properties": 1}}), "/data/dynamic_properties"),
        (json!({"data": {"a": [{"$payload": {"sha256": "0"}}]}}), "/data/a/0/$payload"),
        (json!({"top": {"$payload": 1}}), "/top/$payload"),
    ];
    for (body, pointer) in of_workflow {
        for call in ["execute", "execute-async"] {
            let reply = discovery.post(&format!("/workflows/{workflow}/{call}"), body.clone()).await;
            assert_eq!(reply.pointers(), [pointer], "{body}");
        }
    }
    for (body, pointer) in [(json!({}), "/workflow_id"), (json!({"workflow_id": 3}), "/workflow_id")] {
        assert_eq!(discovery.post("/execute", body).await.pointers(), [pointer]);
    }
    let refused = discovery.post(&format!("/workflows/{empty}/execute"), json!({})).await.problem(422);
    assert!(refused["detail"].as_str().unwrap().contains("no steps"), "{refused}");
    let too_deep = discovery.post(&format!("/workflows/{workflow}/execute"), json!({"data": {"a": deep}})).await;
    assert!([400, 422].contains(&too_deep.status), "{too_deep}");
    assert_eq!(discovery.get("/executions").await.expect(200)["pagination"]["total"], 0);
    assert_eq!(discovery.worker().deliveries().len(), 0);
}
