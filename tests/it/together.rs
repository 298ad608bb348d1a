//! Many at once, and the odd requests that only programs send.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Act, Discovery};

const ID: &str = "123e4567-e89b-12d3-a456-426614174000";

#[actix_web::test]
async fn of_many_who_create_one_id_one_succeeds() {
    let discovery = Discovery::start().await;
    let creations = (0..20).map(|number| discovery.post("/workflows", json!({"id": ID, "name": format!("w{number}")})));
    let replies = join_all(creations).await;
    let created: Vec<_> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert_eq!(created.len(), 1);
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        refused.problem(409);
    }
    assert_eq!(discovery.get(&format!("/workflows/{ID}")).await.expect(200), created[0].json());
}

#[actix_web::test]
async fn the_same_definition_put_many_times_at_once_makes_one_version() {
    let discovery = Discovery::start().await;
    let (path, body) = (format!("/workflows/{ID}"), json!({"name": "w", "steps": [{"name": "a"}]}));
    let replies = join_all((0..20).map(|_| discovery.http().put(&path, body.clone()))).await;
    for reply in &replies {
        assert!([200, 201].contains(&reply.status), "{reply}");
        assert_eq!(reply.json()["version"], 1);
    }
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
}

#[actix_web::test]
async fn steps_that_are_added_at_once_are_all_there_or_refused() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let path = format!("/workflows/{workflow}/steps");
    let additions = (0..10).map(|number| discovery.post(&path, json!({"name": format!("s{number}")})));
    let replies = join_all(additions).await;
    let added = replies.iter().filter(|reply| reply.status == 201).count();
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        refused.problem(503);
        assert!(refused.header("retry-after").is_some(), "{refused}");
    }
    let listed = discovery.get(&path).await.expect(200);
    assert_eq!(listed.as_array().unwrap().len(), 1 + added);
    let mut orders: Vec<_> = listed.as_array().unwrap().iter().map(|step| step["order"].as_u64().unwrap()).collect();
    orders.dedup();
    assert_eq!(orders.len(), 1 + added, "no order twice");
    assert_eq!(discovery.get(&format!("/workflows/{workflow}")).await.expect(200)["version"], 1 + added);
}

#[actix_web::test]
async fn of_many_who_ask_for_the_next_step_one_gets_it() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow =
        discovery.define(json!({"name": "m", "mode": "manual", "steps": [{"name": "a"}, {"name": "b"}]})).await;
    let id = discovery.begin(&workflow, json!({})).await;
    let path = format!("/executions/{id}/next");
    let asked = join_all((0..10).map(|_| discovery.post(&path, json!({}))));
    let (replies, ()) = futures_util::future::join(asked, async {
        discovery.worker().until_called("a", 1).await;
        // The others are refused while this one is held, and only then is it let go.
        discovery.post(&path, json!({})).await.problem(409);
        gate.open();
    })
    .await;
    let served = replies.iter().filter(|reply| reply.status == 200).count();
    assert!(served >= 1 && replies.iter().all(|reply| [200, 409].contains(&reply.status)), "{replies:?}");
    assert_eq!(discovery.worker().deliveries_of("a").len(), 1);
}

#[actix_web::test]
async fn a_hundred_executions_at_once_complete_each_with_its_own_data() {
    let discovery = Discovery::start().await;
    discovery.worker().does("a", |call| async move { Act::answer(json!({"context": {"seen": call.context()["n"]}})) });
    let workflow = discovery.workflow(["a", "b"]).await;
    let path = format!("/workflows/{workflow}/execute");
    let replies = join_all((0..100).map(|number| discovery.post(&path, json!({"n": number})))).await;
    for (number, reply) in replies.iter().enumerate() {
        let execution = reply.expect(200);
        assert_eq!((&execution["status"], &execution["context"]["seen"]), (&json!("completed"), &json!(number)));
    }
    let completed = discovery.get("/executions?status=completed").await.expect(200);
    assert_eq!(completed["pagination"]["total"], 100);
}

#[actix_web::test]
async fn a_document_is_delivered_whole_again_after_a_kill() {
    let mut discovery = Discovery::start().await;
    let gate = discovery.worker().holds("b", Act::answer(json!({})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let text = "0123456789abcdef".repeat(10_000);
    let id = discovery.begin(&workflow, json!({"pdf": text})).await;
    discovery.worker().until_called("b", 1).await;
    discovery.restart().await;
    let calls = discovery.worker().until_called("b", 2).await;
    assert!(calls[1].context()["pdf"] == text && calls[0].body == calls[1].body);
    gate.open();
    assert_eq!(discovery.until_ended(&id).await["status"], "completed");
}

#[actix_web::test]
async fn odd_paths_and_encodings_are_refused_in_words() {
    let discovery = Discovery::start().await;
    let status = discovery.run(["a"], json!({})).await;
    let id = status["execution_id"].as_str().unwrap();
    for step in ["%FF", "%00", "%ZZ", "%C3%28", "..%2F..", "%2e%2e", &"x".repeat(5_000)] {
        let path = format!("/executions/{id}/steps/{step}/progress");
        let reply = discovery.post(&path, json!({"percentage": 1})).await;
        assert!([400, 404, 414].contains(&reply.status), "{step}: {reply}");
        reply.problem(reply.status);
    }
    for encoding in ["gzip", "br", "zstd"] {
        let request = discovery.http().request("POST", "/workflows").header("content-encoding", encoding);
        let reply = request.json(&json!({"name": "w"})).send().await;
        assert!([400, 415].contains(&reply.status), "{encoding}: {reply}");
        reply.problem(reply.status);
    }
    for path in ["/workflows?limit=%FF", "/executions?status=%00", "/executions?cursor=%F0%9F", "/workflows/%00"] {
        discovery.get(path).await.problem(400);
    }
    let lowest = discovery.get(&format!("/executions/{}", id.to_uppercase())).await.expect(200);
    assert_eq!(lowest["id"], Value::from(id), "an id may be written in capitals");
}
