//! Steps of a workflow: added, changed, taken away.

use serde_json::{Value, json};

use crate::support::{Act, Discovery};

fn id_of(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

#[actix_web::test]
async fn a_step_is_added_behind_the_others_and_makes_a_version() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a", "b"]).await;
    let steps = format!("/workflows/{workflow}/steps");
    let added = discovery.post(&steps, json!({"name": "Validación Usuario", "handler": "validate_user"})).await;
    let step = added.expect(201);
    assert_eq!(added.header("location"), Some(format!("/steps/{}", id_of(&step)).as_str()));
    assert_eq!((&step["order"], &step["workflow_id"]), (&json!(3), &json!(workflow)));
    assert_eq!(discovery.get(&format!("/steps/{}", id_of(&step))).await.expect(200), step);
    let listed = discovery.get(&steps).await.expect(200);
    assert_eq!((listed.as_array().unwrap().len(), &listed[2]), (3, &step));
    assert_eq!(discovery.get(&format!("/workflows/{workflow}")).await.expect(200)["version"], 2);
    discovery.post(&steps, json!({"name": "a"})).await.problem(409);
    discovery.post(&steps, json!({"name": "d", "order": 2})).await.problem(409);
    assert_eq!(discovery.post(&steps, json!({"name": "d", "color": 1})).await.pointers(), ["/color"]);
    assert_eq!(discovery.post(&steps, json!({})).await.pointers(), ["/name"]);
    assert_eq!(discovery.get(&format!("/workflows/{workflow}")).await.expect(200)["version"], 2);
}

#[actix_web::test]
async fn a_step_is_changed_in_what_is_named() {
    let discovery = Discovery::start().await;
    let config = json!({"name": "a", "config": {"k": 1}});
    let workflow = discovery.workflow([config, json!("b")]).await;
    let steps = discovery.get(&format!("/workflows/{workflow}/steps")).await.expect(200);
    let path = format!("/steps/{}", id_of(&steps[0]));
    let patched = discovery.http().patch(&path, json!({"max_visits": 3, "timeout_seconds": 0.5})).await.expect(200);
    assert_eq!((&patched["max_visits"], &patched["timeout_seconds"]), (&json!(3), &json!(0.5)));
    assert_eq!((&patched["config"], &patched["id"]), (&json!({"k": 1}), &steps[0]["id"]));
    discovery.http().patch(&path, json!({"name": "b"})).await.problem(409);
    discovery.http().patch(&path, json!({"order": 2})).await.problem(409);
    assert_eq!(discovery.http().patch(&path, json!({"max_visits": 0})).await.pointers(), ["/max_visits"]);
    assert_eq!(discovery.get(&format!("/workflows/{workflow}")).await.expect(200)["version"], 2);
    let later = discovery.http().patch(&path, json!({"order": 9})).await.expect(200);
    assert_eq!(later["order"], 9);
    let listed = discovery.get(&format!("/workflows/{workflow}/steps")).await.expect(200);
    assert_eq!((&listed[0]["name"], &listed[1]["name"]), (&json!("b"), &json!("a")), "in their order");
}

#[actix_web::test]
async fn a_deleted_step_is_gone_for_new_executions_only() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let old = discovery.begin(&workflow, json!({})).await;
    let steps = discovery.get(&format!("/workflows/{workflow}/steps")).await.expect(200);
    let path = format!("/steps/{}", id_of(&steps[1]));
    discovery.http().delete(&path).await.expect(204);
    for reply in [
        discovery.get(&path).await,
        discovery.http().delete(&path).await,
        discovery.http().patch(&path, json!({"order": 5})).await,
    ] {
        reply.problem(404);
    }
    let new = discovery.begin(&workflow, json!({})).await;
    gate.open();
    let total = async |execution: &str| discovery.until_ended(execution).await["progress"]["total_steps"].clone();
    assert_eq!((total(&old).await, total(&new).await), (json!(2), json!(1)));
}

#[actix_web::test]
async fn steps_of_what_is_not_there_are_not_there() {
    let discovery = Discovery::start().await;
    let nobody = "123e4567-e89b-12d3-a456-426614174009";
    discovery.get(&format!("/workflows/{nobody}/steps")).await.problem(404);
    discovery.post(&format!("/workflows/{nobody}/steps"), json!({"name": "a"})).await.problem(404);
    discovery.get(&format!("/steps/{nobody}")).await.problem(404);
    discovery.get("/steps/not-a-uuid").await.problem(400);
}
