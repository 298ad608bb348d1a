//! Which step follows.

use serde_json::{Value, json};

use crate::support::{Act, Discovery};

/// The handlers that were called, in their order.
fn called(discovery: &Discovery) -> Vec<String> {
    discovery.worker().deliveries().into_iter().map(|delivery| delivery.handler).collect()
}

fn steps() -> [Value; 4] {
    [
        json!({"name": "Decisión", "handler": "decide"}),
        json!({"name": "Aprobar Usuario", "handler": "approve_user", "end": true}),
        json!({"name": "Rechazar Usuario", "handler": "reject_user"}),
        json!({"name": "Fin", "handler": "fin"}),
    ]
}

#[actix_web::test]
async fn an_answer_names_the_next_step_by_name_or_handler_encoded_or_not() {
    for next in ["Rechazar Usuario", "reject_user", "Rechazar%20Usuario"] {
        let discovery = Discovery::start().await;
        discovery.worker().answers("decide", json!({"context": {"ok": false}, "next": next}));
        let status = discovery.run(steps(), json!({})).await;
        assert_eq!(status["status"], "completed", "{next}: {status}");
        assert_eq!(called(&discovery), ["decide", "reject_user", "fin"]);
        let finished = discovery.event(status["execution_id"].as_str().unwrap(), "step_finished").await;
        assert_eq!(finished["next"], "reject_user");
    }
}

#[actix_web::test]
async fn a_step_with_end_ends_it_whatever_follows_in_order() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("decide", json!({"next": null}));
    let status = discovery.run(steps(), json!({})).await;
    assert_eq!(
        (&status["status"], called(&discovery)),
        (&json!("completed"), vec!["decide".into(), "approve_user".into()])
    );
    assert_eq!(status["progress"]["skipped_steps"], 2);
}

#[actix_web::test]
async fn a_name_goes_before_a_handler() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("start", json!({"next": "x"}));
    let steps =
        [json!({"name": "start"}), json!({"name": "first", "handler": "x"}), json!({"name": "x", "handler": "named"})];
    discovery.run(steps, json!({})).await;
    assert_eq!(called(&discovery), ["start", "named"]);
}

#[actix_web::test]
async fn of_steps_that_share_a_handler_the_first_in_order_is_meant() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("start", json!({"next": "mail"}));
    let steps = [
        json!({"name": "start"}),
        json!({"name": "between"}),
        json!({"name": "one", "handler": "mail", "end": true}),
        json!({"name": "two", "handler": "mail"}),
    ];
    let status = discovery.run(steps, json!({})).await;
    assert_eq!(status["steps_history"][1]["step_name"], "one");
}

#[actix_web::test]
async fn a_loop_runs_as_often_as_max_visits_allows() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("again", json!({"context": {"n": 1}, "next": "Otra vez"}));
    let steps = [json!({"name": "Otra vez", "handler": "again", "max_visits": 3}), json!({"name": "b"})];
    let status = discovery.run(steps, json!({})).await;
    assert_eq!((&status["status"], &status["error"]["type"]), (&json!("failed"), &json!("MaxVisitsExceeded")));
    assert_eq!(called(&discovery), ["again"; 3]);
    let id = status["execution_id"].as_str().unwrap();
    let keys: Vec<_> = discovery.worker().deliveries().iter().map(|one| one.idempotency_key().to_owned()).collect();
    let visit = |key: &String| key.rsplit('/').take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(keys.iter().map(visit).collect::<Vec<_>>(), [["1", "1"], ["1", "2"], ["1", "3"]]);
    let exceeded = discovery.event(id, "max_visits_exceeded").await;
    let named = [&exceeded["step"], &exceeded["step_name"], &exceeded["max_visits"]];
    assert_eq!(named, [&json!("again"), &json!("Otra vez"), &json!(3)]);
    assert_eq!(discovery.event_names(id).await.last().unwrap(), "workflow_failed");
}

#[actix_web::test]
async fn a_next_that_names_no_step_fails_and_says_what_there_is() {
    for next in [json!("nowhere"), json!("")] {
        let discovery = Discovery::start().await;
        discovery.worker().answers("decide", json!({"context": {"lost": 1}, "next": next}));
        let status = discovery.run(steps(), json!({})).await;
        assert_eq!((&status["status"], &status["error"]["type"]), (&json!("failed"), &json!("UnknownStep")));
        let message = status["error"]["message"].as_str().unwrap();
        assert!(message.contains("Rechazar Usuario"), "{message}");
        assert_eq!(status["current_step"]["name"], "Decisión");
    }
}

#[actix_web::test]
async fn a_next_that_is_no_string_is_an_invalid_answer() {
    let discovery = Discovery::start().await;
    discovery.worker().on("decide", Act::answer(json!({"next": 3})));
    let status = discovery.run(steps(), json!({})).await;
    assert_eq!(status["error"]["type"], "InvalidAnswer");
}
