//! Sleeping and waking, bounds, conflation, stopping.

use std::sync::atomic::Ordering;

use futures_util::future::{join, join_all};
use uuid::Uuid;

use super::harness::{at_gate, eventually, fast_limits, harness};
use crate::actors::{AskError, now};
use crate::domain::{AttemptId, Command, IdempotencyKey, Mode, Rejection, Status, Timestamp, WaitingFor};
use crate::journal::StartKey;
use crate::limits::Limits;
use crate::payload::Sha256Hash;

#[actix_web::test]
async fn an_execution_that_waits_goes_to_sleep_and_a_message_wakes_it() {
    let limits = Limits { passivate_after: std::time::Duration::from_millis(20), ..fast_limits() };
    let harness = harness(limits).await;
    let id = harness.start(Mode::Manual).await;
    eventually("it sleeps", || harness.runtime.live() == 0).await;
    let asleep = harness.runtime.view(id).await.unwrap();
    assert_eq!(asleep.waiting_for(), Some(WaitingFor::Next));

    harness.runtime.ask(id, Command::Next, Vec::new()).await.unwrap();
    harness.until(id, |state| !state.has_open_call()).await;
    eventually("it sleeps again", || harness.runtime.live() == 0).await;

    // Many at once: one of them starts the step, which goes on until all have found the one actor.
    let asked = join_all((0..50).map(|_| harness.runtime.ask(id, Command::Next, Vec::new()))).await;
    assert_eq!(asked.iter().filter(|reply| reply.is_ok()).count(), 1);
    harness.gate.add_permits(1);
    let state = harness.until(id, |state| !state.has_open_call()).await;
    assert_eq!(state.attempts().len(), 2);
    eventually("it sleeps at last", || harness.runtime.live() == 0).await;
}

#[actix_web::test]
async fn whoever_asks_while_an_actor_is_on_its_way_gets_no_second_one() {
    let limits = Limits { passivate_after: std::time::Duration::from_millis(1), ..fast_limits() };
    let harness = harness(limits).await;
    let id = harness.start(Mode::Manual).await;
    eventually("it sleeps", || harness.runtime.live() == 0).await;
    let shared = &harness.runtime.0;
    let (go_on, held) = std::sync::mpsc::channel::<()>();
    // An error is what it waits for.
    assert!(shared.pool.arbiter_of(id).1.spawn_fn(move || held.recv().unwrap_or_default()));
    let (started, asked) = (|| shared.generations.load(Ordering::Relaxed), || shared.registry_vitals.handled());
    let (started_before, asked_before) = (started(), asked());
    let second = async {
        eventually("the first is on its way", || started() == started_before + 1).await;
        let let_go = async {
            eventually("it is asked for again", || asked() == asked_before + 2).await;
            drop(go_on);
        };
        join(harness.runtime.activate(id), let_go).await.0
    };
    let (first, second) = join(harness.runtime.activate(id), second).await;
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert_eq!(started(), started_before + 1);
}

#[actix_web::test]
async fn an_execution_that_takes_long_to_wake_holds_up_no_other() {
    let limits = Limits { passivate_after: std::time::Duration::from_millis(1), ..fast_limits() };
    let harness = harness(limits).await;
    let (slow, other) = (harness.start(Mode::Manual).await, harness.start(Mode::Manual).await);
    eventually("they sleep", || harness.runtime.live() == 0).await;
    let shared = &harness.runtime.0;
    let started = || shared.generations.load(Ordering::Relaxed);
    let before = started();
    let (go_on, held) = std::sync::mpsc::channel::<()>();
    // An error is what it waits for.
    assert!(shared.pool.arbiter_of(slow).1.spawn_fn(move || held.recv().unwrap_or_default()));
    let rings = |id| shared.waker.take_over(id, now(), Timestamp::new(chrono::DateTime::<chrono::Utc>::MIN_UTC));
    rings(slow);
    eventually("it is being woken", || started() == before + 1).await;
    rings(other);
    eventually("the other is being woken", || started() == before + 2).await;
    drop(go_on);
    eventually("they sleep again", || harness.runtime.live() == 0).await;
}

#[actix_web::test]
async fn an_ended_execution_has_no_actor_and_refuses_late_reports() {
    let harness = harness(fast_limits()).await;
    harness.gate.add_permits(1);
    let id = harness.start(Mode::Automatic).await;
    harness.until(id, |state| state.status() == Status::Completed).await;
    eventually("its actor is gone", || harness.runtime.live() == 0).await;
    let refused = harness.report(id, 50).await;
    assert!(matches!(refused, Err(AskError::Rejected(Rejection::StepNotRunning(_)))), "{refused:?}");
    eventually("its actor is gone again", || harness.runtime.live() == 0).await;
}

#[actix_web::test]
async fn an_execution_with_too_many_messages_says_when_to_come_back() {
    let limits =
        Limits { execution_messages_max: 3, progress_interval: std::time::Duration::from_secs(5), ..fast_limits() };
    let harness = harness(limits).await;
    let id = harness.start_gated().await;
    harness.report(id, 1).await.unwrap();
    // The gate of the reports is closed: these wait, and hold their permits.
    let held = join_all((0..4).map(|n| harness.report(id, 2 + n)));
    let both = async {
        eventually("the step is let go", || harness.runtime.watchers(id) == 0).await;
        harness.gate.add_permits(1);
    };
    let (replies, ()) = futures_util::future::join(held, both).await;
    let overloaded = replies.iter().filter(|reply| matches!(reply, Err(AskError::Overloaded { .. }))).count();
    assert_eq!((overloaded, replies.iter().filter(|reply| reply.is_ok()).count()), (1, 3));
}

#[actix_web::test]
async fn reports_that_come_too_fast_share_an_event_and_the_newest_wins() {
    let limits = Limits { progress_interval: std::time::Duration::from_secs(1), ..fast_limits() };
    let harness = harness(limits).await;
    let id = harness.start_gated().await;
    let before = harness.runtime.view(id).await.unwrap().last_seq();
    let replies = join_all((1..=20).map(|n| harness.report(id, n))).await;
    assert!(replies.iter().all(Result::is_ok), "every one is acknowledged");
    let texts = harness.journal.events(id, before, 100).await.unwrap().unwrap();
    assert_eq!(texts.len(), 2, "the first at once, the others together: {texts:?}");
    assert!(texts[1].contains("\"percentage\":20"), "{texts:?}");

    // What is pending goes out before the step's next event, in the same commit.
    let pending = harness.report(id, 99);
    let end = async {
        let with_actor = || harness.runtime.0.directory.look_at(id, |_, _, messages, _| messages);
        eventually("the report is with its actor", || with_actor() == Some(1)).await;
        harness.gate.add_permits(1);
        harness.until(id, |state| state.status().is_ended()).await
    };
    let (reply, state) = join(pending, end).await;
    reply.unwrap();
    let progress = state.attempts()[1].progress.as_ref().unwrap();
    assert_eq!(progress.percent(), 99.0);
}

#[actix_web::test]
async fn a_late_report_of_another_attempt_neither_joins_nor_replaces_those_that_are_held() {
    let limits = Limits { progress_interval: std::time::Duration::from_millis(300), ..fast_limits() };
    let harness = harness(limits).await;
    let id = harness.start_gated().await;
    let current = harness.runtime.view(id).await.unwrap().running_attempts().next().unwrap().id;
    harness.report(id, 1).await.unwrap();
    // The gate is closed: the first of these waits there when the second comes.
    let (held, stale) =
        join(harness.report_as(Some(current), id, 10), harness.report_as(Some(AttemptId(Uuid::now_v7())), id, 20))
            .await;
    assert!(matches!(stale, Err(AskError::Rejected(Rejection::StaleAttempt))), "{stale:?}");
    let reported = held.unwrap().attempts()[1].progress.clone().unwrap();
    assert_eq!(reported.percent(), 10.0);
}

#[actix_web::test]
async fn a_start_whose_key_was_used_names_the_first_and_leaves_no_actor() {
    let harness = harness(fast_limits()).await;
    let key = StartKey { key: IdempotencyKey::new("k").unwrap(), request: Sha256Hash::of("") };
    let starts = (0..20).map(|_| harness.try_start_with(Mode::Automatic, Some(key.clone())));
    let replies = join_all(starts).await;
    let made: Vec<_> = replies.iter().flatten().map(|state| state.id()).collect();
    assert_eq!(made.len(), 1);
    let named = |reply: &Result<_, AskError>| matches!(reply, Err(AskError::AlreadyStarted(id)) if *id == made[0]);
    assert_eq!(replies.iter().filter(|reply| named(reply)).count(), 19, "{replies:?}");
    eventually("only the first has an actor", || harness.runtime.live() == 1).await;
    harness.until(made[0], at_gate).await;
    let calls = || harness.deliveries.lock().unwrap().keys().filter(|key| key.ends_with("/1/1")).count();
    eventually("its two steps are called, and no other's", || calls() == 2).await;
}

#[actix_web::test]
async fn a_subscriber_that_does_not_read_is_dropped() {
    let limits = Limits { session_buffer_events: 2, ..fast_limits() };
    let harness = harness(limits).await;
    let id = harness.start_gated().await;
    let mut lazy = harness.runtime.subscribe(id);
    assert_eq!(harness.runtime.watchers(id), 1);
    harness.gate.add_permits(1);
    eventually("it is dropped", || harness.runtime.watchers(id) == 0).await;
    assert!(lazy.next().await.is_none(), "what waited for it is gone at once");
}

#[actix_web::test]
async fn a_stop_waits_for_what_runs_and_begins_nothing() {
    let harness = harness(fast_limits()).await;
    let id = harness.start_gated().await;
    let running = harness.runtime.view(id).await.unwrap();
    eventually("the worker has it", || harness.deliveries_of_newest(&running) == 1).await;
    let stopping = harness.runtime.stop();
    let let_go = async {
        eventually("nothing new begins", || harness.runtime.0.is_stopping()).await;
        assert!(harness.runtime.ask(id, Command::Next, Vec::new()).await.is_err());
        harness.gate.add_permits(1);
    };
    futures_util::future::join(stopping, let_go).await;
    let connection = rusqlite::Connection::open(harness.path()).unwrap();
    let sql = "SELECT group_concat(kind) FROM discovery_execution_events WHERE execution_id = ?";
    let kinds: String = connection.query_row(sql, [&id.0.as_bytes()[..]], |row| row.get(0)).unwrap();
    let steps = ["workflow_started", "step_started", "step_finished", "step_started", "step_finished", "step_started"];
    assert_eq!(kinds, steps.join(","), "the outcome was kept");
    let called = harness.deliveries.lock().unwrap().len();
    assert_eq!(called, 2, "the step behind it was not called");
}

#[actix_web::test]
async fn a_journal_that_falls_behind_refuses_new_starts_and_finishes_what_runs() {
    let harness = harness(Limits { journal_queue_max: 1, ..fast_limits() }).await;
    let running = harness.start_gated().await;
    let other = rusqlite::Connection::open(harness.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let report = harness.report(running, 10);
    let start = async {
        eventually("the report waits to be written", || harness.journal.queue_length() > 0).await;
        let refused = harness.try_start(Mode::Automatic).await;
        other.execute_batch("COMMIT").unwrap();
        refused
    };
    let (reported, refused) = futures_util::future::join(report, start).await;
    assert!(matches!(refused, Err(AskError::Overloaded { .. })), "{refused:?}");
    reported.unwrap();
    harness.start(Mode::Automatic).await;
}
