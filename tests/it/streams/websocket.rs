//! WebSockets that follow one execution.

use actix_http::ws::{CloseCode, CloseReason, Message};
use serde_json::json;

use super::{assert_whole, log_of};
use crate::support::{Act, Discovery, End, Events, Options, Socket, found_within};

fn url(discovery: &Discovery, execution: &str) -> String {
    format!("{}/ws/{execution}", discovery.http().url())
}

#[actix_web::test]
async fn a_socket_tells_the_log_and_what_follows_and_closes_with_the_final_status() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("b", Act::answer(json!({"context": {"ñ": "línea\nnueva"}})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("b", 1).await;
    let mut socket = Socket::open(&url(&discovery, &execution)).await;
    let mut told = Vec::new();
    for name in ["workflow_started", "step_started", "step_finished", "step_started"] {
        told.push(socket.told().await.unwrap());
        assert_eq!(told.last().unwrap().json()["event"], name);
    }
    gate.open();
    let (rest, end) = socket.rest().await;
    told.extend(rest);
    assert_eq!(end, End::Closed(1000, "completed".to_owned()));
    assert_whole(&told);
    assert_eq!(told, log_of(&discovery, &execution).await, "byte for byte as REST has it");
    let events = format!("{}/executions/{execution}/events", discovery.http().url());
    assert_eq!(told, Events::open(&events, &[]).await.rest().await, "and as an event stream has it");
}

#[actix_web::test]
async fn an_old_client_sees_the_start_though_it_comes_after_it() {
    let discovery = Options::new().flag("--base-path=/discovery").start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    for base in ["", "/discovery"] {
        let path = format!("{base}/execute-async/");
        let preflight = discovery.http().request("OPTIONS", &path).header("origin", "null");
        let preflight = preflight.header("access-control-request-method", "POST");
        let preflight = preflight.header("access-control-request-headers", "content-type").send().await;
        assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (200, Some("*")));
        let start = discovery.http().request("POST", &path).header("origin", "null");
        let started = start.json(&json!({"workflow_id": workflow, "data": {"a": 1}})).send().await;
        assert_eq!(started.header("access-control-allow-origin"), Some("*"));
        let started = started.expect(200);
        let socket_url = format!("{}{base}{}/", discovery.http().url(), started["websocket_url"].as_str().unwrap());
        let mut socket = Socket::try_open(&socket_url, &[("origin", "null")]).await.ok().unwrap();
        assert_eq!(socket.json().await["event"], "workflow_started");
        gate.let_one_go();
        socket.rest().await.1.assert_closed(1000);
    }
}

#[actix_web::test]
async fn a_failed_execution_closes_with_its_status_and_events_behind_the_end_are_told() {
    let discovery = Discovery::start().await;
    discovery.worker().on("a", Act::status(422, json!({"detail": "no"})));
    let ended = discovery.run(["a"], json!({})).await;
    let execution = ended["execution_id"].as_str().unwrap();
    let properties = format!("/executions/{execution}/properties");
    discovery.http().patch(&properties, json!({"custom_status": "seen"})).await.expect(200);
    let (told, end) = Socket::open(&url(&discovery, execution)).await.rest().await;
    assert_eq!(end, End::Closed(1000, "failed".to_owned()));
    assert_eq!(told.last().unwrap().json()["event"], "execution_properties_updated");
    assert_eq!(told, log_of(&discovery, execution).await);
}

#[actix_web::test]
async fn an_execution_that_is_tried_again_is_followed_past_its_first_end() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("b", Act::answer(json!({})));
    discovery.worker().in_turn("a", [Act::status(422, json!({"detail": "no"})), Act::answer(json!({}))]);
    let ended = discovery.run(["a", "b"], json!({})).await;
    let execution = ended["execution_id"].as_str().unwrap();
    let (mut told, end) = Socket::open(&url(&discovery, execution)).await.rest().await;
    assert_eq!(end, End::Closed(1000, "failed".to_owned()));
    discovery.post(&format!("/executions/{execution}/retry"), json!({})).await.expect(200);
    let mut whole = Socket::open(&url(&discovery, execution)).await;
    let mut rest = Socket::open(&format!("{}?after={}", url(&discovery, execution), told.len())).await;
    told.push(rest.told().await.unwrap());
    assert_eq!(told.last().unwrap().json()["event"], "workflow_resumed");
    gate.open();
    told.extend(rest.rest().await.0);
    let log = log_of(&discovery, execution).await;
    assert_eq!(told, log);
    assert_eq!(whole.rest().await, (log, End::Closed(1000, "completed".to_owned())));
}

#[actix_web::test]
async fn a_socket_begins_where_the_client_says_or_with_a_snapshot() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("b", Act::answer(json!({})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("b", 1).await;
    let base = url(&discovery, &execution);
    let mut after = Socket::open(&format!("{base}?after=3")).await;
    let mut snapshot = Socket::open(&format!("{base}?snapshot=true")).await;
    let mut ahead = Socket::open(&format!("{base}?after=1000000")).await;
    assert_eq!(after.told().await.unwrap().seq, 4);
    let first = snapshot.json().await;
    assert_eq!((&first["event"], &first["seq"]), (&json!("snapshot"), &json!(4)));
    let mut status = discovery.status(&execution).await;
    for status in [&mut status, &mut first["status"].clone()] {
        status["steps_history"][1]["duration_seconds"] = json!(0);
        assert_eq!((&status["execution_id"], &status["last_seq"]), (&json!(execution), &json!(4)));
    }
    let keys = |status: &serde_json::Value| status.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&first["status"]), keys(&status));
    gate.open();
    discovery.until_ended(&execution).await;
    let log = log_of(&discovery, &execution).await;
    for socket in [&mut after, &mut snapshot] {
        let (told, end) = socket.rest().await;
        assert_eq!(told, log[4..]);
        end.assert_closed(1000);
    }
    let (told, end) = ahead.rest().await;
    assert_eq!(told, []);
    end.assert_closed(1000);
    let mut late = Socket::open(&format!("{base}?snapshot=true")).await;
    assert_eq!(late.json().await["status"]["status"], "completed");
    late.rest().await.1.assert_closed(1000);
}

#[actix_web::test]
async fn what_is_no_upgrade_of_a_known_execution_is_refused_before_it() {
    let discovery = Options::new().flag("--cors-origins=https://a.example").start().await;
    let execution = discovery.run(["a"], json!({})).await["execution_id"].as_str().unwrap().to_owned();
    let unknown = "00000000-0000-0000-0000-000000000000";
    let cases = [
        (unknown, 404),
        ("1", 400),
        (&format!("{execution}?after=-1"), 400),
        (&format!("{execution}?snapshot=x"), 400),
    ];
    for (path, status) in cases {
        assert_eq!(Socket::try_open(&url(&discovery, path), &[]).await.err(), Some(status), "{path}");
        discovery.get(&format!("/ws/{path}")).await.problem(status);
    }
    for path in [format!("/ws/{execution}"), "/ws".to_owned()] {
        discovery.get(&path).await.problem(400);
        let url = format!("{}{path}", discovery.http().url());
        let own = discovery.http().url().to_owned();
        let table =
            [("https://b.example", Some(403)), ("null", Some(403)), ("https://a.example", None), (own.as_str(), None)];
        for (origin, refused) in table {
            assert_eq!(Socket::try_open(&url, &[("origin", origin)]).await.err(), refused, "{origin}");
        }
    }
}

/// A server with an execution that waits, and a socket that has read all there is.
async fn at_rest(options: Options) -> (Discovery, Socket) {
    let discovery = options.start().await;
    discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    let socket = Socket::open(&format!("{}?after=2", url(&discovery, &execution))).await;
    (discovery, socket)
}

#[actix_web::test]
async fn a_ping_is_answered_and_everything_else_ignored_whole_or_in_parts() {
    let (_discovery, mut socket) = at_rest(Options::new()).await;
    for ignored in [json!({"action": "subscribe", "executions": "all"}), json!("ping"), json!({})] {
        socket.say(ignored).await;
    }
    socket.send(Message::Text("{".into())).await;
    socket.send(Message::Binary("{\"action\": \"ping\"}".into())).await;
    assert!(socket.is_quiet().await);
    socket.say(json!({"action": "ping"})).await;
    assert_eq!(socket.json().await, json!({"event": "pong"}));
    let long = json!({"action": "ping", "ñ": "ñ".repeat(1_000)}).to_string();
    for bytes in [1_000, 7, 1] {
        socket.say_in_parts(&long, bytes).await;
        assert_eq!(socket.json().await, json!({"event": "pong"}));
    }
    let reason = CloseReason { code: CloseCode::Other(4_001), description: Some("bye".to_owned()) };
    socket.send(Message::Close(Some(reason))).await;
    assert_eq!(socket.next().await, Err(End::Closed(4_001, "bye".to_owned())));
}

#[actix_web::test]
async fn a_message_that_is_too_long_closes_the_socket() {
    let options = || Options::new().flag("--session-message-bytes-max=1000");
    let (_discovery, mut socket) = at_rest(options()).await;
    let ping = |bytes: usize| format!("{{\"action\":\"ping\"}}{}", " ".repeat(bytes - 17));
    socket.send(Message::Text(ping(1_000).into())).await;
    assert_eq!(socket.json().await["event"], "pong");
    socket.send(Message::Text(ping(1_001).into())).await;
    socket.next().await.unwrap_err().assert_closed(1009);

    let (discovery, mut socket) = at_rest(options()).await;
    socket.say_in_parts(&ping(1_000), 300).await;
    assert_eq!(socket.json().await["event"], "pong");
    socket.say_in_parts(&ping(1_001), 300).await;
    socket.next().await.unwrap_err().assert_closed(1009);
    assert!(discovery.get("/health").await.status == 200);
}

#[actix_web::test]
async fn what_breaks_the_protocol_closes_the_socket() {
    let (_discovery, mut socket) = at_rest(Options::new()).await;
    let part = actix_http::ws::Item::FirstText("a".into());
    socket.send(Message::Continuation(part)).await;
    socket.send(Message::Text("b".into())).await;
    socket.next().await.unwrap_err().assert_closed(1002);
}

#[actix_web::test]
async fn a_stop_of_the_server_closes_sockets_with_1012_before_calls_have_ended() {
    let (discovery, mut socket) = at_rest(Options::new()).await;
    let mut many = Socket::open(&format!("{}/ws", discovery.http().url())).await;
    discovery.ask_to_stop();
    socket.next().await.unwrap_err().assert_closed(1012);
    many.next().await.unwrap_err().assert_closed(1012);
    assert_eq!(discovery.worker().open_calls(), 1);
    let refused = found_within(crate::support::PATIENCE, || async {
        Socket::try_open(&format!("{}/ws", discovery.http().url()), &[]).await.err()
    });
    assert!([Some(503), Some(0)].contains(&refused.await));
}

#[actix_web::test]
async fn a_socket_is_pinged_and_one_that_answers_is_kept() {
    let flags = ["--session-ping-seconds=0.05", "--session-silence-seconds=0.5"];
    let options = flags.into_iter().fold(Options::new(), Options::flag);
    let (_discovery, mut socket) = at_rest(options).await;
    while socket.pings < 30 {
        assert!(socket.is_quiet().await, "three times the silence that is borne");
    }
}

#[actix_web::test]
async fn only_so_many_sessions_may_be_open() {
    let (discovery, socket) = at_rest(Options::new().flag("--sessions-max=1")).await;
    let url = format!("{}/ws", discovery.http().url());
    assert_eq!(Socket::try_open(&url, &[]).await.err(), Some(503));
    drop(socket);
    let again = found_within(crate::support::PATIENCE, || async { Socket::try_open(&url, &[]).await.ok() });
    assert!(again.await.is_some());
}
