//! What executions cost that only wait: for a callback, for a retry that is far away, for somebody who steps them by hand.
//!
//! The figures are printed: run with `--nocapture`, on an optimised build (`DISCOVERY_TEST_PROGRAM`), and with as many
//! executions as `DISCOVERY_TEST_WAITING` and `DISCOVERY_TEST_PARKED` say.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::json;

use super::watch::{cpu_ticks, resident_mib};
use crate::support::{Act, Discovery, Options, PATIENCE, found_within};

/// Requests that the test itself has open at once.
const STARTING_AT_ONCE: usize = 64;
/// How long an idle server is looked at.
const IDLE: Duration = Duration::from_secs(3);
/// What a sleeping execution may cost; what an allocator keeps for itself is part of it.
const GROWTH_KIB_EACH_MAX: f64 = 8.0;
/// Of one core, on whatever machine.
const IDLE_CPU_PERCENT_MAX: f64 = 25.0;
/// The clock in which Linux tells the CPU that was used.
const TICKS_A_SECOND: f64 = 100.0;

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |number| number.parse().unwrap())
}

async fn begin_many(discovery: &Discovery, workflow: &str, count: usize) -> Vec<String> {
    let begun = iter(0..count).map(|number| discovery.begin(workflow, json!({"number": number})));
    begun.buffer_unordered(STARTING_AT_ONCE).collect().await
}

async fn until_waiting(discovery: &Discovery, count: usize) {
    let since = Instant::now();
    loop {
        let stats = discovery.get("/admin/stats").await.expect(200);
        let actors = stats["actors"].as_object().unwrap();
        let live: u64 = actors.values().filter_map(serde_json::Value::as_u64).sum();
        if live == 0 {
            return;
        }
        assert!(since.elapsed() < 3 * PATIENCE, "{live} of {count} are still awake: {stats:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The share of one core that the server takes while nobody asks anything, in percent.
async fn idle_cpu_percent(discovery: &Discovery) -> Option<f64> {
    let (before, since) = (cpu_ticks(discovery)?, Instant::now());
    // What is measured is a length of time.
    tokio::time::sleep(IDLE).await;
    Some((cpu_ticks(discovery)? - before) / TICKS_A_SECOND / since.elapsed().as_secs_f64() * 100.0)
}

#[actix_web::test]
async fn thousands_that_wait_for_callbacks_and_retries_cost_almost_nothing() {
    let waiting = number("DISCOVERY_TEST_WAITING", 1_000);
    let discovery = Options::new().flag("--passivate-after-seconds=1").start().await;
    discovery.worker().on("elsewhere", Act::status(202, json!({})));
    discovery.worker().on("fails", Act::status(503, json!({})));
    let elsewhere = discovery.workflow(["elsewhere"]).await;
    let retry = json!({"max_attempts": 2, "initial_interval_seconds": 3600, "max_interval_seconds": 3600});
    let retried = discovery.workflow([json!({"name": "fails", "retry": retry})]).await;
    // What the first ones need is needed once.
    begin_many(&discovery, &elsewhere, 100).await;
    begin_many(&discovery, &retried, 100).await;
    until_waiting(&discovery, 200).await;
    let before = resident_mib(&discovery);
    let called_back = begin_many(&discovery, &elsewhere, waiting).await;
    begin_many(&discovery, &retried, waiting).await;
    let awake = resident_mib(&discovery);
    until_waiting(&discovery, 2 * waiting).await;
    let asleep = resident_mib(&discovery);
    let cpu = idle_cpu_percent(&discovery).await;
    println!(
        "2 × {waiting} wait; resident MiB: {before:.1?}, when begun {awake:.1?}, asleep {asleep:.1?}; idle CPU {cpu:.1?} %"
    );
    if let (Some(before), Some(asleep), Some(cpu)) = (before, asleep, cpu) {
        let each_kib = (asleep - before) * 1024.0 / (2 * waiting) as f64;
        assert!(each_kib < GROWTH_KIB_EACH_MAX, "{each_kib:.1} KiB each");
        assert!(cpu < IDLE_CPU_PERCENT_MAX, "{cpu:.1} %");
    }
    let running = discovery.get("/executions?status=running&limit=1").await.expect(200);
    assert_eq!(running["pagination"]["total"], 2 * waiting + 200);
    let one = &called_back[waiting / 2];
    let since = Instant::now();
    discovery.post(&format!("/executions/{one}/steps/elsewhere/complete"), json!({})).await.expect(200);
    println!("one of them is woken by its callback within {:.1?}", since.elapsed());
    assert_eq!(discovery.until_ended(one).await["status"], "completed");
}

#[actix_web::test]
async fn thousands_that_are_stepped_by_hand_hold_up_no_start_and_each_is_woken_at_once() {
    /// How long one may take to be woken, on whatever machine.
    const WAKE_MAX: Duration = Duration::from_secs(5);
    const WOKEN: usize = 21;
    let parked = number("DISCOVERY_TEST_PARKED", 1_000);
    let mut discovery = Options::new().flag("--passivate-after-seconds=1").start().await;
    let steps = json!([{"name": "a"}, {"name": "b"}]);
    let workflow = discovery.define(json!({"name": "m", "mode": "manual", "steps": steps})).await;
    let empty = resident_mib(&discovery);
    let since = Instant::now();
    let begun = begin_many(&discovery, &workflow, parked).await;
    let (took, with_all) = (since.elapsed(), resident_mib(&discovery));
    discovery.stop().await;
    let since = Instant::now();
    discovery.restart().await;
    let listening = since.elapsed();
    let ready = found_within(PATIENCE, || async { (discovery.get("/ready").await.status == 200).then_some(()) }).await;
    assert!(ready.is_some(), "it does not get ready");
    let (ready, restarted) = (since.elapsed(), resident_mib(&discovery));
    let mut latencies = Vec::new();
    for place in (0..WOKEN).map(|number| number * (parked - 1) / WOKEN) {
        let since = Instant::now();
        let moved = discovery.steer(&begun[place], "next").await;
        latencies.push(since.elapsed());
        assert_eq!((&moved["status"], &moved["context"]["number"].is_u64()), (&json!("running"), &true), "{moved}");
    }
    latencies.sort_unstable();
    assert!(latencies[WOKEN - 1] < WAKE_MAX, "{latencies:?}");
    println!(
        "{parked} parked: begun in {took:.1?}; resident MiB: empty {empty:.1?}, with all begun {with_all:.1?}, started anew {restarted:.1?}"
    );
    println!(
        "  listens after {listening:.1?}, ready after {ready:.1?}; one is woken and its step done in {:.1?} (p50), {:.1?} (max)",
        latencies[WOKEN / 2],
        latencies[WOKEN - 1]
    );
    if discovery.database_url().starts_with("sqlite:") {
        let bytes = std::fs::metadata(discovery.database()).unwrap().len();
        println!("  the database file has {:.1} MiB", bytes as f64 / 1024.0 / 1024.0);
    }
    let live = discovery.get("/admin/actors?kind=execution&limit=1").await.expect(200)["total"].as_u64().unwrap();
    assert!(live <= WOKEN as u64, "{live} are awake");
    assert_eq!(discovery.worker().deliveries_of("a").len(), WOKEN);
}
