//! A start with many open executions. The figures are printed: run with `--nocapture`, and with as many executions as
//! `DISCOVERY_TEST_OPEN` says; each needs an open file of the server, and one of this process.

use std::collections::HashMap;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::json;

use super::watch::{HealthWatch, until_all_ended};
use crate::support::log_check::sound_logs;
use crate::support::{Act, Options, PATIENCE};

/// The default of `--recovery-batch`.
const BATCH: usize = 256;
/// Requests that the test itself has open at once.
const STARTING_AT_ONCE: usize = 64;

#[actix_web::test]
async fn thousands_of_open_executions_go_on_after_a_kill_the_oldest_first() {
    let open = std::env::var("DISCOVERY_TEST_OPEN").map_or(1_000, |number| number.parse().unwrap());
    let mut discovery = Options::new()
        .flag(format!("--calls-per-handler-max={open}"))
        // A handler leaves as much room as it takes.
        .flag(format!("--calls-max={}", 2 * open))
        .start()
        .await;
    let gate = discovery.worker().holds("slow", Act::answer(json!({"context": {"done": true}})));
    let workflow = discovery.workflow(["slow", "last"]).await;
    let begun = iter(0..open).map(|_| discovery.begin(&workflow, json!({})));
    let begun: Vec<String> = begun.buffered(STARTING_AT_ONCE).collect().await;
    discovery.worker().until_called("slow", open).await;
    let restarted_at = Instant::now();
    discovery.restart().await;
    let ready = restarted_at.elapsed();
    let watch = HealthWatch::of(&discovery);
    // Requests are taken while the others are being woken.
    assert_eq!(discovery.run(["other"], json!({})).await["status"], "completed");
    assert_eq!(discovery.status(&begun[open - 1]).await["status"], "running");
    discovery.worker().until_called("slow", 2 * open).await;
    println!("ready {ready:?} after the kill, all {open} moving after {:?}", restarted_at.elapsed());
    println!("{}", watch.end());

    let calls = discovery.worker().deliveries_of("slow");
    let (before, after) = calls.split_at(open);
    let keys = |calls: &[crate::support::Delivery]| {
        let keys = calls.iter().map(|call| (call.execution().to_owned(), call.idempotency_key().to_owned()));
        keys.collect::<HashMap<_, _>>()
    };
    assert_eq!(keys(before), keys(after), "every attempt is delivered again under its key");
    let place: HashMap<&str, usize> = (0..).zip(after).map(|(place, call)| (call.execution(), place)).collect();
    let mut by_age: Vec<(String, usize)> = Vec::new();
    for execution in &begun {
        let created_at = discovery.get(&format!("/executions/{execution}")).await.expect(200)["created_at"].to_string();
        by_age.push((created_at, place[execution.as_str()]));
    }
    by_age.sort();
    let last_of_oldest = by_age[..BATCH].iter().map(|(_, place)| place).max();
    let first_of_newest = by_age[open - BATCH..].iter().map(|(_, place)| place).min();
    assert!(last_of_oldest < first_of_newest, "{last_of_oldest:?} {first_of_newest:?}");

    gate.open();
    until_all_ended(&discovery, PATIENCE).await;
    discovery.kill();
    let logs = sound_logs(&discovery.database_url()).await;
    assert_eq!(logs.len(), open + 1);
    assert!(logs.values().all(|log| log.state.status() == discovery::domain::Status::Completed));
}
