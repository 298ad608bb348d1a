//! What must hold after each move, and at the end.

use serde_json::{Map, Value};

use super::model::{At, Try};
use super::patience::FAR;
use super::run::{Run, at};
use crate::domain::{AttemptStatus, Command, Event, EventBody, Given, Status, WaitingFor};

pub(super) fn check(run: &Run) {
    agrees_with_its_model(run);
    if run.has_changed() {
        folds_to_itself(run);
        ends_once(run);
    }
    has_sound_figures(run);
    wakes_in_time(run);
}

fn agrees_with_its_model(run: &Run) {
    let (execution, model) = (&run.execution, &run.model);
    assert_eq!((execution.status(), execution.pause_requested()), (model.status, model.pausing));
    assert_eq!(execution.error().map(|error| &error.kind), model.error.as_ref());
    assert_eq!(*execution.properties(), run.properties);
    let context: Map<String, Value> =
        execution.context().iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    assert_eq!(context, model.context);
    assert_eq!(
        execution.current_step().map(|step| step.name.as_str()),
        model.place().map(|place| model.name_of(place))
    );
    let (waiting_for, begun) = match model.at {
        At::Running(_) => (None, true),
        At::Elsewhere { .. } => (Some(WaitingFor::Callback), true),
        At::Retrying { .. } => (Some(WaitingFor::Retry), true),
        At::Ready(_) => (Some(WaitingFor::Next), false),
        At::Ended(_) => (None, false),
    };
    assert_eq!(execution.waiting_for(), waiting_for.filter(|_| model.moves()));
    assert_eq!((execution.is_at_work(), execution.has_open_call()), (begun && model.moves(), model.has_open_call()));
    let running: Vec<usize> = execution.running_attempts().map(|attempt| attempt.step).collect();
    assert_eq!(running, model.running().into_iter().collect::<Vec<_>>());
    let recorded = execution.running_attempts().next().and_then(|attempt| attempt.completion.as_deref());
    assert_eq!(recorded, model.recorded.as_ref());
    keeps_its_budgets(run);
}

fn keeps_its_budgets(run: &Run) {
    let model = &run.model;
    let tries = run.execution.attempts().iter().map(|one| Try {
        place: one.step,
        visit: one.visit,
        attempt: one.attempt,
        tries: one.tries,
        status: one.status,
    });
    assert_eq!(tries.collect::<Vec<_>>(), model.tries);
    let numbers: std::collections::HashSet<_> =
        model.tries.iter().map(|one| (one.place, one.visit, one.attempt)).collect();
    assert_eq!(numbers.len(), model.tries.len(), "an idempotency key is of one attempt");
    assert!(model.tries.iter().all(|one| one.tries <= model.max_attempts(one.place)));
    for (place, step) in run.execution.workflow().steps.iter().enumerate() {
        assert!(model.visits_of_this_round(place) <= step.max_visits as usize);
    }
}

/// The timer is set for the moment at which something is due, and waking it before changes nothing.
fn wakes_in_time(run: &Run) {
    let (execution, model) = (&run.execution, &run.model);
    let Some(timer) = execution.next_timer(&run.outages) else {
        assert!(!model.is_due(FAR), "time will move it, and no timer is set");
        return;
    };
    let due = timer.as_millis();
    for (moment, is_due) in [(due - 1, false), (due, true)] {
        assert_eq!(model.is_due(moment), is_due, "{moment} of a timer at {due}");
        let given = Given { now: at(moment), ..run.given() };
        let decision = execution.decide(&Command::Wake, &given).unwrap();
        assert_eq!(!decision.events.is_empty(), is_due, "{decision:?}");
    }
}

/// The events that recovery reads give this very state; that all of them do is for the end.
fn folds_to_itself(run: &Run) {
    let execution = &run.execution;
    let is_progress = |event: &Event| matches!(event.body, EventBody::StepProgress(_));
    let newest = run.events.iter().rev().find(|event| is_progress(event)).map(|event| event.seq);
    let as_recovery_reads = run.folded(|event| !is_progress(event) || Some(event.seq) == newest);
    assert_eq!(as_recovery_reads, *execution);
    let started = |event: &&Event| matches!(event.body, EventBody::StepStarted(_));
    let since = run.events.iter().rev().find(started).map_or(0, |event| event.seq);
    // A forced completion is the last event of its attempt and tells no progress: nothing newer takes its place.
    let is_needed = run.running().is_some() || execution.status() == Status::Completed;
    let of_running = newest.filter(|seq| is_needed && *seq > since);
    assert_eq!(run.folded(|event| !is_progress(event) || Some(event.seq) == of_running), *execution);
}

fn has_sound_figures(run: &Run) {
    let progress = run.execution.progress(run.now());
    let (total, completed, failed, skipped, percentage, overall) = figures(run);
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
        assert!(completed + failed + skipped <= total, "a step may be cut off by a forced completion");
    }
}

/// Total, completed, failed and skipped steps, the percentage and the overall one, both within a hundredth.
fn figures(run: &Run) -> (usize, usize, usize, usize, f64, f64) {
    let model = &run.model;
    let total = run.execution.workflow().steps.len();
    let of = |place: usize| model.tries.iter().filter(move |one| one.place == place);
    let is_done = |place: usize| of(place).any(|one| one.status == AttemptStatus::Success);
    let is_retried = |place: usize| matches!(model.at, At::Retrying { place: retried, .. } if retried == place);
    let has_failed = |place: usize| of(place).next_back().is_some_and(|one| one.status == AttemptStatus::Failed);
    let done = (0..total).filter(|place| is_done(*place)).count();
    let failed = (0..total).filter(|place| has_failed(*place) && !is_done(*place) && !is_retried(*place)).count();
    if model.status == Status::Completed {
        let skipped = (0..total).filter(|place| of(*place).next().is_none()).count();
        return (total, done, failed, skipped, 100.0, 100.0);
    }
    let percentage = 100.0 * done as f64 / total as f64;
    let fresh = model.running().filter(|place| !is_done(*place));
    let overall = percentage + fresh.map_or(0.0, |_| model.reported) / total as f64;
    (total, done, failed, 0, percentage, overall)
}

/// After the final event only properties change, unless a failure or a cancellation is retried.
fn ends_once(run: &Run) {
    let mut ended: Option<&Event> = None;
    for event in &run.events {
        match (ended, &event.body) {
            (_, EventBody::ExecutionPropertiesUpdated(_)) => {}
            (Some(last), EventBody::WorkflowResumed(resumed)) => {
                assert_eq!(resumed.reason, "retry");
                assert_ne!(last.body.name(), "workflow_completed");
                ended = None;
            }
            (Some(last), _) => panic!("{event:?} came after {last:?}"),
            (None, _) => ended = event.body.is_final().then_some(event),
        }
    }
    let execution = &run.execution;
    assert_eq!(ended.is_some(), execution.status().is_ended());
    assert_eq!(execution.finished_at(), ended.map(|last| last.at));
    let failed_at = run.model.place().map(|place| run.model.name_of(place));
    let told = match ended.map(|last| &last.body) {
        Some(EventBody::WorkflowFailed(body)) => {
            assert_eq!(body.failed_step.as_deref(), failed_at);
            &body.final_context
        }
        Some(EventBody::WorkflowCompleted(body)) => &body.final_context,
        _ => return,
    };
    assert_eq!(told, execution.context());
}

pub(super) fn check_log(run: &Run) {
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
