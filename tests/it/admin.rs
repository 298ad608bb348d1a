//! What operators see, and why something is not moving.

use serde_json::{Value, json};

use crate::support::{Act, Discovery, Options};

async fn actor(discovery: &Discovery, execution: &str) -> Value {
    discovery.get(&format!("/admin/actors/{execution}")).await.expect(200)
}

fn ids(actors: &Value) -> Vec<&str> {
    actors["actors"].as_array().unwrap().iter().map(|actor| actor["id"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn operators_see_every_live_actor_and_what_it_did() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let automatic = discovery.workflow(["a"]).await;
    let manual = discovery.define(json!({"name": "m", "mode": "manual", "steps": [{"name": "b"}]})).await;
    let calling = discovery.begin(&automatic, json!({})).await;
    let waiting = discovery.begin(&manual, json!({})).await;
    discovery.worker().until_called("a", 1).await;

    let all = discovery.get("/admin/actors?sort=id").await.expect(200);
    assert_eq!((&all["total"], ids(&all).len()), (&json!(3), 3), "two executions and the registry: {all}");
    let found = discovery.get("/admin/actors?kind=execution&state=calling").await.expect(200);
    assert_eq!(ids(&found), [calling.as_str()]);
    let found = discovery.get("/admin/actors?state=waiting_for_next&limit=1").await.expect(200);
    assert_eq!(ids(&found), [waiting.as_str()]);
    let by_age = |order: &str| format!("/admin/actors?kind=execution&sort={order}started_at&limit=1");
    assert_eq!(ids(&discovery.get(&by_age("")).await.expect(200)), [calling.as_str()]);
    assert_eq!(ids(&discovery.get(&by_age("-")).await.expect(200)), [waiting.as_str()]);
    discovery.get("/admin/actors?sort=beauty").await.problem(400);

    let detail = actor(&discovery, &calling).await;
    assert_eq!((&detail["state"], &detail["call"]["phase"]), (&json!("calling"), &json!("sent")));
    assert!(detail["open_call_since"].is_string() && detail["messages_handled"].as_u64() > Some(0), "{detail}");
    assert_eq!(detail["recent_messages"][0]["message"], "committed");
    let stats = discovery.get("/admin/stats").await.expect(200);
    assert_eq!(stats["actors"], json!({"calling": 1, "waiting_for_next": 1}));
    assert_eq!(stats["calls"]["workers"][0]["handlers"]["a"], json!({"open": 1, "waiting": 0}));
    assert!(stats["journal"]["commits"].as_u64() >= Some(2), "{stats}");

    gate.open();
    discovery.until_ended(&calling).await;
    discovery.get(&format!("/admin/actors/{}", uuid::Uuid::now_v7())).await.problem(404);
}

#[actix_web::test]
async fn a_restarted_actor_delivers_its_call_again_and_a_passivated_one_comes_back() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({"context": {"a": 1}})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    discovery.post(&format!("/admin/actors/{execution}/passivate"), json!({})).await.problem(409);
    let restarted = discovery.post(&format!("/admin/actors/{execution}/restart"), json!({})).await.expect(200);
    assert_eq!(restarted["restarts"], 0, "it did not crash");
    discovery.worker().until_called("a", 2).await;
    let keys: Vec<String> =
        discovery.worker().deliveries_of("a").iter().map(|call| call.idempotency_key().to_owned()).collect();
    assert_eq!(keys[0], keys[1]);
    gate.open();
    assert_eq!(discovery.until_ended(&execution).await["context"]["a"], 1);

    let manual = discovery.define(json!({"name": "m", "mode": "manual", "steps": [{"name": "b"}]})).await;
    let execution = discovery.begin(&manual, json!({})).await;
    let path = format!("/admin/actors/{execution}");
    assert_eq!(discovery.post(&format!("{path}/passivate"), json!({})).await.status, 204);
    discovery.get(&path).await.problem(404);
    discovery.post(&format!("{path}/passivate"), json!({})).await.problem(404);
    discovery.post(&format!("{path}/restart"), json!({})).await.problem(404);
    discovery.post(&format!("/executions/{execution}/next"), json!({})).await.expect(200);
    assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
}

#[actix_web::test]
async fn pages_of_other_sites_see_nothing_below_admin() {
    let discovery = Discovery::start().await;
    for path in ["/admin/actors", "/admin/stats"] {
        for origin in ["null", "http://evil.example", "http://127.0.0.1:1"] {
            discovery.http().request("GET", path).header("origin", origin).send().await.problem(403);
        }
        let own = discovery.http().url().trim_end_matches('/').to_owned();
        discovery.http().request("GET", path).header("origin", &own).send().await.expect(200);
    }
}

#[actix_web::test]
async fn why_says_what_an_execution_waits_for() {
    let discovery = Options::new().flag("--worker-restart-grace-seconds=600").start().await;
    discovery.worker().on("a", Act::status(503, json!({})));
    let retry = json!({"max_attempts": 3, "initial_interval_seconds": 60});
    let workflow = discovery.workflow([json!({"name": "a", "retry": retry})]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.until(&execution, |status| status["waiting_for"] == "retry").await;
    let why = discovery.get(&format!("/executions/{execution}/why")).await.expect(200);
    let sentence = why["explanation"].as_str().unwrap();
    assert!(sentence.starts_with("Step 'a', attempt 1 of 3, failed with HTTP 503; it is tried again in "), "{why}");
    assert_eq!((&why["status"], &why["waiting_for"]), (&json!("running"), &json!("retry")));
    assert!(why["next_action_at"].is_string(), "{why}");

    discovery.worker().go_away();
    let refused = discovery.workflow(["b"]).await;
    let execution = discovery.begin(&refused, json!({})).await;
    let path = format!("/executions/{execution}/why");
    let mut why = Value::Null;
    while !why["explanation"].as_str().is_some_and(|sentence| sentence.contains("refuses connections")) {
        why = discovery.get(&path).await.expect(200);
    }
    discovery.get(&format!("/executions/{}/why", uuid::Uuid::now_v7())).await.problem(404);
}
