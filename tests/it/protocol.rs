//! What Pioneer receives, and what it is asked beside steps.

use serde_json::json;

use crate::support::{Act, Discovery, Options};

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[actix_web::test]
async fn a_call_says_what_is_running_and_where_to_report() {
    let discovery = Discovery::start().await;
    let step = json!({"name": "Validación Usuario", "handler": "validate user", "config": {"strict": true, "n": [1]}});
    let workflow = discovery.workflow([step]).await;
    let step_id = discovery.get(&format!("/workflows/{workflow}/steps")).await.expect(200)[0]["id"].clone();
    let id = discovery.begin(&workflow, json!({"x": 1})).await;
    discovery.until_ended(&id).await;
    let call = &discovery.worker().deliveries()[0];
    assert_eq!((call.path.as_str(), call.handler.as_str()), ("/steps/validate%20user", "validate user"));
    let context = json!({"execution_id": id, "x": 1, "dynamic_properties": {"x": 1}});
    let body = json!({"step": "validate user", "context": context, "config": {"strict": true, "n": [1]}});
    assert_eq!(call.body, body);
    assert_eq!(call.idempotency_key(), format!("{id}/{}/1/1", step_id.as_str().unwrap()));
    assert_eq!(call.execution(), id);
    assert_eq!((call.header("discovery-step"), call.header("discovery-attempt")), ("validate%20user", "1"));
    assert!(call.header("content-type").starts_with("application/json"));
    let callback = call.header("discovery-callback-url");
    let expected = format!("{}/executions/{id}/steps/Validaci%C3%B3n%20Usuario", discovery.http().url());
    assert_eq!(callback, expected);
    let parts: Vec<_> = call.header("traceparent").split('-').collect();
    assert!(
        parts.len() == 4 && parts[0] == "00" && is_hex(parts[1], 32) && is_hex(parts[2], 16) && is_hex(parts[3], 2)
    );
    assert!(parts[1].bytes().any(|byte| byte != b'0') && parts[2].bytes().any(|byte| byte != b'0'));
}

#[actix_web::test]
async fn the_callback_url_works_as_it_is_given() {
    let discovery = Options::new().flag("--base-path=/discovery").worker_below("/pioneer").start().await;
    discovery.worker().does("ñandú ½ ?#%", |call| async move {
        call.progress(json!({"percentage": 50})).await.expect(200);
        call.complete(json!({})).await.expect(200);
        Act::answer(json!({"context": {"path": call.path}}))
    });
    let status = discovery.run(["ñandú ½ ?#%"], json!({})).await;
    assert_eq!(status["status"], "completed", "{status}");
    let path = status["context"]["path"].as_str().unwrap();
    assert!(path.starts_with("/pioneer/steps/%C3%B1and%C3%BA%20"), "{path}");
}

#[actix_web::test]
async fn a_public_url_is_what_callbacks_are_built_on() {
    let discovery = Options::new().variable("DISCOVERY_PUBLIC_URL", "https://example.com/d/").start().await;
    let status = discovery.run(["a"], json!({})).await;
    let id = status["execution_id"].as_str().unwrap();
    let expected = format!("https://example.com/d/executions/{id}/steps/a");
    assert_eq!(discovery.worker().deliveries()[0].header("discovery-callback-url"), expected);
}

#[actix_web::test]
async fn available_steps_are_what_pioneer_answers() {
    let discovery = Options::new().worker_below("/pioneer").start().await;
    let catalogue = json!({"service": "p", "total_count": 1,
        "available_steps": [{"name": "ocr", "description": "Reads", "full_doc": "Reads\nall."}]});
    discovery.worker().lists(Act::answer(catalogue.clone()));
    assert_eq!(discovery.get("/available-steps").await.expect(200), catalogue);
    for act in [Act::status(500, json!({})), Act::text(200, "text/html", "<p>"), Act::Break] {
        discovery.worker().lists(act);
        discovery.get("/available-steps").await.problem(502);
    }
    discovery.worker().go_away();
    discovery.get("/available-steps").await.problem(502);
}

#[actix_web::test]
async fn steps_that_share_a_handler_have_keys_and_callbacks_of_their_own() {
    let discovery = Discovery::start().await;
    let steps = [json!({"name": "one", "handler": "mail"}), json!({"name": "two", "handler": "mail"})];
    discovery.run(steps, json!({})).await;
    let calls = discovery.worker().deliveries_of("mail");
    assert_ne!(calls[0].idempotency_key(), calls[1].idempotency_key());
    for (call, name) in calls.iter().zip(["one", "two"]) {
        assert!(call.header("discovery-callback-url").ends_with(&format!("/steps/{name}")));
    }
}
