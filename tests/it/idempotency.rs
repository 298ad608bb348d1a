//! `Idempotency-Key` on the four calls that start an execution.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Act, Discovery, Events, Options, Reply};

async fn start(discovery: &Discovery, path: &str, key: &str, body: &Value) -> Reply {
    discovery.http().request("POST", path).header("idempotency-key", key).json(body).send().await
}

/// The id of the execution that is answered, and whether it was there before.
#[track_caller]
fn started(reply: &Reply) -> (String, bool) {
    let body = reply.expect(200);
    let id = body.get("execution_id").unwrap_or(&body["id"]).as_str().unwrap().to_owned();
    assert_eq!(reply.header("location").unwrap(), format!("/executions/{id}"));
    (id, reply.header("idempotent-replayed").map(|value| assert_eq!(value, "true")).is_some())
}

async fn executions(discovery: &Discovery) -> Value {
    discovery.get("/executions").await.expect(200)["pagination"]["total"].clone()
}

#[actix_web::test]
async fn the_same_key_and_body_answer_the_first_execution_on_all_four_calls() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let by_name = json!({"workflow_id": workflow, "data": {"x": 1, "y": {"a": [1.0], "b": 2}}});
    let by_path = json!({"y": {"b": 2, "a": [1]}, "x": 1});
    let nested = json!({"mode": "automatic", "initial_data": {"y": {"b": 2.0, "a": [1]}, "x": 1}});
    let of = |call: &str| format!("/workflows/{workflow}/{call}");
    let calls = [
        ("/execute-async".to_owned(), &by_name),
        (of("execute-async"), &by_path),
        ("/execute".to_owned(), &by_name),
        (of("execute"), &nested),
    ];
    for first in 0..calls.len() {
        let key = format!("k{first} ñ");
        let (path, body) = &calls[first];
        let (id, replayed) = started(&start(&discovery, path, &key, body).await);
        assert!(!replayed);
        for (path, body) in &calls {
            assert_eq!(started(&start(&discovery, path, &key, body).await), (id.clone(), true), "{path}");
        }
        discovery.until_ended(&id).await;
        let again = start(&discovery, &of("execute"), &key, &by_path).await;
        assert_eq!((started(&again), &again.json()["status"]), ((id, true), &json!("completed")));
    }
    assert_eq!(executions(&discovery).await, 4);
    assert_eq!(discovery.worker().deliveries().len(), 4);
}

#[actix_web::test]
async fn another_body_is_refused_and_another_workflow_has_keys_of_its_own() {
    let discovery = Discovery::start().await;
    let (workflow, other) = (discovery.workflow(["a"]).await, discovery.workflow(["a"]).await);
    let path = format!("/workflows/{workflow}/execute-async");
    let (id, _) = started(&start(&discovery, &path, "k", &json!({"x": 1})).await);
    for body in
        [json!({}), json!({"x": 2}), json!({"x": "1"}), json!({"x": 1, "y": 1}), json!({"x": 1, "mode": "manual"})]
    {
        for call in ["execute-async", "execute"] {
            let refused = start(&discovery, &format!("/workflows/{workflow}/{call}"), "k", &body).await.problem(422);
            assert!(refused["detail"].as_str().unwrap().contains("another body"), "{refused}");
        }
    }
    let named = json!({"workflow_id": workflow, "data": {"x": 2}});
    start(&discovery, "/execute", "k", &named).await.problem(422);
    assert_eq!(executions(&discovery).await, 1);
    let (second, replayed) =
        started(&start(&discovery, &format!("/workflows/{other}/execute-async"), "k", &json!({"x": 2})).await);
    assert!(second != id && !replayed);
    assert_ne!(started(&start(&discovery, &path, "K", &json!({"x": 1})).await).0, id, "another key");
}

#[actix_web::test]
async fn a_key_that_is_none_is_refused_and_one_of_a_bad_start_stays_free() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let path = format!("/workflows/{workflow}/execute-async");
    for bad in ["", "a\tb", &"k".repeat(256), &"ñ".repeat(256)] {
        start(&discovery, &path, bad, &json!({})).await.problem(400);
    }
    let twice = discovery.http().request("POST", &path).another_header("idempotency-key", "a");
    twice.another_header("idempotency-key", "a").json(&json!({})).send().await.problem(400);
    let longest = "ñ".repeat(255);
    start(&discovery, &path, &longest, &json!({"mode": "none"})).await.problem(422);
    assert_eq!(executions(&discovery).await, 0);
    assert!(!started(&start(&discovery, &path, &longest, &json!({})).await).1);
    assert!(started(&start(&discovery, &path, &longest, &json!({})).await).1);
}

#[actix_web::test]
async fn many_at_once_get_the_one_execution() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({"context": {"done": 1}})));
    let workflow = discovery.workflow(["a"]).await;
    let body = json!({"workflow_id": workflow, "data": {"x": 1}});
    let replies = join_all((0..20).map(|_| start(&discovery, "/execute-async", "k", &body))).await;
    let all: Vec<(String, bool)> = replies.iter().map(started).collect();
    assert_eq!(all.iter().filter(|(_, replayed)| !replayed).count(), 1);
    assert!(all.iter().all(|(id, _)| *id == all[0].0), "{all:?}");
    // Those who wait for the end get the end of that one.
    let waiting = join_all((0..5).map(|_| start(&discovery, "/execute", "k", &body)));
    let opened = async {
        discovery.worker().until_called("a", 1).await;
        gate.open();
    };
    let (ended, ()) = futures_util::future::join(waiting, opened).await;
    for reply in ended {
        assert_eq!(started(&reply), (all[0].0.clone(), true));
        assert_eq!((&reply.json()["status"], &reply.json()["context"]["done"]), (&json!("completed"), &json!(1)));
    }
    assert_eq!(executions(&discovery).await, 1);
    assert_eq!(discovery.worker().deliveries().len(), 1);
}

#[actix_web::test]
async fn a_stream_that_is_asked_for_again_tells_of_the_first_execution() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let url = format!("{}/workflows/{workflow}/execute-async", discovery.http().url());
    let mut told = Vec::new();
    for replayed in [None, Some("true")] {
        let mut stream = Events::try_open("POST", &url, &[("idempotency-key", "k")], "{\"x\": 1}").await.unwrap();
        assert_eq!((stream.status, stream.header("idempotent-replayed")), (200, replayed));
        told.push(stream.rest().await);
    }
    assert!(told[0].len() == 4 && told[0] == told[1], "{told:?}");
}

#[actix_web::test]
async fn a_key_outlives_a_kill_and_long_strings_are_compared_whole() {
    let mut discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let path = format!("/workflows/{workflow}/execute");
    let document = |end: &str| json!({"document": format!("{}{end}", "JVBERi0xLjQK".repeat(5_000)), "n": 1});
    let (id, _) = started(&start(&discovery, &path, "k", &document("a")).await);
    for _ in 0..2 {
        assert_eq!(started(&start(&discovery, &path, "k", &document("a")).await), (id.clone(), true));
        start(&discovery, &path, "k", &document("b")).await.problem(422);
        discovery.restart().await;
    }
    assert_eq!(executions(&discovery).await, 1);
}

#[actix_web::test]
async fn a_replay_works_after_the_workflow_was_changed_and_deleted() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let path = format!("/workflows/{workflow}/execute");
    let (id, _) = started(&start(&discovery, &path, "k", &json!({})).await);
    let at = format!("/workflows/{workflow}");
    discovery.http().request("PATCH", &at).json(&json!({"mode": "manual"})).send().await.expect(200);
    for same in [json!({}), json!({"mode": "automatic"})] {
        assert_eq!(started(&start(&discovery, &path, "k", &same).await), (id.clone(), true));
    }
    start(&discovery, &path, "k", &json!({"mode": "manual"})).await.problem(422);
    assert_eq!(discovery.http().delete(&at).await.status, 204);
    assert_eq!(started(&start(&discovery, &path, "k", &json!({})).await), (id, true));
    start(&discovery, &path, "new", &json!({})).await.problem(404);
}

#[actix_web::test]
async fn a_start_that_is_refused_for_overload_keeps_nothing_and_replays_go_on() {
    let full = ("DISCOVERY_JOURNAL_QUEUE_MAX", "0");
    let mut discovery = Options::new().variable(full.0, full.1).start().await;
    let workflow = discovery.workflow(["a"]).await;
    let path = format!("/workflows/{workflow}/execute-async");
    start(&discovery, &path, "k", &json!({})).await.problem(503);
    assert_eq!(executions(&discovery).await, 0);
    discovery.add_flag("--journal-queue-max=1000");
    discovery.restart().await;
    let (id, replayed) = started(&start(&discovery, &path, "k", &json!({"x": 1})).await);
    assert!(!replayed, "another body, because nothing was kept of the first");
    discovery.kill();

    let discovery = Options::new().on_the_database_of(&discovery).variable(full.0, full.1).start().await;
    assert_eq!(started(&start(&discovery, &path, "k", &json!({"x": 1})).await), (id, true), "it only reads");
    start(&discovery, &path, "new", &json!({})).await.problem(503);
}
