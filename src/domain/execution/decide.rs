//! Deciding: which events follow from a command, or why it is refused.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{Attempt, Command, Decision, Effect, Execution, Given, Rejection, Status, WaitingFor};
use crate::domain::context::{Context, StartData};
use crate::domain::definition::{Mode, Step, Workflow};
use crate::domain::event::{
    Event, EventBody, MaxVisitsExceeded, StepCompleted, StepFailed, StepFinished, StepProgress, StepStarted,
    StepWaiting, WorkflowCompleted, WorkflowFailed, WorkflowPaused, WorkflowStarted,
};
use crate::domain::id::{AttemptId, ExecutionId};
use crate::domain::outcome::{Answer, Failure, Outcome, StepError, error_type};
use crate::domain::report::{Completion, ProgressReport};
use crate::domain::retry::{OnExhausted, RetryVerdict};
use crate::domain::time::whole_millis;

/// Why an execution pauses that was asked to.
const PAUSE_REQUESTED: &str = "requested";
/// Why an execution pauses whose step has no attempts left.
const EXHAUSTED: &str = "retries exhausted";

/// The events of one decision, numbered as they are added.
pub(super) struct Draft<'a> {
    next_seq: u64,
    pub(super) given: Given<'a>,
    pub(super) decision: Decision,
}

impl<'a> Draft<'a> {
    pub(super) fn after(last_seq: u64, given: &Given<'a>) -> Self {
        Self { next_seq: last_seq + 1, given: *given, decision: Decision::default() }
    }

    pub(super) fn emit(&mut self, body: EventBody) {
        self.decision.events.push(Event { seq: self.next_seq, at: self.given.now, body });
        self.next_seq += 1;
    }

    pub(super) fn pause(&mut self, reason: &str, error: Option<StepError>) {
        let reason = reason.to_owned();
        self.emit(EventBody::WorkflowPaused(WorkflowPaused { reason, error, next_id: None, context: None }));
    }

    /// Fails the execution at `step`.
    pub(super) fn fail(&mut self, final_context: Context, error: StepError, step: Option<&Step>) {
        self.emit(EventBody::WorkflowFailed(WorkflowFailed {
            final_context,
            error,
            failed_step: step.map(|step| step.name.as_str().to_owned()),
            failed_step_id: step.map(|step| step.id),
        }));
    }

    pub(super) fn start_step(&mut self, step: &Step, visit: u32) {
        self.start_attempt(step, visit, 1, 1);
    }

    /// Starts the attempt after `last` of the same visit, which is number `tries` of its retry budget.
    pub(super) fn try_again(&mut self, step: &Step, last: &Attempt, tries: u32) {
        self.start_attempt(step, last.visit, last.attempt.saturating_add(1), tries);
    }

    fn start_attempt(&mut self, step: &Step, visit: u32, attempt: u32, tries: u32) {
        let attempt_id = AttemptId(self.given.new_id);
        self.emit(EventBody::StepStarted(StepStarted {
            step: step.handler.as_str().to_owned(),
            step_name: step.name.as_str().to_owned(),
            step_id: step.id,
            order: step.order,
            attempt,
            visit,
            attempt_id,
            tries: (tries != attempt).then_some(tries),
            context: None,
        }));
        self.decision.effects.push(Effect::CallStep(attempt_id));
    }
}

/// What follows a step that did its work.
enum Following<'a> {
    /// This step, which may be entered.
    Enter(usize, &'a Step),
    /// This step, which was entered too often.
    TooOften(&'a Step),
    /// Nothing: the execution is done.
    End(&'static str),
}

impl Execution {
    /// What follows from starting `workflow`: its first event and, in automatic mode, its first step.
    pub fn start(
        id: ExecutionId,
        workflow: &Arc<Workflow>,
        mode: Option<Mode>,
        data: &StartData,
        given: &Given<'_>,
    ) -> Result<Decision, Rejection> {
        let first = workflow.steps.first().ok_or(Rejection::NoSteps)?;
        let mode = mode.unwrap_or(workflow.mode);
        let mut draft = Draft::after(0, given);
        draft.emit(EventBody::WorkflowStarted(WorkflowStarted {
            workflow_id: workflow.id,
            workflow_name: workflow.name.as_str().to_owned(),
            mode,
            total_steps: workflow.steps.len(),
            workflow_version: workflow.version,
            initial_context: Context::initial(id, data),
        }));
        if mode == Mode::Automatic {
            draft.start_step(first, 1);
        }
        Ok(draft.decision)
    }

    /// What follows from `command` in this state, or why it is refused. Changes nothing.
    pub fn decide(&self, command: &Command, given: &Given<'_>) -> Result<Decision, Rejection> {
        match command {
            Command::TakeOutcome { attempt, outcome } => self.take_outcome(*attempt, outcome, given),
            Command::ReportProgress { step, report, attempt } => {
                self.report_progress(self.reporter(step, *attempt)?, step, report, given)
            }
            Command::ReportCompletion { step, completion, attempt } => {
                self.report_completion(self.reporter(step, *attempt)?, step, completion, given)
            }
            Command::Next => self.next(given),
            Command::Pause { reason } => self.pause(reason, given),
            Command::Resume { reason } => self.resume(reason, given),
            Command::SetProperties(patch) => Ok(self.set_properties(patch, given)),
            Command::Recover => Ok(self.recover(given)),
            Command::Wake => Ok(self.wake(given)),
            Command::Cancel { reason } => self.cancel(reason, given),
            Command::Retry { from_step } => self.retry(from_step.as_deref(), given),
            Command::Complete(data) => self.complete(data, given),
            Command::Park(error) => self.park(error, given),
        }
    }

    fn take_outcome(&self, id: AttemptId, outcome: &Outcome, given: &Given<'_>) -> Result<Decision, Rejection> {
        match self.status {
            Status::Running => {}
            // It would start the next step; what waits is delivered again when the execution is resumed.
            Status::Paused => return Err(Rejection::Paused),
            Status::Completed | Status::Failed | Status::Cancelled => return Err(Rejection::Ended(self.status)),
        }
        let attempt = self.open_attempts().find(|attempt| attempt.id == id).ok_or(Rejection::StaleAttempt)?;
        let mut draft = Draft::after(self.last_seq, given);
        match (outcome, &attempt.completion) {
            (Outcome::Answered(answer), _) => self.finish_step(attempt, answer, &mut draft),
            // The call broke, or left the end to a report, after the step had told its end: what it told counts.
            (Outcome::Failed(_) | Outcome::Accepted { .. }, Some(told)) => {
                self.take_completion(attempt, told, &mut draft);
            }
            (Outcome::Failed(failure), None) => self.fail_step(attempt, failure, &mut draft),
            (Outcome::Accepted { sent_at }, None) => {
                let step = self.step_of(attempt);
                draft.emit(EventBody::StepWaiting(StepWaiting {
                    step: step.handler.as_str().to_owned(),
                    step_name: step.name.as_str().to_owned(),
                    waiting_for: WaitingFor::Callback,
                    sent_at: *sent_at,
                }));
            }
        }
        Ok(draft.decision)
    }

    pub(super) fn take_completion(&self, attempt: &Attempt, told: &Completion, draft: &mut Draft<'_>) {
        match told.outcome() {
            Ok(answer) => self.finish_step(attempt, &answer, draft),
            Err(failure) => self.fail_step(attempt, &failure, draft),
        }
    }

    fn finish_step(&self, attempt: &Attempt, answer: &Answer, draft: &mut Draft<'_>) {
        let step = self.step_of(attempt);
        let following = match self.following(attempt.step, answer.next.as_deref()) {
            Ok(following) => following,
            Err(named) => {
                let message = format!(
                    "Step '{}' named '{named}' as the next step, but the workflow has only: {}.",
                    step.name.as_str(),
                    self.workflow.step_names().join(", ")
                );
                return self.fail_step(attempt, &Failure::fatal(error_type::UNKNOWN_STEP, message), draft);
            }
        };
        let changes = self.context.changes_by(&answer.context);
        let next = match &following {
            Following::Enter(_, next) | Following::TooOften(next) => Some(*next),
            Following::End(_) => None,
        };
        let mut finished = StepFinished {
            step: step.handler.as_str().to_owned(),
            step_name: step.name.as_str().to_owned(),
            status: "success".to_owned(),
            context: changes,
            duration_seconds: draft.given.now.seconds_since(attempt.started_at),
            next: next.map(|step| step.handler.as_str().to_owned()),
            next_id: next.map(|step| step.id),
            output: None,
            last_progress: attempt.progress.as_deref().cloned(),
        };
        if finished.plain_output() != answer.output {
            finished.output = Some(answer.output.clone());
        }
        let mut context = self.context.clone();
        context.merge(&finished.context);
        draft.emit(EventBody::StepFinished(finished));
        self.follow(&following, context, draft);
    }

    fn follow(&self, following: &Following<'_>, context: Context, draft: &mut Draft<'_>) {
        match following {
            Following::Enter(place, next) => {
                if self.pause_requested {
                    draft.pause(PAUSE_REQUESTED, None);
                } else if self.mode == Mode::Automatic && self.status == Status::Running {
                    draft.start_step(next, self.visits(*place) + 1);
                }
            }
            Following::TooOften(next) => {
                draft.emit(EventBody::MaxVisitsExceeded(MaxVisitsExceeded {
                    step: next.handler.as_str().to_owned(),
                    step_name: next.name.as_str().to_owned(),
                    max_visits: next.max_visits,
                }));
                let (name, visits) = (next.name.as_str(), next.max_visits);
                let message = format!("Step '{name}' may be entered {visits} times and was to be entered once more.");
                let error = StepError::new(error_type::MAX_VISITS_EXCEEDED, message);
                draft.fail(context, error, Some(next));
            }
            Following::End(reason) => draft.emit(EventBody::WorkflowCompleted(WorkflowCompleted {
                final_context: context,
                completion_reason: (*reason).to_owned(),
                duration_seconds: draft.given.now.seconds_since(self.created_at),
            })),
        }
    }

    /// What follows the step at `place` whose answer named `named`; the error is a name that no step has.
    fn following(&self, place: usize, named: Option<&str>) -> Result<Following<'_>, String> {
        let steps = &self.workflow.steps;
        let next = match named {
            Some(named) => self.find_next(named).ok_or_else(|| named.to_owned())?,
            None if steps[place].end => return Ok(Following::End("end_step_finished")),
            None if place + 1 == steps.len() => return Ok(Following::End("last_step_finished")),
            None => place + 1,
        };
        let step = &steps[next];
        let may_enter = self.visits_used(next) < step.max_visits;
        Ok(if may_enter { Following::Enter(next, step) } else { Following::TooOften(step) })
    }

    /// The step that an answer names as it is, or URL-encoded as it would stand in a path.
    fn find_next(&self, named: &str) -> Option<usize> {
        let decoded = || percent_decode_str(named).decode_utf8().ok();
        self.find_step(named).or_else(|| self.find_step(&decoded()?))
    }

    /// The attempt failed: its step is tried again as its policy allows, or the execution fails or is held there.
    pub(super) fn fail_step(&self, attempt: &Attempt, failure: &Failure, draft: &mut Draft<'_>) {
        let step = self.step_of(attempt);
        let retry_in_seconds = match step.retry.verdict(attempt.tries, failure, draft.given.draw) {
            RetryVerdict::Again(wait) => Some(whole_millis(wait) as f64 / 1000.0),
            RetryVerdict::Exhausted | RetryVerdict::Final => None,
        };
        draft.emit(EventBody::StepError(StepFailed {
            step: step.handler.as_str().to_owned(),
            step_name: step.name.as_str().to_owned(),
            error: failure.error.clone(),
            attempt: attempt.attempt,
            retry_in_seconds,
            output: None,
            last_progress: attempt.progress.as_deref().cloned(),
        }));
        match step.retry.on_exhausted {
            _ if retry_in_seconds.is_some() && self.pause_requested => draft.pause(PAUSE_REQUESTED, None),
            _ if retry_in_seconds.is_some() => {}
            OnExhausted::Pause => draft.pause(EXHAUSTED, Some(failure.error.clone())),
            OnExhausted::Fail => draft.fail(self.context.clone(), failure.error.clone(), Some(step)),
        }
    }

    fn report_progress(
        &self,
        attempt: &Attempt,
        named: &str,
        report: &ProgressReport,
        given: &Given<'_>,
    ) -> Result<Decision, Rejection> {
        let mut draft = Draft::after(self.last_seq, given);
        draft.emit(EventBody::StepProgress(StepProgress {
            step_name: named.to_owned(),
            step: self.step_of(attempt).handler.as_str().to_owned(),
            progress: report.clone(),
            overall_percentage: self.overall_percentage_with(attempt.step, report.percent()),
        }));
        Ok(draft.decision)
    }

    fn report_completion(
        &self,
        attempt: &Attempt,
        named: &str,
        completion: &Completion,
        given: &Given<'_>,
    ) -> Result<Decision, Rejection> {
        match attempt.completion.as_deref() {
            Some(told) if told == completion => return Ok(Decision::default()),
            Some(_) => return Err(Rejection::AlreadyCompleted(named.to_owned())),
            None => {}
        }
        let mut draft = Draft::after(self.last_seq, given);
        draft.emit(EventBody::StepCompleted(StepCompleted {
            step_name: named.to_owned(),
            step: self.step_of(attempt).handler.as_str().to_owned(),
            result: completion.clone(),
        }));
        if self.open_attempts().all(|open| open.id != attempt.id) {
            self.take_completion(attempt, completion, &mut draft);
        }
        Ok(draft.decision)
    }

    /// The attempt that runs at the step that `named` names, or why there is none.
    pub fn running_at(&self, named: &str) -> Result<&Attempt, Rejection> {
        let place = self.find_step(named).ok_or_else(|| self.unknown_step(named))?;
        let running = self.running_attempts().find(|attempt| attempt.step == place);
        running.ok_or_else(|| Rejection::StepNotRunning(named.to_owned()))
    }

    /// The attempt that a report about the step that `named` names is from. One that `proved` another is refused.
    pub fn reporter(&self, named: &str, proved: Option<AttemptId>) -> Result<&Attempt, Rejection> {
        let running = self.running_at(named)?;
        if proved.is_none_or(|proved| proved == running.id) { Ok(running) } else { Err(Rejection::StaleAttempt) }
    }

    pub(super) fn unknown_step(&self, named: &str) -> Rejection {
        Rejection::UnknownStep { step: named.to_owned(), known: self.workflow.step_names() }
    }

    fn next(&self, given: &Given<'_>) -> Result<Decision, Rejection> {
        if self.mode == Mode::Automatic {
            return Err(Rejection::NotManual);
        }
        match self.status {
            Status::Running => {}
            Status::Paused => return Err(Rejection::Paused),
            Status::Completed | Status::Failed | Status::Cancelled => return Err(Rejection::Ended(self.status)),
        }
        if let (true, Some(step)) = (self.is_at_work(), self.current_step()) {
            return Err(Rejection::StepStillRunning(step.name.as_str().to_owned()));
        }
        let mut draft = Draft::after(self.last_seq, given);
        self.start_ready(&mut draft);
        Ok(draft.decision)
    }
}

impl StepFinished {
    /// The answer of a worker that named its changes and the next step, and nothing else.
    pub(super) fn plain_output(&self) -> Value {
        json!({"context": self.context})
    }
}
