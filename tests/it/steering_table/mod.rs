//! Every call that steers or reports, in every state that an execution can be in, each made twice in a row.
//!
//! A line of a table reads: the call, and then for the first and (behind the bar) for the second time the status code, how the
//! execution stands then, and the events that were added. Where nothing is behind the bar, the second time is answered as
//! the first was and adds nothing. In the end the server is killed and started again: behind a second bar is how it stands then,
//! where that is not as before. How an execution stands is its `status`, or what a running one waits for (`open`: the answer to
//! a call), with a `!` where a pause was asked for.
//!
//! | call | is |
//! | --- | --- |
//! | `retry-b`, `retry-x` | `retry` with the other step, or an unknown one, as `from_step` |
//! | `progress`, `told` | a report of progress, or of its end, for step `a` |
//! | `patch` | a change of the properties |

mod stage;

use stage::{Begun, holds};

#[actix_web::test]
async fn while_a_call_is_open() {
    let table = "
        next        400 open
        continue    400 open
        pause       200 open! workflow_pausing
        resume      200 open
        cancel      200 cancelled workflow_cancelled
        retry       409 open
        retry-b     409 open
        retry-x     409 open
        complete    200 completed workflow_completed
        progress    200 open step_progress | 200 open step_progress
        told        200 open step_completed
        patch       200 open execution_properties_updated";
    holds(Begun::automatic().held(), table).await;
}

#[actix_web::test]
async fn while_a_call_of_a_manual_one_is_open() {
    let table = "
        next        409 open
        continue    409 open
        pause       200 open! workflow_pausing
        resume      200 open
        cancel      200 cancelled workflow_cancelled
        retry       409 open
        retry-b     409 open
        retry-x     409 open
        complete    200 completed workflow_completed
        progress    200 open step_progress | 200 open step_progress
        told        200 open step_completed | 200 open | next
        patch       200 open execution_properties_updated";
    holds(Begun::manual().held().next(), table).await;
}

#[actix_web::test]
async fn while_a_manual_one_waits_for_next() {
    let table = "
        next        200 next step_started step_finished | 200 completed step_started step_finished workflow_completed
        continue    200 next step_started step_finished | 200 completed step_started step_finished workflow_completed
        pause       200 paused workflow_paused
        resume      200 next
        cancel      200 cancelled workflow_cancelled
        retry       409 next
        retry-b     409 next
        retry-x     409 next
        complete    200 completed workflow_completed
        progress    409 next
        told        409 next
        patch       200 next execution_properties_updated";
    holds(Begun::manual().answered(), table).await;
}

#[actix_web::test]
async fn while_a_step_runs_elsewhere() {
    let table = "
        next        400 callback
        continue    400 callback
        pause       200 callback! workflow_pausing
        resume      200 callback
        cancel      200 cancelled workflow_cancelled
        retry       409 callback
        retry-b     409 callback
        retry-x     409 callback
        complete    200 completed workflow_completed
        progress    200 callback step_progress | 200 callback step_progress
        told        200 open step_completed step_finished step_started | 409 open
        patch       200 callback execution_properties_updated";
    holds(Begun::automatic().elsewhere(), table).await;
}

#[actix_web::test]
async fn while_a_step_of_a_manual_one_runs_elsewhere() {
    let table = "
        next        409 callback
        continue    409 callback
        pause       200 callback! workflow_pausing
        resume      200 callback
        cancel      200 cancelled workflow_cancelled
        retry       409 callback
        retry-b     409 callback
        retry-x     409 callback
        complete    200 completed workflow_completed
        progress    200 callback step_progress | 200 callback step_progress
        told        200 next step_completed step_finished | 409 next
        patch       200 callback execution_properties_updated";
    holds(Begun::manual().elsewhere().next(), table).await;
}

#[actix_web::test]
async fn while_it_waits_for_a_retry() {
    let table = "
        next        400 retry
        continue    400 retry
        pause       200 paused workflow_paused
        resume      200 retry
        cancel      200 cancelled workflow_cancelled
        retry       409 retry
        retry-b     409 retry
        retry-x     409 retry
        complete    200 completed workflow_completed
        progress    409 retry
        told        409 retry
        patch       200 retry execution_properties_updated";
    holds(Begun::automatic().failing(), table).await;
}

#[actix_web::test]
async fn while_a_manual_one_waits_for_a_retry() {
    let table = "
        next        409 retry
        continue    409 retry
        pause       200 paused workflow_paused
        resume      200 retry
        cancel      200 cancelled workflow_cancelled
        retry       409 retry
        retry-b     409 retry
        retry-x     409 retry
        complete    200 completed workflow_completed
        progress    409 retry
        told        409 retry
        patch       200 retry execution_properties_updated";
    holds(Begun::manual().failing().next(), table).await;
}

#[actix_web::test]
async fn once_a_pause_was_asked_for_while_a_call_is_open() {
    let table = "
        next        400 open!
        continue    400 open!
        pause       200 open!
        resume      200 open workflow_resumed
        cancel      200 cancelled workflow_cancelled
        retry       409 open!
        retry-b     409 open!
        retry-x     409 open!
        complete    200 completed workflow_completed
        progress    200 open! step_progress | 200 open! step_progress
        told        200 open! step_completed | 200 open! | paused
        patch       200 open! execution_properties_updated";
    holds(Begun::automatic().held().then("pause"), table).await;
}

#[actix_web::test]
async fn once_a_pause_was_asked_for_while_a_step_runs_elsewhere() {
    let table = "
        next        400 callback!
        continue    400 callback!
        pause       200 callback!
        resume      200 callback workflow_resumed
        cancel      200 cancelled workflow_cancelled
        retry       409 callback!
        retry-b     409 callback!
        retry-x     409 callback!
        complete    200 completed workflow_completed
        progress    200 callback! step_progress | 200 callback! step_progress
        told        200 paused step_completed step_finished workflow_paused | 409 paused
        patch       200 callback! execution_properties_updated";
    holds(Begun::automatic().elsewhere().then("pause"), table).await;
}

#[actix_web::test]
async fn paused_between_two_steps() {
    let table = "
        next        400 paused
        continue    400 paused
        pause       200 paused
        resume      200 open workflow_resumed step_started
        cancel      200 cancelled workflow_cancelled
        retry       409 paused
        retry-b     409 paused
        retry-x     409 paused
        complete    200 completed workflow_completed
        progress    409 paused
        told        409 paused
        patch       200 paused execution_properties_updated";
    holds(Begun::automatic().held().then("pause").let_go(), table).await;
}

#[actix_web::test]
async fn paused_in_manual_mode() {
    let table = "
        next        409 paused
        continue    409 paused
        pause       200 paused
        resume      200 next workflow_resumed
        cancel      200 cancelled workflow_cancelled
        retry       409 paused
        retry-b     409 paused
        retry-x     409 paused
        complete    200 completed workflow_completed
        progress    409 paused
        told        409 paused
        patch       200 paused execution_properties_updated";
    holds(Begun::manual().answered().then("pause"), table).await;
}

#[actix_web::test]
async fn paused_while_a_retry_waits() {
    let table = "
        next        400 paused
        continue    400 paused
        pause       200 paused
        resume      200 retry workflow_resumed
        cancel      200 cancelled workflow_cancelled
        retry       409 paused
        retry-b     409 paused
        retry-x     409 paused
        complete    200 completed workflow_completed
        progress    409 paused
        told        409 paused
        patch       200 paused execution_properties_updated";
    holds(Begun::automatic().failing().then("pause"), table).await;
}

#[actix_web::test]
async fn paused_with_no_attempts_left() {
    let table = "
        next        400 paused
        continue    400 paused
        pause       200 paused
        resume      200 open workflow_resumed step_started
        cancel      200 cancelled workflow_cancelled
        retry       409 paused
        retry-b     409 paused
        retry-x     409 paused
        complete    200 completed workflow_completed
        progress    409 paused
        told        409 paused
        patch       200 paused execution_properties_updated";
    holds(Begun::automatic().exhausted("pause"), table).await;
}

#[actix_web::test]
async fn completed() {
    let table = "
        next        400 completed
        continue    400 completed
        pause       409 completed
        resume      409 completed
        cancel      409 completed
        retry       409 completed
        retry-b     409 completed
        retry-x     409 completed
        complete    200 completed
        progress    409 completed
        told        409 completed
        patch       200 completed execution_properties_updated";
    holds(Begun::automatic().answered(), table).await;
}

#[actix_web::test]
async fn completed_in_manual_mode() {
    let table = "
        next        409 completed
        continue    409 completed
        pause       409 completed
        resume      409 completed
        cancel      409 completed
        retry       409 completed
        retry-b     409 completed
        retry-x     409 completed
        complete    200 completed
        progress    409 completed
        told        409 completed
        patch       200 completed execution_properties_updated";
    holds(Begun::manual().answered().then("complete"), table).await;
}

#[actix_web::test]
async fn failed() {
    let table = "
        next        400 failed
        continue    400 failed
        pause       409 failed
        resume      409 failed
        cancel      409 failed
        retry       200 open workflow_resumed step_started | 409 open
        retry-b     200 open workflow_resumed step_started | 409 open
        retry-x     404 failed
        complete    200 failed
        progress    409 failed
        told        409 failed
        patch       200 failed execution_properties_updated";
    holds(Begun::automatic().exhausted("fail"), table).await;
}

#[actix_web::test]
async fn failed_in_manual_mode() {
    let table = "
        next        409 failed
        continue    409 failed
        pause       409 failed
        resume      409 failed
        cancel      409 failed
        retry       200 open workflow_resumed step_started | 409 open
        retry-b     200 open workflow_resumed step_started | 409 open
        retry-x     404 failed
        complete    200 failed
        progress    409 failed
        told        409 failed
        patch       200 failed execution_properties_updated";
    holds(Begun::manual().exhausted("fail").next(), table).await;
}

#[actix_web::test]
async fn cancelled() {
    let table = "
        next        400 cancelled
        continue    400 cancelled
        pause       409 cancelled
        resume      409 cancelled
        cancel      200 cancelled
        retry       200 open workflow_resumed step_started | 409 open
        retry-b     200 open workflow_resumed step_started | 409 open
        retry-x     404 cancelled
        complete    200 cancelled
        progress    409 cancelled
        told        409 cancelled
        patch       200 cancelled execution_properties_updated";
    holds(Begun::automatic().held().then("cancel"), table).await;
}

#[actix_web::test]
async fn cancelled_in_manual_mode_before_the_first_step() {
    let table = "
        next        409 cancelled
        continue    409 cancelled
        pause       409 cancelled
        resume      409 cancelled
        cancel      200 cancelled
        retry       200 open workflow_resumed step_started | 409 open
        retry-b     200 open workflow_resumed step_started | 409 open
        retry-x     404 cancelled
        complete    200 cancelled
        progress    409 cancelled
        told        409 cancelled
        patch       200 cancelled execution_properties_updated";
    holds(Begun::manual().held().then("cancel"), table).await;
}
