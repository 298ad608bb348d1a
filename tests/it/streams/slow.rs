//! Clients that read slowly, not at all, or do not answer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::log_of;
use crate::support::{Act, Discovery, Events, Options, PATIENCE, Raw, Socket, found_within};

/// A server that drops slow clients soon, with an execution that waits.
async fn waiting(flags: &[&str]) -> (Discovery, String) {
    let options = flags.iter().fold(Options::new(), |options, flag| options.flag(*flag));
    let discovery = options.flag("--session-socket-bytes=4096").start().await;
    discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    (discovery, execution)
}

/// Makes an event of about 10 KB.
async fn make_event(discovery: &Discovery, execution: &str, number: usize) {
    let data = json!({"additional_data": {"number": number, "text": "x".repeat(10_000)}});
    discovery.http().patch(&format!("/executions/{execution}/properties"), data).await.expect(200);
}

async fn watchers(discovery: &Discovery, execution: &str) -> Value {
    let report = json!({"percentage": 1});
    discovery.post(&format!("/executions/{execution}/steps/a/progress"), report).await.expect(200)["watchers"].clone()
}

pub(super) async fn until_watched_by(discovery: &Discovery, execution: &str, count: usize) {
    let wanted = found_within(PATIENCE, || async { (watchers(discovery, execution).await == count).then_some(()) });
    assert!(wanted.await.is_some(), "it is not watched by {count}");
}

#[actix_web::test]
async fn a_client_that_never_reads_is_cut_off_and_the_others_notice_nothing() {
    let (discovery, execution) = waiting(&["--session-stall-seconds=0.5"]).await;
    let (ws, sse) = (format!("/ws/{execution}"), format!("/executions/{execution}/events"));
    let mut frozen = [Raw::upgrade(&discovery, &ws).await, Raw::stream(&discovery, &sse).await];
    let mut reader = Socket::open(&format!("{}{ws}", discovery.http().url())).await;
    let reading = tokio::task::spawn_local(async move { reader.rest().await });
    until_watched_by(&discovery, &execution, 3).await;
    for number in 0..30 {
        make_event(&discovery, &execution, number).await;
    }
    until_watched_by(&discovery, &execution, 1).await;
    for client in &mut frozen {
        let (read, end) = client.read_to_end().await;
        assert!(read.starts_with(b"HTTP/1.1 ") && read.len() < 200_000, "{} bytes", read.len());
        assert_eq!(end.map_err(|error| error.kind()), Err(std::io::ErrorKind::ConnectionReset));
    }
    discovery.worker().go_away();
    discovery.until_ended(&execution).await;
    let (told, end) = reading.await.unwrap();
    end.assert_closed(1000);
    assert_eq!(told, log_of(&discovery, &execution).await);
    assert!(!discovery.log().contains("ERROR"), "it is nothing for an operator: {}", discovery.log());
}

#[actix_web::test]
async fn a_client_that_is_too_slow_for_its_buffer_is_told_and_can_come_back() {
    let (discovery, execution) = waiting(&["--session-buffer-events=20", "--session-stall-seconds=1000"]).await;
    let url = format!("{}/ws/{execution}", discovery.http().url());
    let mut slow = Socket::open(&url).await;
    let stream_url = format!("{}/executions/{execution}/events", discovery.http().url());
    let mut slow_stream = Events::open(&stream_url, &[]).await;
    until_watched_by(&discovery, &execution, 2).await;
    let mut number = 0;
    while watchers(&discovery, &execution).await != 0 {
        make_event(&discovery, &execution, number).await;
        number += 1;
    }
    let (mut told, end) = slow.rest().await;
    end.assert_closed(1013);
    let mut streamed = slow_stream.rest().await;
    let log = log_of(&discovery, &execution).await;
    assert!(told.len() < log.len() && streamed.len() < log.len(), "something was left out");
    assert_eq!((&told[..], &streamed[..]), (&log[..told.len()], &log[..streamed.len()]));
    let mut again = Socket::open(&format!("{url}?after={}", told.len())).await;
    while told.len() < log.len() {
        told.push(again.told().await.unwrap());
    }
    let last = streamed.len().to_string();
    let mut again = Events::open(&stream_url, &[("last-event-id", &last)]).await;
    while streamed.len() < log.len() {
        streamed.push(again.next().await.unwrap());
    }
    assert_eq!((&told, &streamed), (&log, &log));
}

#[actix_web::test]
async fn a_client_of_all_executions_that_is_too_slow_is_told() {
    let (discovery, execution) = waiting(&["--session-buffer-bytes=100000", "--session-stall-seconds=1000"]).await;
    let mut slow = Socket::open(&format!("{}/ws", discovery.http().url())).await;
    slow.say(json!({"action": "subscribe", "executions": "all"})).await;
    slow.json().await;
    for number in 0..300 {
        make_event(&discovery, &execution, number).await;
    }
    let (told, end) = slow.rest().await;
    end.assert_closed(1013);
    assert!(told.len() < 300);
}

#[actix_web::test]
async fn a_client_that_sends_nothing_is_dropped() {
    let (discovery, execution) = waiting(&["--session-ping-seconds=0.1", "--session-silence-seconds=0.5"]).await;
    let opened_at = Instant::now();
    let mut silent = Raw::upgrade(&discovery, &format!("/ws/{execution}")).await;
    let mut stream = Events::open(&format!("{}/executions/{execution}/events", discovery.http().url()), &[]).await;
    let (read, end) = silent.read_to_end().await;
    assert!(end.is_err() && opened_at.elapsed() >= Duration::from_millis(500), "{end:?}");
    assert!(read.windows(4).filter(|bytes| *bytes == [0x89, 0, 0x89, 0]).count() > 0, "it was pinged: {read:?}");
    until_watched_by(&discovery, &execution, 1).await;
    for _ in 0..2 {
        stream.next().await.unwrap();
    }
}

#[actix_web::test]
async fn a_frame_that_announces_more_than_may_come_is_refused_before_it_comes() {
    let (discovery, execution) = waiting(&[]).await;
    let mut client = Raw::upgrade(&discovery, &format!("/ws/{execution}?after=1000")).await;
    client.write(&[0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4, b'x']).await;
    let (read, _) = client.read_to_end().await;
    let close = [0x88, 2 + "The message is too long.".len() as u8, 0x03, 0xf1];
    assert!(read.windows(4).any(|bytes| bytes == close), "no close with 1009: {:?}", String::from_utf8_lossy(&read));
}

#[actix_web::test]
async fn a_stop_does_not_wait_for_a_client_that_does_not_read() {
    let flags = ["--session-close-seconds=0.5", "--stop-timeout-seconds=60", "--session-stall-seconds=1000"];
    let (mut discovery, execution) = waiting(&flags).await;
    let _frozen = [
        Raw::upgrade(&discovery, &format!("/ws/{execution}")).await,
        Raw::stream(&discovery, &format!("/executions/{execution}/events")).await,
    ];
    until_watched_by(&discovery, &execution, 2).await;
    for number in 0..30 {
        make_event(&discovery, &execution, number).await;
    }
    discovery.worker().go_away();
    discovery.until_ended(&execution).await;
    let asked_at = Instant::now();
    assert!(discovery.stop().await.success());
    assert!(asked_at.elapsed() < Duration::from_secs(20), "{:?}", asked_at.elapsed());
}
