//! Many executions at once, and what they leave behind.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::{Value, json};

use super::watch::{HealthWatch, resident_mib, until_all_ended};
use crate::support::log_check::sound_logs;
use crate::support::{Act, Discovery, PATIENCE};

/// Requests that the test itself has open at once.
const STARTING_AT_ONCE: usize = 64;
/// No answer of `/health` may take longer, on whatever machine.
const HEALTH_MAX: Duration = Duration::from_secs(5);

/// Starts `count` executions of `workflow` and gives their ids.
async fn begin_many(discovery: &Discovery, workflow: &str, count: usize, data: impl Fn(usize) -> Value) -> Vec<String> {
    let begun = iter(0..count).map(|place| discovery.begin(workflow, data(place)));
    begun.buffer_unordered(STARTING_AT_ONCE).collect().await
}

async fn all_complete(executions: usize) {
    let mut discovery = Discovery::start().await;
    // None of them gets past its first step before all of them are there.
    let gate = discovery.worker().holds("a", Act::answer(json!({"context": {"a": 1}})));
    for handler in ["b", "c", "d", "e"] {
        discovery.worker().answers(handler, json!({"context": {handler: 1}}));
    }
    let workflow = discovery.workflow(["a", "b", "c", "d", "e"]).await;
    let idle = resident_mib(&discovery);
    let watch = HealthWatch::of(&discovery);
    let since = Instant::now();
    begin_many(&discovery, &workflow, executions, |n| json!({"n": n})).await;
    let (begun, begun_mib) = (since.elapsed(), resident_mib(&discovery));
    gate.open();
    until_all_ended(&discovery, PATIENCE).await;
    let took = since.elapsed();
    let health = watch.end();
    println!("{executions} at once: all begun after {begun:.2?}, all completed after {took:.2?}; {health}");
    println!("  resident MiB: idle {idle:.1?}, with all open {begun_mib:.1?}, after {:.1?}", resident_mib(&discovery));
    assert!(health.percentile(100) < HEALTH_MAX, "{health}");
    assert_eq!(discovery.worker().deliveries().len(), 5 * executions, "each step is called once");
    discovery.stop().await;
    let logs = sound_logs(&discovery.database_url()).await;
    assert_eq!(logs.len(), executions);
    for log in logs.values() {
        assert_eq!(log.state.status(), discovery::domain::Status::Completed);
        assert_eq!(log.events.len(), 12, "a start, five steps that begin and end, an end");
        assert_eq!(log.state.context().get("e"), Some(&json!(1)));
    }
}

#[actix_web::test]
async fn five_hundred_executions_at_once_complete() {
    all_complete(500).await;
}

#[actix_web::test]
async fn two_thousand_executions_at_once_complete() {
    all_complete(2_000).await;
}

#[actix_web::test]
async fn completed_executions_leave_nothing_behind() {
    const ROUNDS: usize = 5;
    const EXECUTIONS: usize = 200;
    /// Below what is kept apart from the context: an actor that stayed would hold all of it.
    const DATA_BYTES: usize = 15_000;
    /// The actors of the last three rounds would need half as much again.
    const GROWTH_MIB_MAX: f64 = 12.0;
    let discovery = Discovery::start().await;
    discovery.worker().answers("a", json!({"context": {"a": 1}}));
    let workflow = discovery.workflow(["a", "b", "c"]).await;
    let mut resident = Vec::new();
    for round in 0..ROUNDS {
        let data = |n| json!({"document": format!("{round} {n} {}", "x".repeat(DATA_BYTES))});
        begin_many(&discovery, &workflow, EXECUTIONS, data).await;
        until_all_ended(&discovery, PATIENCE).await;
        resident.extend(resident_mib(&discovery));
    }
    println!("resident MiB after each round: {resident:.1?}");
    if let (Some(first), Some(last)) = (resident.get(1), resident.last()) {
        assert!(last - first < GROWTH_MIB_MAX, "{resident:?}");
    }
    let (calls, connections) = (3 * ROUNDS * EXECUTIONS, discovery.worker().connections_accepted());
    assert_eq!(discovery.worker().deliveries().len(), calls);
    println!("{calls} calls over {connections} connections");
    assert!(connections * 8 < calls, "{connections} connections for {calls} calls");
}
