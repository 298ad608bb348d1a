//! Many subscribers. The figures are printed: run with `--nocapture`.
//!
//! Both ends of each connection count against the limit of open files of some process: 4,096 are enough, and for more sockets
//! (`DISCOVERY_TEST_SOCKETS_EACH`, on each of the 1,000 executions) as many as there are, and 4,096 more.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::log_of;
use super::slow::until_watched_by;
use crate::support::{Act, Discovery, Http, Options, Raw, Socket};

const READERS: usize = 990;
const IDLERS: usize = 10;
const EVENTS: usize = 60;
const EVENT_BYTES: usize = 4_000;
/// What the server may grow by: 40 KB for each socket, and as much again.
const GROWTH_KB_MAX: u64 = 1_000 * 40 * 2;

/// A line of the server's `/proc/…/status`, in kB.
fn memory_kb(discovery: &Discovery, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", discovery.pid().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|char: char| !char.is_ascii_digit()).parse().unwrap()
}

#[actix_web::test]
async fn of_a_thousand_subscribers_those_who_do_not_read_cost_nobody_anything() {
    let flags = ["--session-stall-seconds=5", "--session-socket-bytes=16384"];
    let discovery = flags.into_iter().fold(Options::new(), Options::flag).start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    let before_kb = memory_kb(&discovery, "VmRSS:");
    let path = format!("/ws/{execution}");
    let url = format!("{}{path}", discovery.http().url());
    let idlers = join_all((0..IDLERS).map(|_| Raw::upgrade(&discovery, &path))).await;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut socket = Socket::open(&url).await;
        readers.push(tokio::task::spawn_local(async move { socket.rest().await }));
    }
    until_watched_by(&discovery, &execution, READERS + IDLERS).await;
    let open_kb = memory_kb(&discovery, "VmRSS:");
    for number in 0..EVENTS {
        let data = json!({"additional_data": {"number": number, "text": "x".repeat(EVENT_BYTES)}});
        discovery.http().patch(&format!("/executions/{execution}/properties"), data).await.expect(200);
    }
    until_watched_by(&discovery, &execution, READERS).await;
    gate.open();
    let told = join_all(readers).await;
    let log = log_of(&discovery, &execution).await;
    for (told, end) in told.into_iter().map(Result::unwrap) {
        assert!(told == log, "{} of {} events", told.len(), log.len());
        end.assert_closed(1000);
    }
    for mut idler in idlers {
        assert!(idler.read_to_end().await.1.is_err(), "it was cut off");
    }
    let peak_kb = memory_kb(&discovery, "VmHWM:");
    println!("resident: {before_kb} kB before, {open_kb} kB with 1,000 sockets, {peak_kb} kB at most");
    assert!(peak_kb - before_kb < GROWTH_KB_MAX, "{before_kb} kB grew to {peak_kb} kB");
}

const EXECUTIONS: usize = 1_000;
const SECONDS: usize = 3;
/// What an open socket may cost.
const SOCKET_KB_MAX: u64 = 40;

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |number| number.parse().unwrap())
}

/// How many sockets follow each execution.
fn sockets_each() -> usize {
    number("DISCOVERY_TEST_SOCKETS_EACH", 2)
}

/// How many reports are sent each second; what a build without optimisation bears, unless the environment says more.
fn reports_a_second() -> usize {
    number("DISCOVERY_TEST_REPORTS_A_SECOND", 200)
}

/// Sends the reports from a thread of its own, each at its time, and gives when the server began to be asked.
fn report_from_a_thread(url: String, executions: Vec<String>, epoch: Instant) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let http = Http::to(url);
            let total = reports_a_second() * SECONDS;
            let (begun, mut sent) = (Instant::now(), Vec::with_capacity(total));
            for number in 0..total {
                let due = begun + Duration::from_secs_f64(number as f64 / reports_a_second() as f64);
                tokio::time::sleep_until(due.into()).await;
                let (http, path) =
                    (http.clone(), format!("/executions/{}/steps/a/progress", executions[number % EXECUTIONS]));
                sent.push(tokio::task::spawn_local(async move {
                    let at_us = epoch.elapsed().as_micros() as u64;
                    let report = json!({"percentage": 50, "custom_data": {"at_us": at_us}});
                    http.post(&path, report).await.expect(200);
                }));
            }
            join_all(sent).await.into_iter().for_each(Result::unwrap);
            begun.elapsed().as_millis() as usize
        })
    })
}

#[actix_web::test]
async fn reports_reach_thousands_of_sockets_on_a_thousand_executions() {
    let flags = ["--calls-max=2000", "--calls-per-handler-max=2000"];
    let discovery = flags.into_iter().fold(Options::new(), Options::flag).start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let mut executions = Vec::new();
    for _ in 0..EXECUTIONS {
        executions.push(discovery.begin(&workflow, json!({})).await);
    }
    discovery.worker().until_called("a", EXECUTIONS).await;
    let idle_kb = memory_kb(&discovery, "VmRSS:");
    let epoch = Instant::now();
    let open = Rc::new(Cell::new(0u64));
    let mut readers = Vec::new();
    for execution in executions.iter().flat_map(|execution| std::iter::repeat_n(execution, sockets_each())) {
        let url = format!("{}/ws/{execution}?after=2", discovery.http().url());
        let mut socket = Socket::open(&url).await;
        open.update(|open| open + 1);
        readers.push(tokio::task::spawn_local(async move {
            let mut latencies_us = Vec::new();
            while let Ok(text) = socket.next().await {
                let now_us = epoch.elapsed().as_micros() as u64;
                let event: Value = serde_json::from_str(&text).unwrap();
                latencies_us.extend(event["progress"]["custom_data"]["at_us"].as_u64().map(|at| now_us - at));
            }
            latencies_us
        }));
    }
    let open_kb = memory_kb(&discovery, "VmRSS:");
    let reporting = report_from_a_thread(discovery.http().url().to_owned(), executions.clone(), epoch);
    while !reporting.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took_ms = reporting.join().unwrap();
    gate.open();
    let mut latencies: Vec<u64> = join_all(readers).await.into_iter().flat_map(Result::unwrap).collect();
    latencies.sort_unstable();
    let reports = reports_a_second() * SECONDS;
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100] as f64 / 1_000.0;
    println!(
        "{reports} reports in {took_ms} ms to {} sockets: {} frames; p50 {} ms, p90 {} ms, p99 {} ms, most {} ms; \
        {idle_kb} kB resident before, {open_kb} kB with the sockets, {:.1} kB for each",
        open.get(),
        latencies.len(),
        at(50),
        at(90),
        at(99),
        at(100),
        (open_kb - idle_kb) as f64 / open.get() as f64,
    );
    assert_eq!(latencies.len(), reports * sockets_each(), "each report at its own socket's pace");
    assert!(open_kb - idle_kb < open.get() * SOCKET_KB_MAX, "{idle_kb} kB grew to {open_kb} kB");
}
