//! Holding an execution and letting it go on.

use super::decide::Draft;
use super::{Branch, Decision, Effect, Execution, Given, Rejection, Status};
use crate::domain::definition::Mode;
use crate::domain::event::{EventBody, WorkflowPausing, WorkflowResumed};
use crate::domain::outcome::StepError;
use crate::domain::properties_patch::PropertiesPatch;

impl Execution {
    /// At once where no step runs, or else when the running one has ended.
    pub(super) fn pause(&self, reason: &str, given: &Given) -> Result<Decision, Rejection> {
        let mut draft = Draft::after(self.last_seq, given);
        match self.status {
            Status::Running if self.pause_requested => {}
            Status::Running if self.has_open_call() => {
                draft.emit(EventBody::WorkflowPausing(WorkflowPausing { reason: reason.to_owned() }));
            }
            Status::Running => draft.pause(reason, None),
            Status::Paused => {}
            Status::Completed | Status::Failed | Status::Cancelled => return Err(Rejection::Ended(self.status)),
        }
        Ok(draft.decision)
    }

    /// Takes a pause back, or ends it: what was running is delivered again, what was next is started.
    pub(super) fn resume(&self, reason: &str, given: &Given) -> Result<Decision, Rejection> {
        let mut draft = Draft::after(self.last_seq, given);
        let resumed = || EventBody::WorkflowResumed(WorkflowResumed { reason: reason.to_owned() });
        match self.status {
            Status::Running if self.pause_requested => draft.emit(resumed()),
            Status::Running => {}
            Status::Paused => {
                draft.emit(resumed());
                self.go_on(&mut draft);
                if self.mode == Mode::Automatic {
                    self.start_ready(&mut draft);
                }
            }
            Status::Completed | Status::Failed | Status::Cancelled => return Err(Rejection::Ended(self.status)),
        }
        Ok(draft.decision)
    }

    /// Changes what clients attached, in any state; nothing where it is so already.
    pub(super) fn set_properties(&self, patch: &PropertiesPatch, given: &Given) -> Decision {
        let mut draft = Draft::after(self.last_seq, given);
        let properties = patch.applied_to(&self.properties);
        if properties != self.properties {
            draft.emit(EventBody::ExecutionPropertiesUpdated(properties));
        }
        draft.decision
    }

    /// Starts the steps that are next.
    pub(super) fn start_ready(&self, draft: &mut Draft) {
        for branch in self.branches.values() {
            if let Branch::Ready(place) = branch {
                draft.start_step(&self.workflow.steps[*place], self.visits(*place) + 1);
            }
        }
    }

    /// What a running execution does after a crash or a stop.
    pub(super) fn recover(&self, given: &Given) -> Decision {
        let mut draft = Draft::after(self.last_seq, given);
        if self.status == Status::Running {
            self.go_on(&mut draft);
        }
        draft.decision
    }

    /// An attempt whose end was told is over; every other one is delivered again.
    fn go_on(&self, draft: &mut Draft) {
        for attempt in self.running_attempts() {
            match &attempt.completion {
                Some(told) => self.take_completion(attempt, told, draft),
                None => draft.decision.effects.push(Effect::CallStep(attempt.id)),
            }
        }
    }

    /// Pauses it because of an error of Discovery's own.
    pub(super) fn park(&self, error: &StepError, given: &Given) -> Result<Decision, Rejection> {
        if self.status.is_ended() {
            return Err(Rejection::Ended(self.status));
        }
        let mut draft = Draft::after(self.last_seq, given);
        if self.status == Status::Running {
            draft.pause(&error.message, Some(error.clone()));
        }
        Ok(draft.decision)
    }
}
