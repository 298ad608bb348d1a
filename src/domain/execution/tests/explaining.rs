//! Why an execution is not moving.

use serde_json::json;

use super::super::*;
use super::{Run, at};

impl Run {
    fn explains(&self, call: Option<OpenCall>) -> Why {
        let around = Surroundings { now: at(self.seconds), outages: &self.outages, call, unwritten_since: None };
        self.execution.why(&around)
    }

    fn says(&self) -> String {
        self.explains(None).explanation
    }
}

fn call(phase: CallPhase, since: i64, heard: i64) -> Option<OpenCall> {
    Some(OpenCall { phase, since: at(since), heard_at: at(heard) })
}

#[test]
fn a_retry_is_explained_with_its_error_and_its_time() {
    let retry = json!({"max_attempts": 5, "initial_interval_seconds": 15, "jitter": false});
    let mut run = Run::start("automatic", json!([{"name": "Validación Usuario", "retry": retry}]));
    run.seconds = 2;
    run.fails();
    run.seconds = 5;
    let why = run.explains(None);
    assert_eq!(
        why.explanation,
        "Step 'Validación Usuario', attempt 1 of 5, failed with HTTP 503; it is tried again in 12 s."
    );
    assert_eq!((why.since, why.next_action_at), (at(2), Some(at(17))));
    assert_eq!((&why.facts["attempt"], &why.facts["error"]["status"]), (&json!(1), &json!(503)));
}

#[test]
fn an_open_call_is_explained_by_how_far_it_is() {
    let mut run = Run::start("automatic", json!([{"name": "a", "timeout_seconds": 600}]));
    run.seconds = 30;
    assert_eq!(run.says(), "Step 'a', attempt 1 of 1, is about to be delivered to its worker.");
    let queued = run.explains(call(CallPhase::Queued, 10, 10)).explanation;
    assert!(queued.starts_with("Step 'a', attempt 1 of 1, has waited 20 s for its turn"), "{queued}");
    let refused = run.explains(call(CallPhase::Refused, 25, 25)).explanation;
    assert!(refused.contains("has refused connections for 5 s"), "{refused}");
    let sent = run.explains(call(CallPhase::Sent, 20, 20));
    assert_eq!(
        sent.explanation,
        "Step 'a', attempt 1 of 1, has run for 10 s and has reported nothing; it is given up in 9 min."
    );
    assert_eq!(sent.next_action_at, Some(at(620)));
    assert_eq!(sent.facts["call"], json!({"phase": "sent", "since": at(20)}));
    run.reports("a", json!({"percentage": 40})).unwrap();
    run.try_to(Command::Pause { reason: "x".to_owned() }).unwrap();
    let asked = run.explains(call(CallPhase::Sent, 20, 30)).explanation;
    assert!(asked.contains("reported 40 %") && asked.contains("; a pause was asked for"), "{asked}");
    run.tells_its_end("a", json!({})).unwrap();
    assert!(run.says().contains("its worker's answer is awaited"));
}

#[test]
fn every_other_state_has_its_sentence() {
    let mut run = Run::start("manual", json!([{"name": "a", "timeout_seconds": 600}, {"name": "b"}]));
    assert_eq!(run.says(), "The execution is in manual mode and waits for somebody to ask for step 'a'.");
    run.try_to(Command::Pause { reason: "Falta un documento.".to_owned() }).unwrap();
    let paused = "The execution is paused (Falta un documento) until somebody resumes it; it stands at step 'a'.";
    assert_eq!(run.says(), paused);
    run.try_to(Command::Resume { reason: "x".to_owned() }).unwrap();
    run.try_to(Command::Next).unwrap();
    run.hands_over();
    run.seconds = 100;
    let elsewhere = "Step 'a', attempt 1 of 1, was handed over 100 s ago and runs elsewhere; its report is awaited, \
                     and it is given up in 8 min.";
    assert_eq!(run.says(), elsewhere);
    assert_eq!(run.explains(None).facts["sent_at"], json!(at(0)));
    run.try_to(Command::Cancel { reason: "too dear".to_owned() }).unwrap();
    assert_eq!(run.says(), "The execution was cancelled (too dear); it can be retried.");
    run.try_to(Command::Retry { from_step: None }).unwrap();
    run.fails();
    assert_eq!(run.says(), "The execution failed at step 'a': no room; it can be retried.");
    run.try_to(Command::Retry { from_step: None }).unwrap();
    run.try_to(Command::Complete(Default::default())).unwrap();
    assert_eq!(run.says(), "The execution has completed; nothing is left to do.");
}

#[test]
fn a_change_that_is_not_written_yet_is_told() {
    let run = Run::start("manual", json!([{"name": "a"}]));
    let around = Surroundings { now: at(9), outages: &run.outages, call: None, unwritten_since: Some(at(2)) };
    let why = run.execution.why(&around).explanation;
    assert!(why.ends_with("step 'a'; a change of it has waited for the database for 7 s."), "{why}");
}
