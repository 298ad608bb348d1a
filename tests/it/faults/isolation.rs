//! Handlers that hang hold up nobody but those who wait for it.

use serde_json::json;

use super::watch::until_all_ended;
use crate::support::log_check::sound_logs;
use crate::support::{Act, Discovery, Options, PATIENCE};

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

#[actix_web::test]
async fn six_handlers_that_hang_leave_room_for_one_that_is_quick() {
    const HANDLERS: usize = 6;
    const EACH: usize = 30;
    /// What each of them finds free when those before it are full, of 64, and never more than 16.
    const OPEN: [usize; HANDLERS] = [16, 16, 16, 8, 4, 2];
    let flags = ["--calls-max=64", "--calls-per-handler-max=16"];
    let mut discovery = flags.into_iter().fold(Options::new(), Options::flag).start().await;
    let mut gates = Vec::new();
    for (number, open) in OPEN.into_iter().enumerate() {
        let handler = format!("hangs_{number}");
        gates.push(discovery.worker().holds(&handler, Act::answer(json!({}))));
        let hanging = discovery.workflow([handler.as_str()]).await;
        futures_util::future::join_all((0..EACH).map(|_| discovery.begin(&hanging, json!({})))).await;
        assert_eq!(discovery.worker().until_called(&handler, open).await.len(), open, "{handler}");
    }
    let quick = discovery.workflow(["quick", "quicker"]).await;
    let begun = futures_util::future::join_all((0..OTHERS).map(|_| discovery.begin(&quick, json!({})))).await;
    for execution in &begun {
        assert_eq!(discovery.until_ended(execution).await["status"], "completed");
    }
    let called = |number: usize| discovery.worker().deliveries_of(&format!("hangs_{number}")).len();
    assert_eq!(std::array::from_fn(called), OPEN, "none of those that hang has gone on");
    gates.iter().for_each(|gate| gate.open());
    until_all_ended(&discovery, PATIENCE).await;
    discovery.stop().await;
    let logs = sound_logs(&discovery.database_url()).await;
    assert_eq!(logs.len(), HANDLERS * EACH + OTHERS);
    assert!(logs.values().all(|log| log.state.status() == discovery::domain::Status::Completed));
}
