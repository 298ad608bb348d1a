//! What operators see, and why something is not moving.

use actix_http::ws::Message;
use serde_json::{Value, json};

use crate::support::{Act, Discovery, Events, Options, PATIENCE, Socket, found_within};

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

/// How two values of a column compare; where there is none, it comes first.
fn compared(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().unwrap().total_cmp(&b.as_f64().unwrap()),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => a.as_str().cmp(&b.as_str()),
    }
}

#[actix_web::test]
async fn a_list_is_sorted_by_whichever_column_it_shows() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    discovery.worker().on("fails", Act::status(503, json!({})));
    let retry = json!({"max_attempts": 2, "initial_interval_seconds": 3600, "max_interval_seconds": 3600});
    let called = discovery.workflow(["a"]).await;
    let retried = discovery.workflow([json!({"name": "fails", "retry": retry})]).await;
    let manual = discovery.define(json!({"name": "m", "mode": "manual", "steps": [{"name": "b"}]})).await;
    for workflow in [&called, &retried, &manual, &called] {
        discovery.begin(workflow, json!({})).await;
    }
    discovery.worker().until_called("a", 2).await;
    let waiting = discovery.begin(&retried, json!({})).await;
    discovery.until_waiting_for(&waiting, "retry").await;
    let _socket = Socket::open(&format!("{}/ws/{waiting}", discovery.http().url())).await;

    let all = discovery.get("/admin/actors").await.expect(200);
    let columns: Vec<String> = all["actors"][0].as_object().unwrap().keys().cloned().collect();
    assert!(columns.len() > 10, "{columns:?}");
    for column in columns {
        for (sign, wrong) in [("", std::cmp::Ordering::Greater), ("-", std::cmp::Ordering::Less)] {
            let sorted = discovery.get(&format!("/admin/actors?sort={sign}{column}")).await.expect(200);
            let actors = sorted["actors"].as_array().unwrap();
            assert_eq!(actors.len(), 7, "five executions, the registry and a session: {sorted}");
            // Kinds have an order of their own: executions, the registry, sessions; that of words is the same.
            let is_sorted = actors.windows(2).all(|two| compared(&two[0][&column], &two[1][&column]) != wrong);
            assert!(is_sorted, "{sign}{column}: {:?}", actors.iter().map(|actor| &actor[&column]).collect::<Vec<_>>());
        }
    }
    gate.open();
}

#[actix_web::test]
async fn an_open_call_is_stuck_when_it_should_have_ended_and_time_without_a_server_makes_none_stuck() {
    let options = Options::new().flag("--calls-per-handler-max=1").flag("--alive-interval-seconds=0.05");
    let mut discovery = options.start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let patient = discovery.begin(&discovery.workflow(["a"]).await, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    // It waits for its turn for longer than an attempt of it may take.
    let step = json!({"name": "a", "timeout_seconds": 1, "heartbeat_timeout_seconds": 0.8});
    let hasty = discovery.begin(&discovery.workflow([step]).await, json!({})).await;
    let stuck = async |discovery: &Discovery| {
        let listed = discovery.get("/admin/actors?stuck=true").await.expect(200);
        ids(&listed).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let found = found_within(PATIENCE, || async { (stuck(&discovery).await == [hasty.clone()]).then_some(()) }).await;
    assert!(found.is_some(), "{:?}", stuck(&discovery).await);
    assert_eq!(actor(&discovery, &hasty).await["call"]["phase"], "queued");
    assert_eq!(discovery.get("/admin/stats").await.expect(200)["stuck"], 1);

    discovery.kill();
    // Longer than the hasty one may take.
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    discovery.restart().await;
    discovery.worker().until_called("a", 2).await;
    let path = format!("/admin/actors/{hasty}");
    let woken =
        || async { Some(discovery.get(&path).await).filter(|reply| reply.status == 200).map(|reply| reply.json()) };
    let restarted = found_within(PATIENCE, woken).await.expect("it is not woken");
    assert!(restarted["age_seconds"].as_f64() >= Some(0.8) || restarted["stuck"] == false, "{restarted}");
    gate.open();
    for execution in [patient, hasty] {
        discovery.until_ended(&execution).await;
    }
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
async fn a_restart_that_a_stop_of_the_server_forbids_is_not_taken_for_one_of_nothing() {
    let discovery = Discovery::start().await;
    let _gate = discovery.worker().holds("a", Act::answer(json!({})));
    let execution = discovery.begin(&discovery.workflow(["a"]).await, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    discovery.ask_to_stop();
    let path = format!("/admin/actors/{execution}/restart");
    let refused = || async { Some(discovery.post(&path, json!({})).await).filter(|reply| reply.status != 200) };
    let refused = found_within(PATIENCE, refused).await.expect("it is restarted again and again");
    refused.problem(503);
}

#[actix_web::test]
async fn pages_of_other_sites_see_nothing_below_admin() {
    let discovery = Discovery::start().await;
    for path in ["/admin/actors", "/admin/stats"] {
        for origin in ["null", "http://evil.example", "http://127.0.0.1:1"] {
            discovery.http().request("GET", path).header("origin", origin).send().await.problem(403);
        }
        // Any page may write what a proxy writes; only the browser writes the `Host`.
        for (name, value) in [("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")] {
            let request = discovery.http().request("GET", path).header("origin", "http://evil.example");
            request.header(name, value).send().await.problem(403);
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
    while !why["explanation"].as_str().is_some_and(|sentence| sentence.contains("has refused connections for")) {
        why = discovery.get(&path).await.expect(200);
    }
    discovery.get(&format!("/executions/{}/why", uuid::Uuid::now_v7())).await.problem(404);
}

/// Opens the WebSocket of operators; `query` stands behind its `?`.
async fn operator(discovery: &Discovery, query: &str) -> Socket {
    Socket::open(&format!("{}/admin/ws?{query}", discovery.http().url())).await
}

/// Reads until an event of this kind satisfies `is_so`.
async fn until_told(socket: &mut Socket, event: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..2_000 {
        let told = socket.json().await;
        if told["event"] == event && is_so(&told) {
            return told;
        }
    }
    panic!("no such event came: {event}");
}

/// A server that tells operators often, so that no test has to wait for it.
fn telling() -> Options {
    Options::new().flag("--admin-interval-seconds=0.02")
}

#[actix_web::test]
async fn sessions_are_listed_as_actors_behind_the_others() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    let mut socket = Socket::open(&format!("{}/ws/{execution}", discovery.http().url())).await;
    for _ in 0..2 {
        socket.told().await.unwrap();
    }
    let url = format!("{}/executions/{execution}/events", discovery.http().url());
    let _events = Events::open(&url, &[]).await;

    let all = discovery.get("/admin/actors").await.expect(200);
    assert_eq!(ids(&all), [execution.as_str(), "registry", "event-stream-1", "websocket-0"], "{all}");
    let found = discovery.get("/admin/actors?kind=session&state=open&sort=-messages_handled&limit=1").await.expect(200);
    assert_eq!((&found["total"], ids(&found).len()), (&json!(2), 1));
    let sessions = discovery.get("/admin/actors?kind=session&sort=-id").await.expect(200);
    let session = &sessions["actors"][0];
    assert_eq!((&session["id"], &session["messages_handled"]), (&json!("websocket-0"), &json!(2)));
    assert!(session["started_at"].is_string() && session["arbiter"].is_null(), "{session}");
    discovery.get("/admin/actors?kind=ghost").await.problem(400);

    drop(socket);
    let is_gone = || async {
        let sessions = discovery.get("/admin/actors?kind=session").await.expect(200);
        (ids(&sessions) == ["event-stream-1"]).then_some(())
    };
    found_within(PATIENCE, is_gone).await;
    gate.open();
    discovery.until_ended(&execution).await;
}

#[actix_web::test]
async fn operators_are_told_how_it_goes_and_which_actors_there_are_again_and_again() {
    let discovery = telling().start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let mut socket = operator(&discovery, "kind=execution&sort=-started_at&limit=1").await;
    let (stats, actors) = (socket.json().await, socket.json().await);
    assert_eq!(
        (&stats["event"], &stats["actors"], &stats["sessions"]["websockets"]),
        (&json!("stats"), &json!({}), &json!(1))
    );
    assert_eq!(actors, json!({"event": "actors", "actors": [], "total": 0}));
    let older = discovery.begin(&workflow, json!({})).await;
    let newer = discovery.begin(&workflow, json!({})).await;
    let stats = until_told(&mut socket, "stats", |told| told["actors"]["calling"] == 2).await;
    let actors = until_told(&mut socket, "actors", |told| told["total"] == 2).await;
    assert_eq!(ids(&actors), [newer.as_str()]);
    let by_rest = discovery.get("/admin/stats").await.expect(200);
    let names =
        |body: &Value| body.as_object().unwrap().keys().filter(|key| *key != "event").cloned().collect::<Vec<_>>();
    assert_eq!(names(&stats), names(&by_rest));
    gate.open();
    for execution in [older, newer] {
        discovery.until_ended(&execution).await;
    }
    until_told(&mut socket, "actors", |told| told["total"] == 0).await;
}

#[actix_web::test]
async fn an_operator_changes_what_is_watched_and_is_told_what_is_wrong() {
    let discovery = Options::new().flag("--admin-interval-seconds=3600").start().await;
    let mut socket = operator(&discovery, "kind=execution").await;
    until_told(&mut socket, "actors", |told| told["total"] == 0).await;
    socket.say(json!({"action": "watch", "kind": "registry"})).await;
    let told = until_told(&mut socket, "actors", |_| true).await;
    assert_eq!(ids(&told), ["registry"], "at once, not in an hour");
    for bad in [json!({"action": "watch", "kind": "ghost"}), json!({"action": "subscribe"}), json!("watch")] {
        socket.say(bad).await;
        assert_eq!(socket.json().await["event"], "error");
    }
    socket.say(json!({"action": "ping"})).await;
    assert_eq!(socket.json().await, json!({"event": "pong"}));
    socket.say(json!({"action": "watch", "kind": "session", "state": "open", "stuck": false, "limit": 5})).await;
    let told = until_told(&mut socket, "actors", |_| true).await;
    assert_eq!((ids(&told), &told["actors"][0]["messages_handled"]), (vec!["websocket-0"], &json!(4)));
    assert!(socket.is_quiet().await);
}

#[actix_web::test]
async fn the_socket_of_operators_is_refused_to_other_sites_before_it_opens() {
    let discovery = Discovery::start().await;
    let url = format!("{}/admin/ws", discovery.http().url());
    for origin in ["null", "http://evil.example", "http://127.0.0.1:1"] {
        assert_eq!(Socket::try_open(&url, &[("origin", origin)]).await.err(), Some(403), "{origin}");
    }
    assert_eq!(Socket::try_open(&format!("{url}?kind=ghost"), &[]).await.err(), Some(400));
    discovery.get("/admin/ws").await.problem(400);
    let sessions = discovery.get("/admin/actors?kind=session").await.expect(200);
    assert_eq!(sessions["total"], 0, "{sessions}");
    let own = discovery.http().url().trim_end_matches('/').to_owned();
    assert!(Socket::try_open(&url, &[("origin", &own)]).await.is_ok());
}

#[actix_web::test]
async fn an_operator_who_has_left_is_told_nothing_more() {
    let discovery = telling().start().await;
    let mut socket = operator(&discovery, "").await;
    socket.json().await;
    socket.send(Message::Close(None)).await;
    let end = loop {
        // What was on its way already.
        if let Err(end) = socket.next().await {
            break end;
        }
    };
    end.assert_closed(1005);
    found_within(PATIENCE, || async {
        let sessions = discovery.get("/admin/stats").await.expect(200)["sessions"].clone();
        (sessions["websockets"] == 0).then_some(())
    })
    .await;
    let stats = discovery.get("/admin/stats").await.expect(200);
    let before = stats["sessions"]["events_sent"].as_u64().unwrap();
    let mut other = operator(&discovery, "").await;
    for look in 0..10 {
        let told = until_told(&mut other, "stats", |_| true).await;
        assert_eq!(told["sessions"]["events_sent"], before + 2 * look, "only the other one is told anything");
    }
}

#[actix_web::test]
async fn operators_who_are_silent_are_dropped_like_others() {
    let silent = telling().flag("--session-ping-seconds=60").flag("--session-silence-seconds=0.2").start().await;
    let mut socket = operator(&silent, "").await;
    while socket.next().await.is_ok() {}
    let stats = silent.get("/admin/stats").await.expect(200);
    assert_eq!((&stats["sessions"]["websockets"], &stats["sessions"]["dropped"]), (&json!(0), &json!(1)));
}

#[actix_web::test]
async fn a_stop_of_the_server_closes_the_socket_of_operators_with_1012() {
    let discovery = telling().start().await;
    let mut socket = operator(&discovery, "").await;
    socket.json().await;
    discovery.ask_to_stop();
    let end = loop {
        if let Err(end) = socket.next().await {
            break end;
        }
    };
    end.assert_closed(1012);
}

#[actix_web::test]
async fn a_look_at_an_actor_keeps_it_from_no_sleep() {
    let discovery = Options::new().flag("--passivate-after-seconds=0.3").start().await;
    let manual = discovery.define(json!({"name": "m", "mode": "manual", "steps": [{"name": "b"}]})).await;
    let execution = discovery.begin(&manual, json!({})).await;
    let path = format!("/admin/actors/{execution}");
    let asleep = found_within(PATIENCE, || async { (discovery.get(&path).await.status == 404).then_some(()) }).await;
    assert!(asleep.is_some(), "it is looked at again and again, and stays awake");
}
