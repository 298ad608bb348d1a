//! What a panic costs.

use super::harness::{at_gate, eventually, fast_limits, harness};
use crate::actors::AskError;
use crate::domain::{Command, Mode, Status, error_type};
use crate::limits::Limits;

#[actix_web::test]
async fn a_panic_costs_its_execution_one_restart_and_nobody_else_anything() {
    let harness = harness(fast_limits()).await;
    let (struck, other) = (harness.start_gated().await, harness.start_gated().await);
    let mut subscription = harness.runtime.subscribe(struck);
    let before = harness.runtime.view(struck).await.unwrap();

    harness.runtime.0.faults.provoke(struck, 1);
    assert!(matches!(harness.report(struck, 10).await, Err(AskError::Unavailable(_))), "not acknowledged");
    eventually("the open call is delivered again", || harness.deliveries_of_newest(&before) == 2).await;
    harness.report(struck, 20).await.unwrap();

    let gate = harness.gate.clone();
    gate.add_permits(100);
    for id in [struck, other] {
        let state = harness.until(id, |state| state.status().is_ended()).await;
        assert_eq!(state.status(), Status::Completed);
        assert_eq!(state.attempts().len(), 3, "each result was taken once");
    }
    let other = harness.runtime.view(other).await.unwrap();
    assert!(
        harness
            .deliveries
            .lock()
            .unwrap()
            .iter()
            .all(|(key, count)| { *count == 1 || (key.starts_with(&struck.to_string()) && *count == 2) })
    );
    assert_eq!(other.last_seq(), 8, "the neighbour noticed nothing");
    let mut seqs = Vec::new();
    while let Some(event) = subscription.next().await {
        seqs.push(event.seq);
        if event.kind == "workflow_completed" {
            break;
        }
    }
    let first = before.last_seq() + 1;
    assert_eq!(seqs, (first..first + seqs.len() as u64).collect::<Vec<_>>(), "the subscriber missed nothing");
}

#[actix_web::test]
async fn five_panics_in_a_minute_park_the_execution() {
    let harness = harness(fast_limits()).await;
    let (struck, other) = (harness.start_gated().await, harness.start_gated().await);
    harness.runtime.0.faults.provoke(struck, 5);
    assert!(harness.report(struck, 10).await.is_err());
    let state = harness.until(struck, |state| state.status() == Status::Paused).await;
    assert_eq!(state.error().map(|error| error.kind.as_str()), Some(error_type::ACTOR_CRASH_LOOP));
    assert_eq!(harness.runtime.0.faults.left(struck), 0, "each of the five restarts met the next panic");
    assert!(at_gate(&harness.runtime.view(other).await.unwrap()), "the neighbour goes on");
    harness.report(other, 10).await.unwrap();
}

#[actix_web::test]
async fn a_commit_that_is_refused_for_good_is_told_and_the_actor_reads_what_is_there() {
    let harness = harness(fast_limits()).await;
    let id = harness.start_gated().await;
    // Somebody else wrote the log: what the actor decides goes on from a state that is void.
    let foreign = rusqlite::Connection::open(harness.path()).unwrap();
    let sql = "UPDATE discovery_workflow_executions SET last_seq = last_seq + 1000 WHERE id = ?";
    foreign.execute(sql, [&id.0.as_bytes()[..]]).unwrap();
    assert!(matches!(harness.report(id, 10).await, Err(AskError::Unavailable(_))));
    let sql = "UPDATE discovery_workflow_executions SET last_seq = last_seq - 1000 WHERE id = ?";
    foreign.execute(sql, [&id.0.as_bytes()[..]]).unwrap();
    harness.gate.add_permits(10);
    let state = harness.until(id, |state| state.status().is_ended()).await;
    assert_eq!((state.status(), state.last_seq()), (Status::Completed, 8));
}

#[actix_web::test]
async fn a_damaged_log_is_told_and_harms_nobody_else() {
    let limits = Limits { passivate_after: std::time::Duration::from_millis(1), ..fast_limits() };
    let harness = harness(limits).await;
    let (damaged, other) = (harness.start(Mode::Manual).await, harness.start(Mode::Manual).await);
    eventually("both sleep", || harness.runtime.live() == 0).await;
    let foreign = rusqlite::Connection::open(harness.path()).unwrap();
    let sql = "UPDATE discovery_execution_events SET body = '{}' WHERE execution_id = ?";
    foreign.execute(sql, [&damaged.0.as_bytes()[..]]).unwrap();
    let asked = harness.runtime.ask(damaged, Command::Next, Vec::new()).await;
    assert!(matches!(asked, Err(AskError::Unreadable(_))), "{asked:?}");
    assert!(matches!(harness.runtime.view(damaged).await, Err(AskError::Unreadable(_))));
    harness.runtime.ask(other, Command::Next, Vec::new()).await.unwrap();
    harness.until(other, |state| state.attempts().len() == 1 && !state.has_open_call()).await;
}

#[actix_web::test]
async fn whoever_waits_for_a_state_looks_again_after_a_crash_and_leaves_nothing_behind() {
    let harness = harness(fast_limits()).await;
    let struck = harness.start_gated().await;
    let ended = |state: &crate::domain::Execution| state.status().is_ended();
    let expected = harness.runtime.expect(struck, ended);
    let given_up = harness.runtime.expect(struck, ended);
    drop(given_up);
    harness.runtime.0.faults.provoke(struck, 1);
    assert!(harness.report(struck, 10).await.is_err());
    assert!(expected.settled().await.is_none(), "what was committed just before the crash may have been it");

    let waits = harness.runtime.until(struck, ended);
    let moves = async {
        let directory = &harness.runtime.0.directory;
        eventually("it is waited for", || directory.waiters(struck) == 1).await;
        harness.gate.add_permits(100);
    };
    let (state, ()) = futures_util::future::join(waits, moves).await;
    assert_eq!(state.unwrap().status(), Status::Completed);
    let directory = &harness.runtime.0.directory;
    eventually("its entry is gone", || !directory.is_known(struck)).await;
}
