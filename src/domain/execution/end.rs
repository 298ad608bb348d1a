//! Ending an execution by hand, and going on after its end.

use serde_json::{Map, Value};

use super::decide::Draft;
use super::{Decision, Effect, Execution, Given, Rejection, Status};
use crate::domain::context::Context;
use crate::domain::event::{EventBody, WorkflowCancelled, WorkflowCompleted, WorkflowResumed};

/// The key of the context that the body of a forced completion is kept under.
const COMPLETION_DATA: &str = "completion_data";
/// Why an execution completed that was told to.
const FORCED: &str = "forced";
/// Why an ended execution goes on.
const RETRY: &str = "retry";

impl Execution {
    /// Ends it now, wherever it is.
    pub(super) fn cancel(&self, reason: &str, given: &Given<'_>) -> Result<Decision, Rejection> {
        let mut draft = Draft::after(self.last_seq, given);
        match self.status {
            Status::Running | Status::Paused => {
                let cut_off = self.running_attempts().next();
                draft.emit(EventBody::WorkflowCancelled(WorkflowCancelled {
                    reason: reason.to_owned(),
                    last_progress: cut_off.and_then(|attempt| attempt.progress.as_deref().cloned()),
                }));
                self.abort_calls(&mut draft);
            }
            Status::Cancelled => {}
            Status::Completed | Status::Failed => return Err(Rejection::Ended(self.status)),
        }
        Ok(draft.decision)
    }

    /// Completes it now, wherever it is.
    pub(super) fn complete(&self, data: &Map<String, Value>, given: &Given<'_>) -> Result<Decision, Rejection> {
        if self.status.is_ended() {
            return Err(Rejection::Ended(self.status));
        }
        let mut draft = Draft::after(self.last_seq, given);
        let mut final_context = self.context.clone();
        let kept = Map::from_iter([(COMPLETION_DATA.to_owned(), Value::Object(data.clone()))]);
        final_context.merge(&Context::from(kept));
        draft.emit(EventBody::WorkflowCompleted(WorkflowCompleted {
            final_context,
            completion_reason: FORCED.to_owned(),
            duration_seconds: given.now.seconds_since(self.created_at),
        }));
        self.abort_calls(&mut draft);
        Ok(draft.decision)
    }

    /// Goes on from the step that it ended at, or from the one that is named, with a fresh retry budget.
    pub(super) fn retry(&self, from_step: Option<&str>, given: &Given<'_>) -> Result<Decision, Rejection> {
        match self.status {
            Status::Failed | Status::Cancelled => {}
            Status::Running | Status::Paused | Status::Completed => return Err(Rejection::NothingToRetry(self.status)),
        }
        let place = match from_step {
            Some(named) => self.find_step(named).ok_or_else(|| self.unknown_step(named))?,
            // An old log may not tell where it ended.
            None => self.failed_step.or_else(|| self.attempts.last().map(|attempt| attempt.step)).unwrap_or(0),
        };
        let step = self.workflow.steps.get(place).ok_or(Rejection::NoSteps)?;
        let mut draft = Draft::after(self.last_seq, given);
        draft.emit(EventBody::WorkflowResumed(WorkflowResumed { reason: RETRY.to_owned() }));
        match self.attempts.iter().rev().find(|attempt| attempt.step == place) {
            // The visit goes on, so that none is used up.
            Some(last) => draft.try_again(step, last, 1),
            None => draft.start_step(step, 1),
        }
        Ok(draft.decision)
    }

    fn abort_calls(&self, draft: &mut Draft<'_>) {
        draft.decision.effects.extend(self.running_attempts().map(|attempt| Effect::AbortCall(attempt.id)));
    }
}
