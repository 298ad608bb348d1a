//! From step to step, and people who hold it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::*;
use super::{Run, abc, at};
use crate::domain::properties_patch::PropertiesPatch;

#[test]
fn steps_run_one_after_the_other_to_the_end() {
    let mut run = Run::start("automatic", abc());
    run.seconds = 2;
    assert_eq!(run.answers(json!({"context": {"k": 1, "x": 1}})), ["step_finished", "step_started"]);
    run.answers(json!({}));
    run.seconds = 5;
    assert_eq!(run.answers(json!({})), ["step_finished", "workflow_completed"]);
    let (id, epoch) = (run.execution.id(), "1970-01-01T00:00:00.000Z");
    let two = "1970-01-01T00:00:02.000Z";
    let expected = [
        json!({"event": "workflow_started", "execution_id": id, "seq": 1, "timestamp": epoch, "workflow_name": "w",
               "workflow_id": Uuid::from_u128(7), "mode": "automatic", "total_steps": 3}),
        json!({"event": "step_started", "execution_id": id, "seq": 2, "timestamp": epoch, "step": "a",
               "step_name": "a", "step_id": Uuid::from_u128(1), "order": 1, "attempt": 1, "visit": 1}),
        json!({"event": "step_finished", "execution_id": id, "seq": 3, "timestamp": two, "step": "a",
               "step_name": "a", "status": "success", "context": {"k": 1}, "duration_seconds": 2.0, "next": "hb"}),
    ];
    assert_eq!(run.log[..3], expected);
    let context = json!({"execution_id": id, "x": 1, "k": 1, "dynamic_properties": {"x": 1}});
    assert_eq!(run.last()["final_context"], context);
    assert_eq!((&run.last()["duration_seconds"], &run.last()["seq"]), (&json!(5.0), &json!(8)));
    assert_eq!(run.execution.status(), Status::Completed);
    assert_eq!(run.calls.len(), 3);
}

#[test]
fn an_answer_may_name_the_next_step_by_name_or_by_handler() {
    for next in ["hb", "b"] {
        let mut run = Run::start("automatic", json!([{"name": "a"}, {"name": "x"}, {"name": "b", "handler": "hb"}]));
        run.answers(json!({"next": next}));
        assert_eq!(run.at_step(), "b");
        run.answers(json!({}));
        assert_eq!((run.progress().completed_steps, run.progress().skipped_steps), (2, 1));
        assert_eq!(run.progress().percentage, 100.0);
        let skipped: Vec<_> = run.execution.skipped_steps().map(|step| step.name.as_str()).collect();
        assert_eq!(skipped, ["x"]);
    }
}

#[test]
fn an_end_step_ends_the_execution_unless_it_names_the_next() {
    let steps = json!([{"name": "a", "end": true}, {"name": "b"}]);
    let mut run = Run::start("automatic", steps.clone());
    assert_eq!(run.answers(json!({"next": null})), ["step_finished", "workflow_completed"]);
    let mut run = Run::start("automatic", steps);
    assert_eq!(run.answers(json!({"next": "b"})), ["step_finished", "step_started"]);
}

#[test]
fn a_loop_ends_where_a_step_was_entered_too_often() {
    let mut run = Run::start("automatic", json!([{"name": "a", "handler": "h", "max_visits": 2}, {"name": "b"}]));
    run.answers(json!({"next": "a", "context": {"n": 1}}));
    assert_eq!((&run.last()["visit"], &run.last()["attempt"]), (&json!(2), &json!(1)));
    let events = run.answers(json!({"next": "a", "context": {"n": 2}}));
    assert_eq!(events, ["step_finished", "max_visits_exceeded", "workflow_failed"]);
    let exceeded = &run.log[run.log.len() - 2];
    assert_eq!(
        (&exceeded["step"], &exceeded["step_name"], &exceeded["max_visits"]),
        (&json!("h"), &json!("a"), &json!(2))
    );
    assert_eq!((&run.last()["error"]["type"], &run.last()["failed_step"]), (&json!("MaxVisitsExceeded"), &json!("a")));
    assert_eq!(run.last()["final_context"]["n"], json!(2));
    assert_eq!((run.at_step(), run.execution.status()), ("a", Status::Failed));
}

#[test]
fn a_next_that_names_no_step_fails_the_execution() {
    let mut run = Run::start("automatic", abc());
    assert_eq!(run.answers(json!({"next": "nowhere"})), ["step_error", "workflow_failed"]);
    assert_eq!((&run.last()["error"]["type"], &run.last()["failed_step"]), (&json!("UnknownStep"), &json!("a")));
    assert!(run.last()["error"]["message"].as_str().unwrap().contains("a, b, c"));
}

#[test]
fn a_failed_step_fails_the_execution() {
    let mut run = Run::start("automatic", abc());
    run.answers(json!({"context": {"k": 1}}));
    assert_eq!(run.fails(), ["step_error", "workflow_failed"]);
    let error = json!({"type": "HttpStatus", "message": "no room", "status": 503});
    let told = &run.log[run.log.len() - 2];
    assert_eq!((&told["error"], &told["retry_in_seconds"], &told["step"]), (&error, &json!(null), &json!("hb")));
    assert_eq!((&run.last()["error"], &run.last()["failed_step"]), (&error, &json!("b")));
    assert_eq!(run.last()["final_context"]["k"], json!(1));
    let progress = run.progress();
    assert_eq!((progress.failed_steps, progress.completed_steps, progress.skipped_steps), (1, 1, 0));
    assert_eq!((progress.is_failed, progress.is_running, progress.percentage), (true, false, 33.33));
    assert_eq!(run.at_step(), "b");
    assert_eq!(run.execution.finished_at(), Some(at(0)));
}

#[test]
fn a_manual_execution_runs_one_step_for_each_next() {
    let mut run = Run::start("manual", json!([{"name": "a"}, {"name": "b"}]));
    assert_eq!((run.log.len(), run.calls.len(), run.at_step()), (1, 0, "a"));
    assert_eq!(run.execution.waiting_for(), Some(WaitingFor::Next));
    assert_eq!(run.try_to(Command::Next).unwrap(), ["step_started"]);
    assert_eq!(run.try_to(Command::Next), Err(Rejection::StepStillRunning("a".to_owned())));
    assert_eq!(run.execution.waiting_for(), None);
    assert_eq!(run.answers(json!({})), ["step_finished"]);
    assert_eq!((run.at_step(), run.execution.waiting_for()), ("b", Some(WaitingFor::Next)));
    assert_eq!(run.try_to(Command::Recover).unwrap(), [""; 0]);
    run.try_to(Command::Next).unwrap();
    assert_eq!(run.answers(json!({})), ["step_finished", "workflow_completed"]);
    assert_eq!(run.try_to(Command::Next), Err(Rejection::Ended(Status::Completed)));
    assert_eq!(run.calls.len(), 2);
}

#[test]
fn an_automatic_execution_takes_no_next() {
    assert_eq!(Run::start("automatic", abc()).try_to(Command::Next), Err(Rejection::NotManual));
}

#[test]
fn a_result_is_taken_once() {
    let mut run = Run::start("automatic", abc());
    let first = run.running();
    run.answers(json!({}));
    assert_eq!(run.try_answer(first, json!({})), Err(Rejection::StaleAttempt));
    run.fails();
    assert_eq!(run.try_answer(first, json!({})), Err(Rejection::Ended(Status::Failed)));
}

#[test]
fn a_completion_is_announced_and_the_answer_moves_the_execution() {
    let mut run = Run::start("automatic", abc());
    let body = json!({"data": {"told": 1}, "next": "c"});
    assert_eq!(run.tells_its_end("a", body.clone()).unwrap(), ["step_completed"]);
    assert_eq!(run.last()["result"], json!({"success": true, "data": {"told": 1}, "next": "c"}));
    assert_eq!(run.tells_its_end("a", body).unwrap(), [""; 0], "the same report again");
    let another = run.tells_its_end("a", json!({"data": {"told": 2}}));
    assert_eq!(another, Err(Rejection::AlreadyCompleted("a".to_owned())));
    run.answers(json!({"context": {"answered": 1}}));
    assert_eq!((run.at_step(), run.execution.context().get("told")), ("b", None));
}

#[test]
fn a_recorded_completion_is_the_outcome_where_the_call_breaks() {
    let mut run = Run::start("automatic", abc());
    run.tells_its_end("a", json!({"data": {"told": 1}, "next": "c"})).unwrap();
    assert_eq!(run.fails(), ["step_finished", "step_started"]);
    assert_eq!((run.at_step(), run.execution.context().get("told")), ("c", Some(&json!(1))));
    let failed = json!({"success": false, "message": "no", "error_type": "Mine", "context": {"lost": 1}});
    run.tells_its_end("c", failed).unwrap();
    assert_eq!(run.try_to(Command::Recover).unwrap(), ["step_error", "workflow_failed"]);
    assert_eq!(run.last()["error"], json!({"type": "Mine", "message": "no"}));
    assert_eq!(run.last()["final_context"].get("lost"), None);
}

#[test]
fn recovery_delivers_the_open_attempt_again() {
    let mut run = Run::start("automatic", abc());
    assert_eq!(run.try_to(Command::Recover).unwrap(), [""; 0]);
    assert_eq!(run.calls, [run.running(), run.running()]);
}

#[test]
fn reports_name_a_step_that_runs() {
    let mut run = Run::start("automatic", json!([{"name": "a", "handler": "h"}, {"name": "b", "handler": "h"}]));
    run.answers(json!({}));
    run.reports("h", json!({"percentage": 50})).unwrap();
    assert_eq!((&run.last()["step_name"], &run.last()["step"]), (&json!("h"), &json!("h")));
    assert_eq!(run.reports("a", json!({"percentage": 5})), Err(Rejection::StepNotRunning("a".to_owned())));
    let known = vec!["a".to_owned(), "b".to_owned()];
    let unknown = Rejection::UnknownStep { step: "z".to_owned(), known };
    assert_eq!(run.reports("z", json!({"percentage": 5})), Err(unknown.clone()));
    assert_eq!(run.tells_its_end("z", json!({})), Err(unknown));
}

#[test]
fn a_parked_execution_does_not_move() {
    let mut run = Run::start("automatic", abc());
    let error = StepError::new("ActorCrashLoop", "It crashed.");
    assert_eq!(run.try_to(Command::Park(error.clone())).unwrap(), ["workflow_paused"]);
    assert_eq!((run.execution.status(), run.execution.error()), (Status::Paused, Some(&error)));
    assert_eq!(run.try_answer(run.running(), json!({})), Err(Rejection::Paused));
    assert_eq!(run.try_to(Command::Recover).unwrap(), [""; 0]);
    assert_eq!(run.try_to(Command::Park(error)).unwrap(), [""; 0]);
    assert_eq!(run.calls.len(), 1);
}

#[test]
fn the_figures_count_what_running_steps_report() {
    let steps = json!([{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"}, {"name": "e"}]);
    let mut run = Run::start("automatic", steps);
    assert_eq!(run.progress().estimated_remaining_seconds, None, "nothing is known yet");
    run.seconds = 10;
    run.answers(json!({}));
    run.seconds = 20;
    run.answers(json!({}));
    let progress = run.progress();
    assert_eq!((progress.percentage, progress.overall_percentage), (40.0, 40.0));
    assert_eq!(progress.estimated_remaining_seconds, Some(30), "three steps of ten seconds");
    run.seconds = 24;
    assert_eq!(run.progress().estimated_remaining_seconds, Some(26));
    run.reports("c", json!({"percentage": 65})).unwrap();
    assert_eq!(run.last()["overall_percentage"], json!(53.0));
    assert_eq!((run.progress().percentage, run.progress().overall_percentage), (40.0, 53.0));
    run.reports("c", json!({"percentage": 80, "estimated_remaining_seconds": 0.5})).unwrap();
    assert_eq!(run.progress().estimated_remaining_seconds, Some(21), "what the step says, rounded up");
}

#[test]
fn the_first_step_s_own_report_tells_what_a_step_takes() {
    let mut run = Run::start("automatic", abc());
    run.seconds = 10;
    run.reports("a", json!({"percentage": 50})).unwrap();
    assert_eq!(run.progress().estimated_remaining_seconds, Some(50), "10 s of this one and 20 s of each other");
}

#[test]
fn a_step_that_runs_again_counts_once() {
    let mut run = Run::start("automatic", json!([{"name": "a", "max_visits": 3}, {"name": "b"}]));
    run.answers(json!({"next": "a"}));
    run.reports("a", json!({"percentage": 90})).unwrap();
    assert_eq!((run.progress().completed_steps, run.progress().overall_percentage), (1, 50.0));
    run.answers(json!({"next": "b"}));
    assert_eq!(run.progress().percentage, 50.0);
}

fn pause() -> Command {
    Command::Pause { reason: "lunch".to_owned() }
}

fn resume() -> Command {
    Command::Resume { reason: "back".to_owned() }
}

#[test]
fn a_pause_comes_when_the_running_step_has_ended_and_a_resume_starts_what_is_next() {
    let mut run = Run::start("automatic", json!([{"name": "a"}, {"name": "b"}]));
    assert_eq!(run.try_to(pause()).unwrap(), ["workflow_pausing"]);
    assert_eq!(run.try_to(pause()).unwrap(), [] as [&str; 0], "asked for already");
    assert!(run.execution.pause_requested());
    assert_eq!(run.answers(json!({"context": {}})), ["step_finished", "workflow_paused"]);
    assert_eq!((run.execution.status(), run.execution.pause_requested()), (Status::Paused, false));
    assert_eq!(run.try_to(pause()).unwrap(), [] as [&str; 0]);
    assert_eq!(run.try_to(resume()).unwrap(), ["workflow_resumed", "step_started"]);
    assert_eq!(run.try_to(resume()).unwrap(), [] as [&str; 0]);
    assert_eq!(run.answers(json!({"context": {}})), ["step_finished", "workflow_completed"]);
    assert_eq!(run.try_to(pause()), Err(Rejection::Ended(Status::Completed)));
    assert_eq!(run.try_to(resume()), Err(Rejection::Ended(Status::Completed)));
}

#[test]
fn a_pause_does_not_come_where_nothing_follows_and_can_be_taken_back() {
    let mut run = Run::start("automatic", json!([{"name": "a"}, {"name": "b"}]));
    run.try_to(pause()).unwrap();
    assert_eq!(run.try_to(resume()).unwrap(), ["workflow_resumed"]);
    assert_eq!(run.answers(json!({"context": {}})), ["step_finished", "step_started"]);
    run.try_to(pause()).unwrap();
    assert_eq!(run.answers(json!({"context": {}})), ["step_finished", "workflow_completed"]);
}

#[test]
fn a_manual_execution_that_waits_pauses_at_once_and_waits_again_when_it_is_resumed() {
    let mut run = Run::start("manual", json!([{"name": "a"}]));
    assert_eq!(run.try_to(pause()).unwrap(), ["workflow_paused"]);
    assert_eq!(run.try_to(Command::Next), Err(Rejection::Paused));
    assert_eq!(run.try_to(resume()).unwrap(), ["workflow_resumed"]);
    assert_eq!(run.execution.waiting_for(), Some(WaitingFor::Next));
    assert_eq!(run.try_to(Command::Next).unwrap(), ["step_started"]);
}

#[test]
fn a_parked_execution_that_is_resumed_delivers_its_attempt_again() {
    let mut run = Run::start("automatic", json!([{"name": "a"}]));
    let attempt = run.running();
    run.try_to(Command::Park(StepError::new("ActorCrashLoop", "five times"))).unwrap();
    run.calls.clear();
    assert_eq!(run.try_to(resume()).unwrap(), ["workflow_resumed"]);
    assert_eq!((run.calls.as_slice(), run.execution.error()), (&[attempt][..], None));
}

#[test]
fn properties_change_in_any_state_and_only_where_they_differ() {
    let mut run = Run::start("automatic", json!([{"name": "a"}]));
    let patch = |body: Value| Command::SetProperties(PropertiesPatch::parse(&body).unwrap());
    let both = json!({"additional_data": {"x": 1}, "custom_status": "en revisión"});
    assert_eq!(run.try_to(patch(both.clone())).unwrap(), ["execution_properties_updated"]);
    assert_eq!(run.try_to(patch(both)).unwrap(), [] as [&str; 0]);
    run.answers(json!({"context": {}}));
    let cleared = patch(json!({"custom_status": null}));
    assert_eq!(run.try_to(cleared).unwrap(), ["execution_properties_updated"], "after the end too");
    let event = run.log.last().unwrap();
    assert_eq!((&event["additional_data"], &event["custom_status"]), (&json!({"x": 1}), &Value::Null));
    assert_eq!(run.execution.status(), Status::Completed);
}
