//! Step tokens: what proves that a report comes from the attempt that was called.

use serde_json::{Value, json};

use crate::support::{Act, Delivery, Discovery, Options, Reply};

const SECRET: &str = "a secret of the tests alone";

fn token(call: &Delivery) -> String {
    call.header("discovery-step-token").to_owned()
}

/// Reports about the step `one` of `execution` with these values of the header.
async fn report(discovery: &Discovery, execution: &str, kind: &str, body: &Value, tokens: &[&str]) -> Reply {
    let path = format!("/executions/{execution}/steps/one/{kind}");
    let request = discovery.http().request("POST", &path).json(body);
    let request = tokens.iter().fold(request, |request, token| request.another_header("discovery-step-token", token));
    request.send().await
}

fn reports() -> [(&'static str, Value); 2] {
    [("progress", json!({"percentage": 50})), ("complete", json!({"data": {"told": 1}}))]
}

#[actix_web::test]
async fn a_report_with_the_token_of_its_call_counts_and_a_forged_one_changes_nothing() {
    let discovery = Options::new().variable("DISCOVERY_LOG", "trace").start().await;
    let gate = discovery.worker().holds("one", Act::answer(json!({})));
    let workflow = discovery.workflow(["one"]).await;
    let (id, other) = (discovery.begin(&workflow, json!({})).await, discovery.begin(&workflow, json!({})).await);
    let calls = discovery.worker().until_called("one", 2).await;
    let of = |id: &str| token(calls.iter().find(|call| call.execution() == id).unwrap());
    let (good, foreign) = (of(&id), of(&other));
    assert!(good.len() < 100 && good != foreign && good.bytes().all(|byte| byte.is_ascii_graphic()), "{good}");

    let swapped = format!("{}{}", &foreign[..32], &good[32..]);
    let longer = format!("{good}AAAA");
    for forged in ["", "nonsense", "ñ", &good[..good.len() - 4], &longer, &foreign, &swapped, &good.to_lowercase()] {
        for (kind, body) in reports() {
            let refused = report(&discovery, &id, kind, &body, &[forged]).await;
            refused.problem(401);
            assert_eq!(refused.header("www-authenticate"), Some("Discovery-Step-Token"), "{forged}");
        }
    }
    for (kind, body) in reports() {
        report(&discovery, &id, kind, &body, &[&good, &good]).await.problem(400);
    }
    assert_eq!(discovery.event_names(&id).await, ["workflow_started", "step_started"]);
    for (kind, body) in reports() {
        report(&discovery, &id, kind, &body, &[&good]).await.expect(200);
    }
    gate.open();
    assert_eq!(discovery.until_ended(&id).await["status"], "completed");
    report(&discovery, &id, "progress", &json!({"percentage": 1}), &[&good]).await.problem(409);
    assert!(!discovery.log().contains(&good[32..]), "a token is not written to the log");
}

#[actix_web::test]
async fn a_late_report_from_an_old_attempt_changes_nothing() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("one", Act::answer(json!({"next": "one"})));
    let workflow = discovery.workflow([json!({"name": "one", "max_visits": 2})]).await;
    let id = discovery.begin(&workflow, json!({})).await;
    let old = token(&discovery.worker().until_called("one", 1).await[0]);
    let held = discovery.worker().holds("one", Act::answer(json!({})));
    gate.open();
    let current = token(&discovery.worker().until_called("one", 2).await[1]);
    assert_ne!(old, current);

    let before = discovery.events(&id).await;
    for (kind, body) in reports() {
        report(&discovery, &id, kind, &body, &[&old]).await.problem(409);
    }
    assert_eq!(discovery.events(&id).await, before);
    for (kind, body) in reports() {
        report(&discovery, &id, kind, &body, &[&current]).await.expect(200);
        report(&discovery, &id, kind, &body, &[]).await.expect(200);
    }
    held.open();
    discovery.until_ended(&id).await;
}

#[actix_web::test]
async fn a_token_outlives_a_kill() {
    let mut discovery = Discovery::start().await;
    let gate = discovery.worker().holds("one", Act::answer(json!({})));
    let workflow = discovery.workflow(["one"]).await;
    let id = discovery.begin(&workflow, json!({})).await;
    let before = token(&discovery.worker().until_called("one", 1).await[0]);
    discovery.restart().await;
    let again = token(&discovery.worker().until_called("one", 2).await[1]);
    assert_eq!(again, before, "the same delivery has the same token");
    report(&discovery, &id, "progress", &json!({"percentage": 50}), &[&before]).await.expect(200);
    gate.open();
    discovery.until_ended(&id).await;
}

#[actix_web::test]
async fn a_secret_of_the_operator_signs_tokens_and_another_one_does_not_know_them() {
    let mut discovery = Options::new().variable("DISCOVERY_SECRET", SECRET).start().await;
    let gate = discovery.worker().holds("one", Act::answer(json!({})));
    let workflow = discovery.workflow(["one"]).await;
    let id = discovery.begin(&workflow, json!({})).await;
    let signed = token(&discovery.worker().until_called("one", 1).await[0]);
    discovery.restart().await;
    report(&discovery, &id, "progress", &json!({"percentage": 50}), &[&signed]).await.expect(200);
    discovery.worker().until_called("one", 2).await;
    discovery.add_flag("--secret=another secret, as it may be");
    discovery.restart().await;
    report(&discovery, &id, "progress", &json!({"percentage": 60}), &[&signed]).await.problem(401);
    assert_ne!(token(&discovery.worker().until_called("one", 3).await[2]), signed);
    gate.open();
    discovery.until_ended(&id).await;
    assert!(!discovery.log().contains("secret"));
}

#[actix_web::test]
async fn a_short_secret_is_refused_and_not_shown() {
    let refusal = Options::new().variable("DISCOVERY_SECRET", "hunter2").run("serve").await;
    assert_ne!(refusal.code, Some(0));
    assert!(refusal.stderr.contains("DISCOVERY_SECRET is too short"), "{}", refusal.stderr);
    assert!(!format!("{}{}", refusal.stdout, refusal.stderr).contains("hunter2"));
}
