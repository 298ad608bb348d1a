//! Retries, callbacks, timeouts, and ends by hand.

use std::time::Duration;

use serde_json::json;

use super::super::*;
use super::{Failure, Outcome, Run, at};
use crate::domain::outages::{Outage, Outages};

fn retried(more: serde_json::Value) -> serde_json::Value {
    let mut retry = json!({"max_attempts": 3, "initial_interval_seconds": 10, "jitter": false});
    retry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([{"name": "a", "retry": retry}, {"name": "b"}])
}

impl Run {
    /// What the timer that is set does when it rings.
    fn rings(&mut self) -> Vec<String> {
        let due = self.execution.next_timer(&self.outages).expect("a timer");
        self.seconds = due.as_millis() / 1000;
        self.try_to(Command::Wake).unwrap()
    }

    pub(super) fn hands_over(&mut self) -> Vec<String> {
        let outcome = Outcome::Accepted { sent_at: at(self.seconds) };
        self.try_to(Command::TakeOutcome { attempt: self.running(), outcome }).unwrap()
    }
}

#[test]
fn a_failed_step_is_tried_again_when_its_time_has_come_and_not_before() {
    let mut run = Run::start("automatic", retried(json!({})));
    assert_eq!(run.fails(), ["step_error"]);
    assert_eq!((&run.last()["attempt"], &run.last()["retry_in_seconds"]), (&json!(1), &json!(10.0)));
    assert_eq!(run.execution.waiting_for(), Some(WaitingFor::Retry));
    assert_eq!((run.at_step(), run.progress().failed_steps), ("a", 0));
    run.seconds = 9;
    assert_eq!(run.try_to(Command::Wake).unwrap(), [] as [&str; 0]);
    assert_eq!(run.try_to(Command::Recover).unwrap(), [] as [&str; 0], "nor after a restart");
    assert_eq!(run.rings(), ["step_started"]);
    assert_eq!((&run.last()["attempt"], &run.last()["visit"]), (&json!(2), &json!(1)));
    assert_eq!(run.fails(), ["step_error"]);
    assert_eq!(run.execution.next_timer(&run.outages), Some(at(30)), "20 s later");
    run.rings();
    assert_eq!(run.fails(), ["step_error", "workflow_failed"]);
    assert_eq!(run.log[run.log.len() - 2]["retry_in_seconds"], json!(null));
    assert_eq!(run.execution.next_timer(&run.outages), None);
}

#[test]
fn a_retry_that_is_due_is_made_at_once_after_a_restart() {
    let mut run = Run::start("automatic", retried(json!({})));
    run.fails();
    run.seconds = 3_600;
    assert_eq!(run.try_to(Command::Recover).unwrap(), ["step_started"]);
}

#[test]
fn a_pause_holds_a_retry_at_once_and_a_resume_keeps_its_time() {
    let mut run = Run::start("automatic", retried(json!({})));
    run.fails();
    run.try_to(Command::Pause { reason: "lunch".to_owned() }).unwrap();
    assert_eq!((run.execution.status(), run.execution.next_timer(&run.outages)), (Status::Paused, None));
    run.seconds = 5;
    assert_eq!(run.try_to(Command::Resume { reason: "back".to_owned() }).unwrap(), ["workflow_resumed"]);
    assert_eq!(run.execution.next_timer(&run.outages), Some(at(10)));
    run.try_to(Command::Pause { reason: "again".to_owned() }).unwrap();
    run.seconds = 20;
    let resumed = run.try_to(Command::Resume { reason: "back".to_owned() }).unwrap();
    assert_eq!(resumed, ["workflow_resumed", "step_started"]);
    assert_eq!(run.log.last().unwrap()["attempt"], 2);
}

#[test]
fn a_pause_that_was_asked_for_comes_when_the_attempt_fails() {
    let mut run = Run::start("automatic", retried(json!({})));
    run.try_to(Command::Pause { reason: "lunch".to_owned() }).unwrap();
    assert_eq!(run.fails(), ["step_error", "workflow_paused"]);
    run.seconds = 60;
    run.try_to(Command::Resume { reason: "back".to_owned() }).unwrap();
    assert_eq!((run.last()["attempt"].as_u64(), run.execution.attempts()[1].tries), (Some(2), 2));
}

#[test]
fn where_the_policy_says_so_the_last_failure_holds_and_a_resume_gives_fresh_attempts() {
    let steps = retried(json!({"max_attempts": 1, "on_exhausted": "pause"}));
    let mut run = Run::start("automatic", steps);
    assert_eq!(run.fails(), ["step_error", "workflow_paused"]);
    assert_eq!(run.execution.error().map(|error| error.kind.as_str()), Some("HttpStatus"));
    let resumed = run.try_to(Command::Resume { reason: "mended".to_owned() }).unwrap();
    assert_eq!(resumed, ["workflow_resumed", "step_started"]);
    let attempt = &run.execution.attempts()[1];
    assert_eq!((attempt.attempt, attempt.visit, attempt.tries), (2, 1, 1));
    assert_eq!(run.answers(json!({"context": {}})), ["step_finished", "step_started"]);
}

#[test]
fn a_step_that_runs_elsewhere_ends_by_its_report() {
    let mut run = Run::start("automatic", json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]));
    assert_eq!(run.hands_over(), ["step_waiting"]);
    assert_eq!(run.execution.waiting_for(), Some(WaitingFor::Callback));
    run.calls.clear();
    assert_eq!(run.try_to(Command::Recover).unwrap(), [] as [&str; 0], "it is not called again");
    assert_eq!(run.reports("a", json!({"percentage": 50})).unwrap(), ["step_progress"]);
    let told = run.tells_its_end("a", json!({"context": {"k": 1}, "next": "c"})).unwrap();
    assert_eq!(told, ["step_completed", "step_finished", "step_started"]);
    assert_eq!((run.at_step(), run.execution.context().get("k")), ("c", Some(&json!(1))));
    assert!(matches!(run.tells_its_end("a", json!({})), Err(Rejection::StepNotRunning(_))));
}

#[test]
fn an_end_that_was_told_before_the_step_was_handed_over_counts_at_once() {
    let mut run = Run::start("automatic", json!([{"name": "a"}]));
    run.tells_its_end("a", json!({"k": 1})).unwrap();
    assert_eq!(run.hands_over(), ["step_finished", "workflow_completed"]);
}

#[test]
fn a_step_elsewhere_that_tells_a_failure_is_tried_again() {
    let mut run = Run::start("automatic", retried(json!({"non_retryable_errors": ["Broken"]})));
    run.hands_over();
    let told = run.tells_its_end("a", json!({"success": false, "message": "no"})).unwrap();
    assert_eq!(told, ["step_completed", "step_error"]);
    assert_eq!(run.last()["error"], json!({"type": "StepFailed", "message": "no"}));
    run.rings();
    run.hands_over();
    let told = run.tells_its_end("a", json!({"success": false, "error_type": "Broken"})).unwrap();
    assert_eq!(told, ["step_completed", "step_error", "workflow_failed"]);
}

#[test]
fn a_pause_waits_for_the_report_of_a_step_elsewhere() {
    let mut run = Run::start("automatic", json!([{"name": "a"}, {"name": "b"}]));
    run.hands_over();
    assert_eq!(run.try_to(Command::Pause { reason: "x".to_owned() }).unwrap(), ["workflow_pausing"]);
    let told = run.tells_its_end("a", json!({})).unwrap();
    assert_eq!(told, ["step_completed", "step_finished", "workflow_paused"]);
}

#[test]
fn a_step_elsewhere_is_given_up_when_it_is_late_or_silent_but_not_for_time_that_nobody_was_there() {
    let steps = json!([{"name": "a", "timeout_seconds": 100, "heartbeat_timeout_seconds": 30}]);
    let mut run = Run::start("automatic", steps.clone());
    run.seconds = 5;
    run.hands_over();
    assert_eq!(run.execution.next_timer(&run.outages), Some(at(35)));
    run.seconds = 20;
    run.reports("a", json!({"percentage": 1})).unwrap();
    assert_eq!(run.execution.next_timer(&run.outages), Some(at(50)));
    run.outages = Outages::new([Outage { from: at(30), to: at(1_000) }]);
    assert_eq!(run.execution.next_timer(&run.outages), Some(at(1_020)));
    run.seconds = 1_019;
    assert_eq!(run.try_to(Command::Recover).unwrap(), [] as [&str; 0]);
    assert_eq!(run.rings(), ["step_error", "workflow_failed"]);
    assert_eq!(run.last()["error"]["type"], "HeartbeatTimeout");

    let mut run = Run::start("automatic", steps);
    run.hands_over();
    for second in [25, 50, 75, 99] {
        run.seconds = second;
        run.reports("a", json!({"percentage": 1})).unwrap();
    }
    assert_eq!(run.execution.next_timer(&run.outages), Some(at(100)));
    run.rings();
    assert_eq!(run.last()["error"]["type"], "Timeout");
}

#[test]
fn an_execution_that_takes_too_long_fails_and_its_call_is_aborted() {
    let mut run = Run::start_workflow(json!({"name": "w", "timeout_seconds": 60, "steps": [{"name": "a"}]}), json!({}));
    run.seconds = 10;
    run.try_to(Command::Park(StepError::new("ActorCrashLoop", "five times"))).unwrap();
    run.seconds = 1_000;
    assert_eq!(run.execution.deadline(&run.outages), None, "a pause counts for nothing");
    run.try_to(Command::Resume { reason: "x".to_owned() }).unwrap();
    assert_eq!(run.execution.deadline(&run.outages), Some(at(1_050)));
    let attempt = run.running();
    assert_eq!(run.rings(), ["step_error", "workflow_failed"]);
    assert_eq!((run.seconds, run.aborted.as_slice()), (1_050, &[attempt][..]));
    assert_eq!((&run.last()["error"]["type"], &run.last()["failed_step"]), (&json!("Timeout"), &json!("a")));
    run.seconds = 2_000;
    run.try_to(Command::Retry { from_step: None }).unwrap();
    assert_eq!(run.execution.deadline(&run.outages), Some(at(2_060)), "a retry has its own time");
}

#[test]
fn a_cancelled_execution_ends_at_once_and_can_be_tried_again() {
    let mut run = Run::start("automatic", json!([{"name": "a"}, {"name": "b"}]));
    run.answers(json!({"context": {"k": 1}}));
    let attempt = run.running();
    assert_eq!(run.try_to(Command::Cancel { reason: "too dear".to_owned() }).unwrap(), ["workflow_cancelled"]);
    assert_eq!((run.last()["reason"].as_str(), run.aborted.as_slice()), (Some("too dear"), &[attempt][..]));
    assert_eq!(
        (run.execution.status(), run.execution.attempts()[1].status),
        (Status::Cancelled, AttemptStatus::Cancelled)
    );
    assert_eq!(run.try_to(Command::Cancel { reason: "x".to_owned() }).unwrap(), [] as [&str; 0]);
    assert!(matches!(run.reports("b", json!({"percentage": 1})), Err(Rejection::StepNotRunning(_))));
    let retried = run.try_to(Command::Retry { from_step: None }).unwrap();
    assert_eq!(retried, ["workflow_resumed", "step_started"]);
    let newest = run.execution.attempts().last().unwrap();
    assert_eq!((run.at_step(), newest.attempt, newest.visit, newest.tries), ("b", 2, 1, 1));
    assert_eq!(run.execution.finished_at(), None);
    assert_eq!(run.answers(json!({"context": {}})), ["step_finished", "workflow_completed"]);
    assert_eq!(run.execution.context().get("k"), Some(&json!(1)));
}

#[test]
fn a_failed_execution_goes_on_from_a_named_step_without_using_up_a_visit() {
    let mut run = Run::start("automatic", json!([{"name": "a"}, {"name": "b"}]));
    run.answers(json!({"context": {}}));
    run.fails();
    assert!(matches!(run.try_to(Command::Resume { reason: "x".to_owned() }), Err(Rejection::Ended(_))));
    let nobody = Command::Retry { from_step: Some("nobody".to_owned()) };
    assert!(matches!(run.try_to(nobody), Err(Rejection::UnknownStep { .. })));
    run.try_to(Command::Retry { from_step: Some("a".to_owned()) }).unwrap();
    let newest = run.execution.attempts().last().unwrap();
    assert_eq!((run.at_step(), newest.attempt, newest.visit), ("a", 2, 1));
    assert!(matches!(run.try_to(Command::Retry { from_step: None }), Err(Rejection::NothingToRetry(_))));
    assert_eq!(run.answers(json!({"context": {}})), ["step_finished", "step_started"]);
    assert_eq!((run.at_step(), run.last()["visit"].as_u64(), run.last()["attempt"].as_u64()), ("b", Some(2), Some(1)));
    let answered = run.answers(json!({"context": {}, "next": "a"}));
    assert_eq!(answered, ["step_finished", "max_visits_exceeded", "workflow_failed"], "a was entered in this round");
}

#[test]
fn a_step_that_was_entered_too_often_may_be_retried() {
    let mut run = Run::start("automatic", json!([{"name": "a"}]));
    run.answers(json!({"context": {}, "next": "a"}));
    assert_eq!(run.last()["error"]["type"], "MaxVisitsExceeded");
    run.try_to(Command::Retry { from_step: None }).unwrap();
    assert_eq!((run.execution.attempts()[1].attempt, run.execution.attempts()[1].visit), (2, 1));
}

#[test]
fn a_completion_can_be_forced_and_keeps_what_it_was_told() {
    let mut run = Run::start("automatic", json!([{"name": "a"}, {"name": "b"}]));
    let attempt = run.running();
    let data = serde_json::from_value(json!({"by": "hand"})).unwrap();
    assert_eq!(run.try_to(Command::Complete(data)).unwrap(), ["workflow_completed"]);
    assert_eq!(run.last()["final_context"]["completion_data"], json!({"by": "hand"}));
    assert_eq!((run.aborted.as_slice(), run.progress().percentage), (&[attempt][..], 100.0));
    assert_eq!(run.execution.skipped_steps().count(), 1, "b was never entered");
    let again = run.try_to(Command::Complete(Default::default()));
    assert_eq!(again, Err(Rejection::Ended(Status::Completed)));
}

#[test]
fn a_manual_step_that_waits_for_its_retry_is_still_at_work() {
    let mut run = Run::start("manual", retried(json!({})));
    run.try_to(Command::Next).unwrap();
    run.fails();
    assert!(run.execution.is_at_work());
    assert_eq!(run.try_to(Command::Next), Err(Rejection::StepStillRunning("a".to_owned())));
    run.rings();
    run.answers(json!({"context": {}}));
    assert_eq!(run.execution.waiting_for(), Some(WaitingFor::Next));
}

#[test]
fn a_wait_that_the_worker_asks_for_is_never_cut_short() {
    let mut run = Run::start("automatic", retried(json!({})));
    let failure = Failure::retryable("HttpStatus", "no room").with_status(429);
    let asked = Failure { retry_after: Some(Duration::from_micros(12_345_001)), ..failure };
    run.try_to(Command::TakeOutcome { attempt: run.running(), outcome: Outcome::Failed(asked) }).unwrap();
    assert_eq!(run.last()["retry_in_seconds"], json!(12.346), "to the millisecond, and up");
    let due = run.execution.next_timer(&run.outages).unwrap();
    assert_eq!(due.as_millis(), at(run.seconds).as_millis() + 12_346);
}

#[test]
fn a_wait_is_drawn_from_half_of_it_to_all_of_it() {
    let mut run = Run::start("automatic", retried(json!({"jitter": true})));
    run.draw = 0.0;
    run.fails();
    assert_eq!(run.last()["retry_in_seconds"], json!(5.0));
    let wait = Duration::from_secs(5);
    assert_eq!(run.execution.next_timer(&run.outages), Some(at(wait.as_secs() as i64)));
}

impl Run {
    fn parks(&mut self) {
        self.try_to(Command::Park(StepError::new("ActorCrashLoop", "five times"))).unwrap();
    }

    fn resumes(&mut self) -> Vec<String> {
        self.try_to(Command::Resume { reason: "mended".to_owned() }).unwrap()
    }
}

#[test]
fn an_end_that_is_told_while_it_is_held_counts_and_the_next_step_waits_until_it_is_resumed() {
    let mut run = Run::start("automatic", json!([{"name": "a"}, {"name": "b"}]));
    run.hands_over();
    run.parks();
    assert_eq!(run.tells_its_end("a", json!({})).unwrap(), ["step_completed", "step_finished"]);
    assert_eq!((run.execution.status(), run.at_step()), (Status::Paused, "b"));
    assert_eq!(run.resumes(), ["workflow_resumed", "step_started"]);
}

#[test]
fn a_step_elsewhere_is_not_given_up_for_a_pause() {
    let mut run = Run::start("automatic", json!([{"name": "a", "heartbeat_timeout_seconds": 30}]));
    run.hands_over();
    run.parks();
    run.seconds = 1_000;
    assert_eq!(run.resumes(), ["workflow_resumed"]);
    assert_eq!(run.execution.next_timer(&run.outages), Some(at(1_030)));
}

#[test]
fn an_execution_whose_time_was_over_before_it_was_held_calls_nobody_when_it_is_resumed() {
    let workflow = json!({"name": "w", "timeout_seconds": 60, "steps": [{"name": "a"}]});
    let mut run = Run::start_workflow(workflow, json!({}));
    run.calls.clear();
    run.seconds = 60;
    run.parks();
    assert_eq!(run.resumes(), ["workflow_resumed", "step_error", "workflow_failed"]);
    assert_eq!(run.calls, []);
}

#[test]
fn what_a_cancelled_attempt_reported_is_kept_when_another_one_reports() {
    let mut run = Run::start("automatic", json!([{"name": "a"}]));
    run.reports("a", json!({"percentage": 50})).unwrap();
    run.try_to(Command::Cancel { reason: "x".to_owned() }).unwrap();
    run.try_to(Command::Retry { from_step: None }).unwrap();
    run.reports("a", json!({"percentage": 10})).unwrap();
    let reports = run.events.iter().filter(|event| event.body.name() == "step_progress");
    let newest = reports.map(|event| event.seq).max();
    let as_recovery_reads =
        run.events.iter().filter(|event| event.body.name() != "step_progress" || Some(event.seq) == newest);
    let recovered =
        Execution::fold(run.execution.id(), Arc::clone(run.execution.workflow()), as_recovery_reads).unwrap();
    assert_eq!(recovered, run.execution);
}
