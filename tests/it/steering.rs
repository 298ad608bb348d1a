//! People who step in.

use serde_json::json;

use crate::support::{Act, Discovery};

#[actix_web::test]
async fn a_paused_execution_goes_on_when_it_is_resumed_also_after_a_restart() {
    let mut discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({"context": {"a": 1}})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;

    let asked = discovery.post(&format!("/executions/{execution}/pause"), json!({"reason": "lunch"})).await;
    assert_eq!((asked.status, &asked.json()["status"]), (200, &json!("running")));
    let status = discovery.status(&execution).await;
    assert_eq!(status["pause_requested"], true);
    let report = discovery.post(&format!("/executions/{execution}/steps/a/progress"), json!({"percentage": 1})).await;
    assert_eq!(report.json()["execution_status"], "pausing");
    gate.open();
    let status = discovery.until(&execution, |status| status["status"] == "paused").await;
    assert_eq!((&status["pause_requested"], &status["current_step"]["name"]), (&json!(false), &json!("b")));
    assert_eq!(discovery.post(&format!("/executions/{execution}/next"), json!({})).await.status, 400);

    discovery.restart().await;
    assert_eq!(discovery.status(&execution).await["status"], "paused");
    let resumed = discovery.post(&format!("/executions/{execution}/resume"), json!({})).await;
    assert_eq!((resumed.status, &resumed.json()["status"]), (200, &json!("running")));
    let status = discovery.until_ended(&execution).await;
    assert_eq!(status["status"], "completed");
    assert_eq!(discovery.worker().deliveries_of("a").len(), 1, "what was done is not done again");
    assert_eq!(discovery.post(&format!("/executions/{execution}/pause"), json!({})).await.status, 409);
    assert_eq!(discovery.post(&format!("/executions/{execution}/resume"), json!({})).await.status, 409);
}

#[actix_web::test]
async fn what_clients_attach_is_kept_shown_and_told_also_after_the_end() {
    let mut discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.until_ended(&execution).await;
    let path = format!("/executions/{execution}/properties");
    let nothing = json!({"execution_id": execution, "additional_data": {}, "custom_status": null});
    assert_eq!(discovery.get(&path).await.expect(200), nothing);

    let patch = json!({"additional_data": {"caso": 7}, "custom_status": "en revisión"});
    let set = discovery.http().patch(&path, patch.clone()).await.expect(200);
    assert_eq!((&set["additional_data"], &set["custom_status"]), (&json!({"caso": 7}), &json!("en revisión")));
    assert_eq!(discovery.http().patch(&path, patch).await.expect(200), set, "the same again changes nothing");
    assert_eq!(discovery.event_names(&execution).await.last().unwrap(), "execution_properties_updated");
    assert_eq!(discovery.events(&execution).await.len(), 5);
    for bad in [json!({"additional_data": 3}), json!({"custom_status": []}), json!({"custom_status": "\0"}), json!([])]
    {
        discovery.http().patch(&path, bad).await.problem(422);
    }

    discovery.restart().await;
    assert_eq!(discovery.get(&path).await.expect(200), set);
    let status = discovery.status(&execution).await;
    assert_eq!((&status["status"], &status["custom_status"]), (&json!("completed"), &json!("en revisión")));
    let listed = discovery.get("/executions").await.expect(200);
    assert_eq!(listed["executions"][0]["additional_data"], json!({"caso": 7}));
    let cleared = discovery.http().patch(&path, json!({"additional_data": null})).await.expect(200);
    assert_eq!((&cleared["additional_data"], &cleared["custom_status"]), (&json!({}), &json!("en revisión")));
}
