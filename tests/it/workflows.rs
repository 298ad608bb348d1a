//! Workflows: created, replaced, changed, deleted, listed.

use serde_json::{Value, json};

use crate::support::{Act, Discovery};

const ID: &str = "123e4567-e89b-12d3-a456-426614174000";

fn names_of(workflow: &Value) -> Vec<&str> {
    workflow["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect()
}

fn is_a_time(value: &Value) -> bool {
    let text = value.as_str().unwrap();
    text.len() == "2025-08-22T10:30:00.000Z".len() && text.ends_with('Z') && text.as_bytes()[19] == b'.'
}

#[actix_web::test]
async fn a_created_workflow_is_answered_with_its_defaults_and_its_place() {
    let discovery = Discovery::start().await;
    let created = discovery.post("/workflows", json!({"name": "Documentos", "steps": [{"name": "Carga"}]})).await;
    let mut workflow = created.expect(201);
    let id = workflow["id"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), Some(format!("/workflows/{id}").as_str()));
    assert_eq!(discovery.get(&format!("/workflows/{id}")).await.expect(200), workflow);
    assert_eq!(&id[14..15], "7", "a new id is a UUID of version 7");
    let step_id = workflow["steps"][0]["id"].take();
    for place in ["/created_at", "/updated_at", "/steps/0/created_at", "/steps/0/updated_at"] {
        let time = workflow.pointer_mut(place).unwrap().take();
        assert!(is_a_time(&time), "{place}: {time}");
    }
    assert_eq!(discovery.get(&format!("/steps/{}", step_id.as_str().unwrap())).await.expect(200)["name"], "Carga");
    let retry = json!({"max_attempts": 1, "initial_interval_seconds": 1, "backoff_coefficient": 2.0,
        "max_interval_seconds": 60, "jitter": true, "non_retryable_errors": [], "on_exhausted": "fail"});
    let step = json!({"id": null, "workflow_id": id, "created_at": null, "updated_at": null, "name": "Carga",
        "handler": "Carga", "order": 1, "max_visits": 1, "config": {}, "timeout_seconds": 3600,
        "heartbeat_timeout_seconds": null, "retry": retry, "end": false});
    let expected = json!({"id": id, "name": "Documentos", "description": null, "mode": "automatic",
        "timeout_seconds": null, "version": 1, "created_at": null, "updated_at": null, "steps": [step]});
    assert_eq!(workflow, expected);
}

#[actix_web::test]
async fn a_given_id_is_taken_once() {
    let discovery = Discovery::start().await;
    let body = json!({"id": ID, "name": "w"});
    assert_eq!(discovery.post("/workflows", body.clone()).await.expect(201)["id"], ID);
    discovery.post("/workflows", body).await.problem(409);
    assert_eq!(discovery.post("/workflows", json!({"id": "x", "name": "w"})).await.pointers(), ["/id"]);
}

#[actix_web::test]
async fn put_creates_then_replaces_and_the_same_again_makes_no_version() {
    let discovery = Discovery::start().await;
    let path = format!("/workflows/{ID}");
    let first = json!({"name": "w", "steps": [{"name": "a"}, {"name": "b"}]});
    let created = discovery.http().put(&path, first.clone()).await;
    assert_eq!((created.expect(201)["version"].clone(), created.header("location")), (json!(1), Some(path.as_str())));
    let same = discovery.http().put(&path, first).await.expect(200);
    assert_eq!(same, created.json());
    let second = json!({"name": "w2", "mode": "manual", "steps": [{"name": "c"}, {"name": "a", "max_visits": 2}]});
    let replaced = discovery.http().put(&path, second).await.expect(200);
    assert_eq!(
        (&replaced["version"], &replaced["name"], &replaced["mode"]),
        (&json!(2), &json!("w2"), &json!("manual"))
    );
    assert_eq!(names_of(&replaced), ["c", "a"]);
    assert_eq!(replaced["steps"][1]["id"], same["steps"][0]["id"], "a step keeps its id by its name");
    let gone = discovery.get(&format!("/steps/{}", same["steps"][1]["id"].as_str().unwrap())).await;
    gone.problem(404);
    let other = json!({"id": "123e4567-e89b-12d3-a456-426614174001", "name": "w"});
    assert_eq!(discovery.http().put(&path, other).await.pointers(), ["/id"]);
    discovery.http().put(&path, json!({"id": ID, "name": "w3"})).await.expect(200);
}

#[actix_web::test]
async fn a_deleted_workflow_is_hidden_and_put_brings_it_back() {
    let discovery = Discovery::start().await;
    let path = format!("/workflows/{ID}");
    let body = json!({"name": "w", "steps": [{"name": "a"}]});
    let before = discovery.http().put(&path, body.clone()).await.expect(201);
    let execution = discovery.begin(ID, json!({})).await;
    discovery.until_ended(&execution).await;
    let deleted = discovery.http().delete(&path).await;
    assert_eq!((deleted.status, deleted.bytes.len()), (204, 0));
    for reply in [
        discovery.get(&path).await,
        discovery.http().delete(&path).await,
        discovery.http().patch(&path, json!({"name": "x"})).await,
        discovery.get(&format!("{path}/steps")).await,
        discovery.post(&format!("{path}/execute-async"), json!({})).await,
        discovery.get(&format!("/steps/{}", before["steps"][0]["id"].as_str().unwrap())).await,
    ] {
        reply.problem(404);
    }
    assert_eq!(discovery.get("/workflows").await.expect(200), json!([]));
    assert_eq!(discovery.status(&execution).await["workflow_name"], "w", "its executions can still be read");
    let list = discovery.get(&format!("{path}/executions")).await.expect(200);
    assert_eq!(list["pagination"]["total"], 1);
    let back = discovery.http().put(&path, body).await;
    assert!([200, 201].contains(&back.status), "{back}");
    assert!(back.json()["version"].as_u64() > before["version"].as_u64());
    discovery.get(&path).await.expect(200);
}

#[actix_web::test]
async fn a_workflow_with_live_executions_is_not_deleted() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    let path = format!("/workflows/{workflow}");
    discovery.http().delete(&path).await.problem(409);
    gate.open();
    discovery.until_ended(&execution).await;
    discovery.http().delete(&path).await.expect(204);
}

#[actix_web::test]
async fn patch_changes_what_it_names() {
    let discovery = Discovery::start().await;
    let body = json!({"name": "w", "description": "d", "timeout_seconds": 1.5, "steps": [{"name": "a"}]});
    let workflow = discovery.define(body).await;
    let path = format!("/workflows/{workflow}");
    let patched = discovery.http().patch(&path, json!({"name": "v"})).await.expect(200);
    assert_eq!((&patched["name"], &patched["description"], &patched["version"]), (&json!("v"), &json!("d"), &json!(2)));
    assert_eq!((&patched["timeout_seconds"], names_of(&patched)), (&json!(1.5), vec!["a"]));
    let cleared = discovery.http().patch(&path, json!({"description": null, "timeout_seconds": null})).await;
    assert_eq!(cleared.expect(200)["description"], Value::Null);
    assert_eq!(cleared.json()["timeout_seconds"], Value::Null);
    assert_eq!(discovery.http().patch(&path, json!({"mode": "auto"})).await.pointers(), ["/mode"]);
    assert_eq!(discovery.http().patch(&path, json!({"nmae": "x"})).await.pointers(), ["/nmae"]);
    assert_eq!(discovery.get(&path).await.expect(200)["version"], 3, "a refused change makes no version");
}

#[actix_web::test]
async fn a_definition_may_be_yaml() {
    let discovery = Discovery::start().await;
    let yaml = "name: Documentos\nsteps:\n  - name: Validación Usuario\n    handler: validate_user\n    retry: {max_attempts: 3}\n";
    for (method, path, media) in [
        ("POST", "/workflows".to_owned(), "application/yaml"),
        ("PUT", format!("/workflows/{ID}"), "application/yaml; charset=utf-8"),
    ] {
        let request = discovery.http().request(method, &path).header("content-type", media).body(yaml);
        let workflow = request.send().await.expect(201);
        assert_eq!(workflow["steps"][0]["handler"], "validate_user");
        assert_eq!(workflow["steps"][0]["retry"]["max_attempts"], 3);
    }
    let bad = discovery.http().request("POST", "/workflows").header("content-type", "application/yaml").body("a: [");
    bad.send().await.problem(400);
}

#[actix_web::test]
async fn a_bad_definition_is_refused_field_by_field() {
    let discovery = Discovery::start().await;
    let step = |field: &str, value: Value| json!({"name": "w", "steps": [{"name": "a"}, {"name": "b", field: value}]});
    let table = [
        (json!({}), vec!["/name"]),
        (json!([]), vec![""]),
        (json!({"name": ""}), vec!["/name"]),
        (json!({"name": "x".repeat(129)}), vec!["/name"]),
        (json!({"name": "a\nb"}), vec!["/name"]),
        (json!({"name": "a\u{0}"}), vec!["/name"]),
        (json!({"name": 3, "mode": "fast", "steps": {}}), vec!["/mode", "/name", "/steps"]),
        (json!({"name": "w", "timeout_seconds": 0}), vec!["/timeout_seconds"]),
        (json!({"name": "w", "color": "red"}), vec!["/color"]),
        (json!({"name": "w", "steps": ["a"]}), vec!["/steps/0"]),
        (json!({"name": "w", "steps": [{"name": "a"}, {"name": "a"}]}), vec!["/steps/1/name"]),
        (step("order", json!(1)), vec!["/steps/1/order"]),
        (step("order", json!(1.5)), vec!["/steps/1/order"]),
        (step("handler", json!("a/b")), vec!["/steps/1/handler"]),
        (step("handler", json!("..")), vec!["/steps/1/handler"]),
        (step("max_visits", json!(0)), vec!["/steps/1/max_visits"]),
        (step("max_visits", json!(1e300)), vec!["/steps/1/max_visits"]),
        (step("config", json!([])), vec!["/steps/1/config"]),
        (step("config", json!({"$payload": {}})), vec!["/steps/1/config"]),
        (step("timeout_seconds", json!(-1)), vec!["/steps/1/timeout_seconds"]),
        (step("timeout_seconds", json!("1")), vec!["/steps/1/timeout_seconds"]),
        (step("heartbeat_timeout_seconds", json!(0)), vec!["/steps/1/heartbeat_timeout_seconds"]),
        (step("end", json!("yes")), vec!["/steps/1/end"]),
        (step("retry", json!({"max_attempts": 0})), vec!["/steps/1/retry/max_attempts"]),
        (step("retry", json!({"on_exhausted": "cry"})), vec!["/steps/1/retry/on_exhausted"]),
        (step("retry", json!({"tries": 1})), vec!["/steps/1/retry/tries"]),
        (step("name", json!("a/b")), vec!["/steps/1/handler"]),
        (step("nmae", json!("b")), vec!["/steps/1/nmae"]),
    ];
    for (body, pointers) in table {
        let reply = discovery.post("/workflows", body.clone()).await;
        let mut found = reply.pointers();
        found.sort_unstable();
        assert_eq!(found, pointers, "{body}: {reply}");
    }
    assert_eq!(discovery.get("/workflows").await.expect(200), json!([]), "nothing is half-written");
}

#[actix_web::test]
async fn workflows_are_listed_a_page_at_a_time() {
    let discovery = Discovery::start().await;
    for number in 0..23 {
        discovery.define(json!({"name": format!("w{number}")})).await;
    }
    let count = |reply: crate::support::Reply| {
        let total = reply.header("x-total-count").map(str::to_owned);
        (reply.expect(200).as_array().unwrap().len(), total)
    };
    let total = Some("23".to_owned());
    for (query, length) in
        [("", 20), ("?limit=5", 5), ("?limit=1000", 23), ("?offset=20", 3), ("?limit=5&offset=30", 0)]
    {
        assert_eq!(count(discovery.get(&format!("/workflows{query}")).await), (length, total.clone()), "{query}");
    }
    let mut seen = Vec::new();
    for offset in [0, 10, 20] {
        let page = discovery.get(&format!("/workflows?limit=10&offset={offset}")).await.expect(200);
        seen.extend(page.as_array().unwrap().iter().map(|workflow| workflow["id"].as_str().unwrap().to_owned()));
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 23, "no repeats and no holes");
    for bad in ["limit=0", "limit=x", "offset=-1", "limit=1&limit=2"] {
        discovery.get(&format!("/workflows?{bad}")).await.problem(400);
    }
}

#[actix_web::test]
async fn an_execution_keeps_the_version_that_it_started_with() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    let replaced = json!({"name": "other", "steps": [{"name": "z"}]});
    discovery.http().put(&format!("/workflows/{workflow}"), replaced).await.expect(200);
    gate.open();
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["workflow_version"]), (&json!("completed"), &json!(1)));
    assert_eq!((&status["workflow_name"], &status["progress"]["completed_steps"]), (&json!("w"), &json!(2)));
    assert!(discovery.worker().deliveries_of("z").is_empty());
}
