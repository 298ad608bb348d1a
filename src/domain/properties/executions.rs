//! What is true of every execution after every move.

use proptest::prelude::*;
use serde_json::Value;

use super::generators::{definition, moves, small_object};
use super::model::At;
use super::run::Run;
use crate::domain::{AttemptStatus, Event, EventBody, Status};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_500, ..ProptestConfig::default() })]

    #[test]
    fn an_execution_does_what_its_model_does_whatever_happens(
        body in definition(),
        data in small_object(),
        moves in moves(),
    ) {
        let mut run = Run::start(&body, &data);
        check(&run);
        for (millis, one) in &moves {
            run.make(*millis, one);
            check(&run);
        }
        check_log(&run);
        prop_assert_eq!(run.refolded(), run.execution);
    }
}

fn check(run: &Run) {
    agrees_with_its_model(run);
    folds_to_itself(run);
    has_sound_figures(run);
    ends_once(&run.events, run.execution.status());
}

fn agrees_with_its_model(run: &Run) {
    let (execution, model) = (&run.execution, &run.model);
    assert_eq!(execution.status(), model.status);
    let context: serde_json::Map<String, Value> =
        execution.context().iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    assert_eq!(context, model.context);
    let at = match execution.current_step() {
        Some(_) if execution.status().is_ended() => At::Ended,
        Some(step) => {
            let place = execution.workflow().steps.iter().position(|other| other.id == step.id).unwrap();
            if run.running().is_some() { At::Running(place) } else { At::Ready(place) }
        }
        None => At::Ended,
    };
    assert_eq!(at, model.at);
    let recorded = execution.running_attempts().next().and_then(|attempt| attempt.completion.as_deref());
    assert_eq!(recorded, model.recorded.as_ref());
    for (place, step) in execution.workflow().steps.iter().enumerate() {
        let visits: Vec<u32> =
            execution.attempts().iter().filter(|attempt| attempt.step == place).map(|attempt| attempt.visit).collect();
        assert!(visits.iter().copied().eq(1..=model.visits[place]), "visits count from 1 without a hole");
        assert!(model.visits[place] <= step.max_visits);
    }
}

fn folds_to_itself(run: &Run) {
    let execution = &run.execution;
    assert_eq!(run.folded(|_| true), *execution);
    let is_progress = |event: &Event| matches!(event.body, EventBody::StepProgress(_));
    let newest = run.events.iter().rev().find(|event| is_progress(event)).map(|event| event.seq);
    let as_recovery_reads = run.folded(|event| !is_progress(event) || Some(event.seq) == newest);
    assert_eq!(as_recovery_reads, *execution);
    let started = |event: &&Event| matches!(event.body, EventBody::StepStarted(_));
    let since = run.events.iter().rev().find(started).map_or(0, |event| event.seq);
    let of_running = newest.filter(|seq| run.running().is_some() && *seq > since);
    assert_eq!(run.folded(|event| !is_progress(event) || Some(event.seq) == of_running), *execution);
}

fn has_sound_figures(run: &Run) {
    let progress = run.execution.progress(run.now);
    let (total, completed, failed, skipped, percentage, overall) = run.model.figures();
    assert_eq!(
        (progress.total_steps, progress.completed_steps, progress.failed_steps, progress.skipped_steps),
        (total, completed, failed, skipped)
    );
    for (figure, expected) in [(progress.percentage, percentage), (progress.overall_percentage, overall)] {
        assert!((0.0..=100.0).contains(&figure), "{figure}");
        assert!((figure - expected).abs() <= 0.005_001, "{figure} and not {expected}");
        assert!((figure * 100.0 - (figure * 100.0).round()).abs() < 1e-6, "{figure} has two decimals");
    }
    let status = run.execution.status();
    assert_eq!(progress.is_completed, status == Status::Completed);
    assert_eq!(progress.is_failed, status == Status::Failed);
    assert_eq!(progress.is_running, status == Status::Running);
    if progress.is_completed {
        assert_eq!((progress.percentage, progress.overall_percentage), (100.0, 100.0));
        assert_eq!(completed + failed + skipped, total);
    }
}

fn ends_once(events: &[Event], status: Status) {
    let finals: Vec<usize> =
        events.iter().enumerate().filter(|(_, event)| event.body.is_final()).map(|(place, _)| place).collect();
    let expected = if status.is_ended() { vec![events.len() - 1] } else { Vec::new() };
    assert_eq!(finals, expected, "one final event, and nothing behind it");
}

fn check_log(run: &Run) {
    let id = run.execution.id().to_string();
    let private = ["attempt_id", "initial_context", "workflow_version", "next_id", "output", "last_progress"];
    for ((place, public), event) in (1u64..).zip(run.public()).zip(&run.events) {
        assert_eq!((&public["seq"], &public["execution_id"]), (&place.into(), &id.as_str().into()));
        assert_eq!(public["event"], event.body.name());
        assert_eq!(public["timestamp"], event.at.to_string());
        assert!(private.iter().all(|key| public.get(key).is_none()), "{public}");
    }
    assert_eq!(run.events.len() as u64, run.execution.last_seq());
    let open = run.execution.attempts().iter().filter(|attempt| attempt.status == AttemptStatus::Running).count();
    assert_eq!(open, run.execution.running_attempts().count(), "no attempt is left behind");
    assert!(run.execution.attempts().iter().all(|one| one.input.get("execution_id") == Some(&Value::from(&*id))));
}
