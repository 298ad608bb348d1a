//! A handler that hangs holds up nobody but those who wait for it.

use serde_json::json;

use super::watch::until_all_ended;
use crate::support::log_check::sound_logs;
use crate::support::{Act, Discovery, PATIENCE};

/// The default of `--calls-per-handler-max`.
const CALLS_PER_HANDLER_MAX: usize = 256;
const HUNG: usize = CALLS_PER_HANDLER_MAX + 14;
const OTHERS: usize = 40;

#[actix_web::test]
async fn a_handler_whose_calls_all_hang_holds_up_no_other() {
    let mut discovery = Discovery::start().await;
    let gate = discovery.worker().holds("hangs", Act::answer(json!({"context": {"hung": true}})));
    let hanging = discovery.workflow(["hangs"]).await;
    let other = discovery.workflow(["quick", "quicker"]).await;
    let mut hung = Vec::new();
    for _ in 0..HUNG {
        hung.push(discovery.begin(&hanging, json!({})).await);
    }
    discovery.worker().until_called("hangs", CALLS_PER_HANDLER_MAX).await;
    assert_eq!(discovery.worker().open_calls(), CALLS_PER_HANDLER_MAX, "all of them are really open");
    for _ in 0..OTHERS {
        let execution = discovery.begin(&other, json!({})).await;
        assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
    }
    let called = discovery.worker().deliveries_of("hangs");
    assert_eq!(called.len(), CALLS_PER_HANDLER_MAX, "those behind them wait for their turn");
    // First come, first served: the last ones are those that wait.
    let last = hung.last().unwrap();
    assert!(called.iter().all(|call| call.execution() != last));
    assert_eq!(discovery.status(last).await["status"], "running");
    gate.open();
    until_all_ended(&discovery, PATIENCE).await;
    assert_eq!(discovery.worker().deliveries_of("hangs").len(), HUNG, "each was called once");
    discovery.stop().await;
    let logs = sound_logs(&discovery.database_url()).await;
    assert_eq!(logs.len(), HUNG + OTHERS);
    assert!(logs.values().all(|log| log.state.status() == discovery::domain::Status::Completed));
}
