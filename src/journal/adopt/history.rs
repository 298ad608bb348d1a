//! The log that an execution of the replaced service would have left behind.
//!
//! Each of its step executions becomes `step_started` and `step_finished` or `step_error`, in the order of their
//! beginnings. Its contexts were not merged key by key as ours are, so events carry them privately as they were found.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::reading::Reader;
use super::source::{OldAttempt, OldExecution};
use crate::domain::{
    AttemptId, Context, Event, EventBody, Execution, ExecutionId, FoldError, Mode, ProgressReport, Properties, Step,
    StepError, StepFailed, StepFinished, StepId, StepStarted, Timestamp, Workflow, WorkflowCompleted, WorkflowFailed,
    WorkflowPaused, WorkflowStarted, error_type,
};

/// The type of the error of a step execution that never ended.
const INTERRUPTED: &str = "Interrupted";
const WAS_RUNNING: &str = "The service that ran it was replaced; resume it to go on at its current step.";
const WAS_PAUSED: &str = "It was paused when the service that ran it was replaced.";

/// An old execution as ours.
#[derive(Debug)]
pub(super) struct History {
    pub(super) state: Execution,
    pub(super) events: Vec<Event>,
    /// Its step executions that are attempts now, in the order of the state's list.
    pub(super) entered: Vec<Entered>,
    /// Those that tell of steps that were left out, with those steps.
    pub(super) skipped: Vec<(OldAttempt, Step)>,
}

/// A step execution that was an attempt at a step.
#[derive(Debug)]
pub(super) struct Entered {
    id: Uuid,
    step: usize,
    visit: u32,
    ending: Ending,
    pub(super) input: Option<Value>,
    output: Option<Value>,
    started_at: Timestamp,
    finished_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Success,
    Failed,
    /// It was running when the service went away.
    Interrupted,
}

/// Events as they are added to the log, and the context behind them.
struct Log {
    events: Vec<Event>,
    context: Context,
}

impl Log {
    fn push(&mut self, at: Timestamp, body: EventBody) {
        let seq = self.events.len() as u64 + 1;
        self.events.push(Event { seq, at, body });
    }

    /// What an event must carry so that the context behind it is `found`.
    fn found(&mut self, found: &Context) -> Option<Context> {
        let differs = self.context != *found;
        if differs {
            self.context = found.clone();
        }
        differs.then(|| found.clone())
    }
}

/// The execution that `old` and its step executions make, at `now`.
pub(super) fn history(
    reader: &mut Reader,
    old: &OldExecution,
    attempts: Vec<OldAttempt>,
    workflow: &Arc<Workflow>,
    now: DateTime<Utc>,
) -> Result<History, FoldError> {
    let id = ExecutionId(old.id);
    let created_at = old.created_at.or(attempts.iter().filter_map(|a| a.started_at).min()).or(old.updated_at);
    let created_at = created_at.unwrap_or(now);
    let (entered, skipped) = entered(reader, old, attempts, workflow, created_at);
    let context = Context::from(reader.object("context", old.context.as_deref()));
    let first_input = entered.iter().find_map(|one| as_context(one.input.as_ref()));
    let initial_context = first_input.unwrap_or_else(|| context.clone());
    let mut log = Log { events: Vec::new(), context: initial_context.clone() };
    let started = WorkflowStarted {
        workflow_id: workflow.id,
        workflow_name: workflow.name.as_str().to_owned(),
        mode: if old.mode == "manual" { Mode::Manual } else { Mode::Automatic },
        total_steps: workflow.steps.len(),
        workflow_version: workflow.version,
        initial_context,
    };
    log.push(Timestamp::new(created_at), EventBody::WorkflowStarted(started));
    for (place, one) in entered.iter().enumerate() {
        let next = entered.get(place + 1).and_then(|next| workflow.steps.get(next.step));
        attempt(&mut log, one, &workflow.steps[one.step], next);
    }
    let properties = properties(reader, old);
    match old.status.as_str() {
        "completed" => complete(&mut log, old, &entered, context, created_at),
        "failed" => fail(&mut log, old, &entered, context, workflow, created_at),
        _ => pause(&mut log, old, &entered, &context, workflow, now),
    }
    if properties != Properties::default() {
        let last = log.events.last().map_or(Timestamp::new(created_at), |event| event.at);
        let at = old.updated_at.map_or(last, |at| Timestamp::new(at).max(last));
        log.push(at, EventBody::ExecutionPropertiesUpdated(properties));
    }
    let state = Execution::fold(id, Arc::clone(workflow), &log.events)?;
    Ok(History { state, events: log.events, entered, skipped })
}

/// The step executions that were attempts, in the order of their beginnings, and those of steps that were skipped.
///
/// What is `pending` and never began, and what belongs to no step of the workflow, is neither.
fn entered(
    reader: &mut Reader,
    old: &OldExecution,
    mut attempts: Vec<OldAttempt>,
    workflow: &Workflow,
    created_at: DateTime<Utc>,
) -> (Vec<Entered>, Vec<(OldAttempt, Step)>) {
    let began = |attempt: &OldAttempt| attempt.started_at.or(attempt.finished_at).unwrap_or(created_at);
    attempts.sort_by_key(|attempt| (began(attempt), attempt.attempt, attempt.id));
    let (mut entered, mut skipped) = (Vec::<Entered>::new(), Vec::new());
    for attempt in attempts {
        let Some(step) = workflow.steps.iter().position(|step| Some(step.id.0) == attempt.step_id) else { continue };
        let ending = match attempt.status.as_str() {
            "success" => Ending::Success,
            "failed" => Ending::Failed,
            "skipped" => {
                skipped.push((attempt, workflow.steps[step].clone()));
                continue;
            }
            "pending" if attempt.started_at.is_none() => continue,
            _ => Ending::Interrupted,
        };
        let started_at = began(&attempt);
        let last_sign = old.updated_at.filter(|at| ending == Ending::Interrupted && *at > started_at);
        let finished_at = attempt.finished_at.or(last_sign).unwrap_or(started_at);
        let visits = entered.iter().filter(|one| one.step == step).map(|one| one.visit).max().unwrap_or(0);
        entered.push(Entered {
            id: attempt.id,
            step,
            visit: u32::try_from(attempt.attempt).ok().filter(|visit| *visit > 0).unwrap_or(visits + 1),
            ending,
            input: attempt.input_payload.as_deref().map(|text| reader.value(text)),
            output: attempt.output_payload.as_deref().map(|text| reader.value(text)),
            started_at: Timestamp::new(started_at),
            finished_at: Timestamp::new(finished_at),
        });
    }
    (entered, skipped)
}

/// What clients attached to it; data that is no object stands under a key of its own.
fn properties(reader: &mut Reader, old: &OldExecution) -> Properties {
    let data = reader.object("additional_data", old.additional_data.as_deref());
    Properties { additional_data: Arc::new(data), custom_status: old.custom_status.as_deref().map(Arc::from) }
}

fn as_context(value: Option<&Value>) -> Option<Context> {
    value.and_then(Value::as_object).map(|map| Context::from(map.clone()))
}

/// The beginning and the end of one attempt.
fn attempt(log: &mut Log, one: &Entered, step: &Step, next: Option<&Step>) {
    let (handler, name) = (step.handler.as_str().to_owned(), step.name.as_str().to_owned());
    let context = as_context(one.input.as_ref()).and_then(|input| log.found(&input));
    let started = StepStarted {
        step: handler.clone(),
        step_name: name.clone(),
        step_id: step.id,
        order: step.order,
        attempt: 1,
        visit: one.visit,
        tries: None,
        attempt_id: AttemptId(one.id),
        context,
    };
    log.push(one.started_at, EventBody::StepStarted(started));
    let end = if one.ending == Ending::Success {
        let changes = log.context.changes_by(&answered(one.output.as_ref()));
        log.context.merge(&changes);
        EventBody::StepFinished(StepFinished {
            step: handler,
            step_name: name,
            status: "success".to_owned(),
            context: changes,
            duration_seconds: one.finished_at.seconds_since(one.started_at),
            next: next.map(|step| step.handler.as_str().to_owned()),
            next_id: next.map(|step| step.id),
            output: Some(one.output.clone().unwrap_or(Value::Null)),
            last_progress: None,
        })
    } else {
        EventBody::StepError(StepFailed {
            step: handler,
            step_name: name,
            error: one.error(),
            attempt: 1,
            retry_in_seconds: None,
            output: one.output.clone().filter(|output| !output.is_null()),
            last_progress: one.progress(),
        })
    };
    log.push(one.finished_at, end);
}

/// What an answer puts into the context.
fn answered(output: Option<&Value>) -> Context {
    let Some(Value::Object(output)) = output else { return Context::default() };
    match output.get("context") {
        Some(Value::Object(context)) => Context::from(context.clone()),
        Some(_) => Context::default(),
        None => Context::from(Map::from_iter(output.clone().into_iter().filter(|(key, _)| key != "next"))),
    }
}

impl Entered {
    fn field(&self, name: &str) -> Option<&Value> {
        self.output.as_ref()?.get(name).filter(|value| !value.is_null())
    }

    fn error(&self) -> StepError {
        let message = match (self.ending, self.field("error")) {
            (_, Some(Value::String(message))) => message.clone(),
            (_, Some(other)) => other.to_string(),
            (Ending::Interrupted, None) => {
                let message = "The step was running when the service that ran it was replaced.";
                return StepError::new(INTERRUPTED, message);
            }
            (Ending::Success | Ending::Failed, None) => "The replaced service recorded no error.".to_owned(),
        };
        StepError::new(error_type::STEP_FAILED, message)
    }

    /// The newest report of a step that was running.
    fn progress(&self) -> Option<ProgressReport> {
        ProgressReport::parse(self.field("progress")?).ok()
    }
}

/// When an execution ended: with its last step, as far as that is known.
fn ended_at(old: &OldExecution, entered: &[Entered], created_at: DateTime<Utc>) -> Timestamp {
    let newest = entered.iter().map(|one| one.finished_at).max();
    newest.unwrap_or_else(|| Timestamp::new(old.updated_at.unwrap_or(created_at)))
}

fn complete(log: &mut Log, old: &OldExecution, entered: &[Entered], context: Context, created_at: DateTime<Utc>) {
    let at = ended_at(old, entered, created_at);
    let reason = context.get("completion_reason").and_then(Value::as_str).unwrap_or("completed_by_replaced_service");
    let completed = WorkflowCompleted {
        completion_reason: reason.to_owned(),
        duration_seconds: at.seconds_since(Timestamp::new(created_at)),
        final_context: context,
    };
    log.push(at, EventBody::WorkflowCompleted(completed));
}

fn fail(
    log: &mut Log,
    old: &OldExecution,
    entered: &[Entered],
    context: Context,
    workflow: &Workflow,
    created_at: DateTime<Utc>,
) {
    let newest = entered.iter().rev().find(|one| one.ending != Ending::Success);
    let error = newest.map(Entered::error).unwrap_or_else(|| {
        StepError::new(error_type::STEP_FAILED, "The replaced service recorded no error of a step.")
    });
    let step = current(old, workflow).or(newest.map(|one| one.step)).and_then(|place| workflow.steps.get(place));
    let failed = WorkflowFailed {
        final_context: context,
        error,
        failed_step: step.map(|step| step.name.as_str().to_owned()),
        failed_step_id: step.map(|step| step.id),
    };
    log.push(ended_at(old, entered, created_at), EventBody::WorkflowFailed(failed));
}

fn pause(
    log: &mut Log,
    old: &OldExecution,
    entered: &[Entered],
    context: &Context,
    workflow: &Workflow,
    now: DateTime<Utc>,
) {
    let was_paused = old.status == "paused";
    let reason = if was_paused { WAS_PAUSED } else { WAS_RUNNING };
    let at = old.updated_at.filter(|_| was_paused).unwrap_or(now);
    let next_id = standing(old, entered, context, workflow).map(|place| workflow.steps[place].id);
    let context = log.found(&with_id(ExecutionId(old.id), context));
    let paused = WorkflowPaused { reason: reason.to_owned(), error: None, next_id, context };
    log.push(Timestamp::new(at), EventBody::WorkflowPaused(paused));
}

/// The context with the execution's id in it: its steps will ask for that once it goes on.
fn with_id(id: ExecutionId, context: &Context) -> Context {
    let is_there = context.get("execution_id").and_then(Value::as_str) == Some(id.to_string().as_str());
    let mut context = context.clone();
    if !is_there {
        context.merge(&Context::from(Map::from_iter([("execution_id".to_owned(), Value::String(id.to_string()))])));
    }
    context
}

/// The step that an execution goes on with: the one that was running, or that the last one named, or the current one
/// unless that has done its work, or the first that has not.
fn standing(old: &OldExecution, entered: &[Entered], context: &Context, workflow: &Workflow) -> Option<usize> {
    if let Some(newest) = entered.last().filter(|one| one.ending == Ending::Interrupted) {
        return Some(newest.step);
    }
    let named = context.get("next_step_name").and_then(Value::as_str);
    if let Some(place) = named.and_then(|named| workflow.find_step(named, |_| false)) {
        return Some(place);
    }
    let newest_of = |place: usize| entered.iter().rev().find(|one| one.step == place).map(|one| one.ending);
    if let Some(place) = current(old, workflow) {
        let is_done = newest_of(place) == Some(Ending::Success);
        return Some(if is_done && place + 1 < workflow.steps.len() { place + 1 } else { place });
    }
    let mut places = 0..workflow.steps.len();
    let done = |place: usize| entered.iter().any(|one| one.step == place && one.ending == Ending::Success);
    places.find(|place| !done(*place)).or(workflow.steps.len().checked_sub(1))
}

fn current(old: &OldExecution, workflow: &Workflow) -> Option<usize> {
    let id = StepId(old.current_step_id?);
    workflow.steps.iter().position(|step| step.id == id)
}
