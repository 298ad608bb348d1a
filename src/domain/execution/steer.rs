//! Holding an execution and letting it go on.

use super::decide::Draft;
use super::{Branch, Decision, Execution, Given, Rejection, Status};
use crate::domain::event::{EventBody, WorkflowPausing, WorkflowResumed};
use crate::domain::outcome::StepError;
use crate::domain::properties_patch::PropertiesPatch;

impl Execution {
    /// At once where no step runs, or else when the running one has ended.
    pub(super) fn pause(&self, reason: &str, given: &Given<'_>) -> Result<Decision, Rejection> {
        let mut draft = Draft::after(self.last_seq, given);
        match self.status {
            Status::Running if self.pause_requested => {}
            Status::Running if self.running_attempts().next().is_some() => {
                draft.emit(EventBody::WorkflowPausing(WorkflowPausing { reason: reason.to_owned() }));
            }
            Status::Running => draft.pause(reason, None),
            Status::Paused => {}
            Status::Completed | Status::Failed | Status::Cancelled => return Err(Rejection::Ended(self.status)),
        }
        Ok(draft.decision)
    }

    /// Takes a pause back, or ends it: what was running is delivered again, what was next is started.
    pub(super) fn resume(&self, reason: &str, given: &Given<'_>) -> Result<Decision, Rejection> {
        let mut draft = Draft::after(self.last_seq, given);
        let resumed = || EventBody::WorkflowResumed(WorkflowResumed { reason: reason.to_owned() });
        match self.status {
            Status::Running if self.pause_requested => draft.emit(resumed()),
            Status::Running => {}
            Status::Paused => {
                draft.emit(resumed());
                // A pause counts for no timeout: what is due is asked of the execution as it is after the pause.
                let mut after = self.clone();
                draft.decision.events.iter().for_each(|event| after.apply(event));
                after.go_on(&mut draft);
            }
            Status::Completed | Status::Failed | Status::Cancelled => return Err(Rejection::Ended(self.status)),
        }
        Ok(draft.decision)
    }

    /// Changes what clients attached, in any state; nothing where it is so already.
    pub(super) fn set_properties(&self, patch: &PropertiesPatch, given: &Given<'_>) -> Decision {
        let mut draft = Draft::after(self.last_seq, given);
        let properties = patch.applied_to(&self.properties);
        if properties != self.properties {
            draft.emit(EventBody::ExecutionPropertiesUpdated(properties));
        }
        draft.decision
    }

    /// Starts the steps that are next.
    pub(super) fn start_ready(&self, draft: &mut Draft<'_>) {
        for branch in self.branches.values() {
            if let Branch::Ready(place) = branch {
                draft.start_step(&self.workflow.steps[*place], self.visits(*place) + 1);
            }
        }
    }

    /// Pauses it because of an error of Discovery's own.
    pub(super) fn park(&self, error: &StepError, given: &Given<'_>) -> Result<Decision, Rejection> {
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
