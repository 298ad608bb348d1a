//! Server-sent events.

use serde_json::json;

use super::{assert_whole, log_of};
use crate::support::{Act, Discovery, Events, Options, Raw};

fn events_url(discovery: &Discovery, execution: &str) -> String {
    format!("{}/executions/{execution}/events", discovery.http().url())
}

#[actix_web::test]
async fn a_stream_tells_the_log_and_what_follows_and_ends_with_the_execution() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("b", Act::answer(json!({"context": {"ñ": "línea\nnueva"}})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("b", 1).await;
    let mut stream = Events::open(&events_url(&discovery, &execution), &[]).await;
    assert_eq!(stream.header("cache-control"), Some("no-cache"));
    assert_eq!(stream.header("x-accel-buffering"), Some("no"));
    assert_eq!(stream.header("content-encoding"), None);
    let mut told = Vec::new();
    for name in ["workflow_started", "step_started", "step_finished", "step_started"] {
        told.push(stream.next().await.unwrap());
        assert_eq!(told.last().unwrap().json()["event"], name);
    }
    gate.open();
    told.extend(stream.rest().await);
    assert_eq!(told.last().unwrap().json()["event"], "workflow_completed");
    assert_whole(&told);
    assert_eq!(told, log_of(&discovery, &execution).await, "byte for byte as REST has it");
}

#[actix_web::test]
async fn the_connection_of_a_stream_ends_with_it_so_that_no_other_request_is_cut_off_on_it() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.until_ended(&execution).await;
    let mut client = Raw::stream(&discovery, &format!("/executions/{execution}/events")).await;
    let (read, end) = client.read_to_end().await;
    let read = String::from_utf8(read).unwrap();
    assert!(read.contains("\r\nconnection: close\r\n"), "{read}");
    assert!(read.ends_with("\r\n0\r\n\r\n") && end.is_ok(), "{end:?}: {read}");
}

#[actix_web::test]
async fn a_start_answers_the_stream_where_the_client_accepts_one() {
    let discovery = Options::new().flag("--base-path=/discovery").start().await;
    discovery.worker().does("a", |call| async move {
        call.progress(json!({"percentage": 50})).await.expect(200);
        Act::answer(json!({}))
    });
    let workflow = discovery.workflow(["a"]).await;
    let bodies = [
        ("/execute-async/".to_owned(), json!({"workflow_id": workflow})),
        (format!("/discovery/workflows/{workflow}/execute-async"), json!({})),
    ];
    for (path, body) in bodies {
        let url = format!("{}{path}", discovery.http().url());
        let mut stream = Events::try_open("POST", &url, &[("origin", "null")], &body.to_string()).await.unwrap();
        assert_eq!((stream.status, stream.header("access-control-allow-origin")), (200, Some("*")));
        let location = stream.header("location").unwrap().to_owned();
        let told = stream.rest().await;
        let execution = told[0].json()["execution_id"].as_str().unwrap().to_owned();
        assert_eq!(location, format!("/discovery/executions/{execution}"));
        assert_eq!(told[0].json()["event"], "workflow_started");
        assert_eq!(told[2].json()["event"], "step_progress");
        assert_eq!(told, log_of(&discovery, &execution).await);
    }
    let url = format!("{}/workflows/{workflow}/execute-async", discovery.http().url());
    let refused = Events::try_open("POST", &url, &[], "{\"mode\": \"x\"}").await.unwrap();
    assert_eq!((refused.status, refused.header("content-type")), (422, Some("application/problem+json")));
}

#[actix_web::test]
async fn a_stream_goes_on_where_the_client_was() {
    let discovery = Discovery::start().await;
    let ended = discovery.run(["a", "b"], json!({})).await;
    let (execution, last) = (ended["execution_id"].as_str().unwrap(), ended["last_seq"].as_u64().unwrap());
    let (url, log) = (events_url(&discovery, execution), log_of(&discovery, execution).await);
    let after = Events::open(&format!("{url}?after=3"), &[]).await.rest().await;
    assert_eq!(after, log[3..]);
    let header = Events::open(&format!("{url}?after=1"), &[("last-event-id", "4")]).await.rest().await;
    assert_eq!(header, log[4..], "the header goes before the query");
    assert_eq!(Events::open(&format!("{url}?after=999"), &[]).await.rest().await, []);
    let mut idle = Raw::stream(&discovery, &format!("/executions/{execution}/events?after={last}")).await;
    let read = String::from_utf8(idle.read_to_end().await.0).unwrap();
    assert!(
        read.contains(&format!("\r\nid: {last}\n\n")),
        "so that a browser asks with it and is told to stop: {read}"
    );
    for (id, status) in [(last.to_string(), 204), ((last + 5).to_string(), 204), ("x".to_owned(), 400)] {
        let answer = Events::try_open("GET", &url, &[("last-event-id", &id)], "").await.unwrap();
        assert_eq!(answer.status, status, "a browser stops after a 204");
    }
    let unknown = events_url(&discovery, "00000000-0000-0000-0000-000000000000");
    for headers in [&[][..], &[("last-event-id", "1")]] {
        assert_eq!(Events::try_open("GET", &unknown, headers, "").await.unwrap().status, 404);
    }
    for (path, accept, media) in [
        (format!("/executions/{execution}/events"), "text/event-stream;q=0, */*", "application/json"),
        (format!("/executions/{execution}/events"), "application/json, text/event-stream;q=0.5", "application/json"),
        (format!("/executions/{execution}/events"), "text/event-stream, */*;q=0.1", "text/event-stream"),
    ] {
        let reply = discovery.http().request("GET", &path).header("accept", accept).send().await;
        assert_eq!(reply.header("content-type"), Some(media), "{accept}");
    }
    let inline = format!("/executions/{execution}/events?payloads=inline");
    discovery.http().request("GET", &inline).header("accept", "text/event-stream").send().await.problem(400);
}

#[actix_web::test]
async fn an_idle_stream_is_pinged_and_counts_as_a_watcher_until_it_is_left() {
    let discovery = Options::new().flag("--session-ping-seconds=0.05").start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    let mut stream = Events::open(&events_url(&discovery, &execution), &[("last-event-id", "2")]).await;
    stream.until_pinged().await;
    let watchers = async || {
        let path = format!("/executions/{execution}/steps/a/progress");
        discovery.post(&path, json!({"percentage": 1})).await.expect(200)["watchers"].clone()
    };
    assert_eq!(watchers().await, 1);
    drop(stream);
    while watchers().await != 0 {}
    gate.open();
    discovery.until_ended(&execution).await;
}

#[actix_web::test]
async fn a_stop_of_the_server_ends_the_streams_first() {
    let mut discovery = Discovery::start().await;
    let _gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    let mut stream = Events::open(&events_url(&discovery, &execution), &[]).await;
    stream.next().await.unwrap();
    discovery.ask_to_stop();
    assert_eq!(stream.rest().await.len(), 1, "it ends while the call is still open");
    assert_eq!(discovery.worker().open_calls(), 1);
    discovery.kill();
}
