//! One WebSocket for many executions.

use serde_json::{Value, json};

use super::{assert_whole, log_of};
use crate::support::{Act, Discovery, Options, Socket, Told};

async fn open(discovery: &Discovery) -> Socket {
    Socket::open(&format!("{}/ws", discovery.http().url())).await
}

/// Reads until an answer of this name comes; gives it, and the events before it. Other subscriptions are passed over.
async fn until(socket: &mut Socket, name: &str) -> (Value, Vec<Told>) {
    let mut told = Vec::new();
    loop {
        let text = socket.next().await.unwrap();
        let message: Value = serde_json::from_str(&text).unwrap();
        if message["event"] == name {
            return (message, told);
        }
        if message["event"] == "subscribed" {
            continue;
        }
        told.push(Told { seq: message["seq"].as_u64().unwrap_or_else(|| panic!("{text}")), text });
    }
}

#[actix_web::test]
async fn a_client_follows_many_executions_over_one_socket() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("b", Act::answer(json!({})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let mut socket = open(&discovery).await;
    let mut executions = Vec::new();
    for _ in 0..5 {
        let execution = discovery.begin(&workflow, json!({})).await;
        socket.say(json!({"action": "subscribe", "execution_id": execution})).await;
        executions.push(execution);
    }
    discovery.worker().until_called("b", 5).await;
    gate.open();
    let (mut told, mut ended, mut subscribed) = (Vec::new(), 0, 0);
    while ended < 5 {
        let message = socket.json().await;
        match message["event"].as_str().unwrap() {
            "subscribed" => subscribed += 1,
            "unsubscribed" => {
                assert_eq!(message["status"], "completed");
                ended += 1;
            }
            _ => told.push(message),
        }
    }
    assert_eq!(subscribed, 5);
    for execution in &executions {
        let of_one: Vec<&Value> = told.iter().filter(|event| event["execution_id"] == **execution).collect();
        let log: Vec<Value> = log_of(&discovery, execution).await.iter().map(Told::json).collect();
        assert_eq!(of_one, log.iter().collect::<Vec<_>>());
    }
    socket.say(json!({"action": "subscribe", "execution_id": executions[0], "after": 3})).await;
    assert_eq!(socket.json().await, json!({"event": "subscribed", "execution_id": executions[0], "after": 3}));
    let (_, told) = until(&mut socket, "unsubscribed").await;
    assert_eq!(told, log_of(&discovery, &executions[0]).await[3..]);
}

#[actix_web::test]
async fn a_subscription_can_be_given_up_and_taken_again() {
    let discovery = Options::new().flag("--session-subscriptions-max=1").start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let (one, other) = (discovery.begin(&workflow, json!({})).await, discovery.begin(&workflow, json!({})).await);
    discovery.worker().until_called("a", 2).await;
    let mut socket = open(&discovery).await;
    let ask = |action: &str, id: &str| json!({"action": action, "execution_id": id});
    socket.say(ask("unsubscribe", &one)).await;
    assert_eq!(until(&mut socket, "error").await.0["status"], 409);
    socket.say(ask("subscribe", &one)).await;
    socket.say(ask("subscribe", &one)).await;
    assert_eq!(until(&mut socket, "error").await.0["status"], 409, "it is subscribed to already");
    socket.say(ask("subscribe", &other)).await;
    assert_eq!(until(&mut socket, "error").await.0["status"], 503, "as many as there may be");
    socket.say(ask("unsubscribe", &one)).await;
    assert_eq!(until(&mut socket, "unsubscribed").await.0, json!({"event": "unsubscribed", "execution_id": one}));
    let status = discovery.post(&format!("/executions/{one}/steps/a/progress"), json!({"percentage": 1})).await;
    assert_eq!(status.expect(200)["watchers"], 0);
    assert!(socket.is_quiet().await);
    socket.say(ask("subscribe", &other)).await;
    gate.open();
    let (_, told) = until(&mut socket, "subscribed").await;
    assert_eq!(told, []);
    let (_, told) = until(&mut socket, "unsubscribed").await;
    assert_whole(&told);
    assert_eq!(told, log_of(&discovery, &other).await);
}

#[actix_web::test]
async fn what_a_client_asks_wrongly_is_answered_with_an_error() {
    let discovery = Discovery::start().await;
    let mut socket = open(&discovery).await;
    let unknown = "00000000-0000-0000-0000-000000000000";
    for wrong in [json!({}), json!([]), json!({"action": "subscribe"}), json!({"action": "subscribe", "executions": 1})]
    {
        socket.say(wrong).await;
        let answer = socket.json().await;
        assert!(answer["event"] == "error" && answer["detail"].as_str().unwrap().ends_with('.'), "{answer}");
    }
    socket.say(json!({"action": "subscribe", "execution_id": unknown})).await;
    let answer = socket.json().await;
    assert_eq!((&answer["event"], &answer["status"]), (&json!("error"), &json!(404)));
    assert_eq!(answer["execution_id"], unknown);
    socket.say(json!({"action": "ping"})).await;
    assert_eq!(socket.json().await, json!({"event": "pong"}));
}

#[actix_web::test]
async fn a_client_hears_of_all_executions_without_progress_and_contexts() {
    let discovery = Discovery::start().await;
    discovery.worker().does("a", |call| async move {
        call.progress(json!({"percentage": 50})).await.expect(200);
        call.complete(json!({"context": {"secret": 1}, "message": "done"})).await.expect(200);
        Act::answer(json!({"context": {"secret": 2}}))
    });
    let workflow = discovery.workflow(["a", "b"]).await;
    let before = discovery.begin(&workflow, json!({"secret": 3})).await;
    discovery.until_ended(&before).await;
    let mut socket = open(&discovery).await;
    for _ in 0..2 {
        socket.say(json!({"action": "subscribe", "executions": "all"})).await;
        assert_eq!(socket.json().await, json!({"event": "subscribed", "executions": "all"}));
    }
    let (one, other) = (discovery.begin(&workflow, json!({})).await, discovery.begin(&workflow, json!({})).await);
    for execution in [&one, &other] {
        discovery.until_ended(execution).await;
    }
    let mut expected = Vec::new();
    for execution in [&one, &other] {
        for told in log_of(&discovery, execution).await {
            let mut event = told.json();
            if event["event"] != "step_progress" {
                for name in ["context", "final_context"] {
                    event.as_object_mut().unwrap().remove(name);
                }
                event.get_mut("result").map(|result| result.as_object_mut().unwrap().remove("context"));
                expected.push(event);
            }
        }
    }
    let mut told = Vec::new();
    while told.len() < expected.len() {
        let text = socket.next().await.unwrap();
        assert!(!text.contains("secret"), "{text}");
        told.push(serde_json::from_str::<Value>(&text).unwrap());
    }
    for execution in [&one, &other] {
        let of = |events: &[Value]| -> Vec<Value> {
            events.iter().filter(|event| event["execution_id"] == **execution).cloned().collect()
        };
        assert_eq!(of(&told), of(&expected));
    }
    socket.say(json!({"action": "unsubscribe", "executions": "all"})).await;
    assert_eq!(socket.json().await, json!({"event": "unsubscribed", "executions": "all"}));
    let last = discovery.begin(&workflow, json!({})).await;
    discovery.until_ended(&last).await;
    assert!(socket.is_quiet().await);
}
