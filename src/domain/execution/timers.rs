//! Time that passes: retries that fall due, attempts and executions that take too long.

use super::decide::Draft;
use super::{Attempt, Branch, Decision, Effect, Execution, Given, Status};
use crate::domain::definition::Mode;
use crate::domain::event::{EventBody, StepFailed};
use crate::domain::outages::Outages;
use crate::domain::outcome::{Failure, StepError, error_type};
use crate::domain::time::Timestamp;

impl Execution {
    /// When time alone will move it, at the earliest; `None` where it never does.
    ///
    /// The timeouts of a call that is open are those of the call, and not counted here.
    pub fn next_timer(&self, outages: &Outages) -> Option<Timestamp> {
        if self.status != Status::Running {
            return None;
        }
        let of_branches = self.branches.values().filter_map(|branch| match branch {
            Branch::Running(_) | Branch::Ready(_) => None,
            Branch::Retrying { due, .. } => Some(*due),
            Branch::Elsewhere { .. } => self.lost_at(branch, outages).map(|(at, _)| at),
        });
        of_branches.chain(self.deadline(outages)).min()
    }

    /// When it will have taken as long as its workflow allows.
    pub fn deadline(&self, outages: &Outages) -> Option<Timestamp> {
        self.clock.runs_out(self.workflow.timeout_seconds?.as_duration(), outages)
    }

    /// When the attempt that runs elsewhere is given up, and why.
    fn lost_at(&self, branch: &Branch, outages: &Outages) -> Option<(Timestamp, Failure)> {
        let Branch::Elsewhere { attempt, sent_at, heard_at } = branch else { return None };
        let step = self.step_of(self.attempts.get(*attempt)?);
        let timeout = step.timeout_seconds;
        let late = (outages.after(*sent_at, timeout.as_duration()), Failure::timed_out(timeout));
        let silent = step
            .heartbeat_timeout_seconds
            .map(|timeout| (outages.after(*heard_at, timeout.as_duration()), Failure::fell_silent(timeout)));
        Some(match silent {
            Some(silent) if silent.0 < late.0 => silent,
            Some(_) | None => late,
        })
    }

    /// What a running execution does after a crash or a stop: every open call is made again.
    pub(super) fn recover(&self, given: &Given<'_>) -> Decision {
        let mut draft = Draft::after(self.last_seq, given);
        if self.status == Status::Running {
            self.go_on(&mut draft);
        }
        draft.decision
    }

    /// What is due by now.
    pub(super) fn wake(&self, given: &Given<'_>) -> Decision {
        let mut draft = Draft::after(self.last_seq, given);
        if self.status == Status::Running && !self.times_out(&mut draft) {
            self.branches.values().for_each(|branch| self.take_due(branch, &mut draft));
        }
        draft.decision
    }

    /// An attempt whose end was told is over, every other open one is delivered again; and what is due is done.
    pub(super) fn go_on(&self, draft: &mut Draft<'_>) {
        if self.times_out(draft) {
            return;
        }
        for branch in self.branches.values() {
            match branch {
                Branch::Running(place) => self.call_again(&self.attempts[*place], draft),
                Branch::Elsewhere { .. } | Branch::Retrying { .. } => self.take_due(branch, draft),
                // A manual execution waits for somebody; an automatic one was held before the step.
                Branch::Ready(place) if self.mode == Mode::Automatic => {
                    draft.start_step(&self.workflow.steps[*place], self.visits(*place) + 1);
                }
                Branch::Ready(_) => {}
            }
        }
    }

    fn call_again(&self, attempt: &Attempt, draft: &mut Draft<'_>) {
        match &attempt.completion {
            Some(told) => self.take_completion(attempt, told, draft),
            None => draft.decision.effects.push(Effect::CallStep(attempt.id)),
        }
    }

    fn take_due(&self, branch: &Branch, draft: &mut Draft<'_>) {
        match branch {
            Branch::Running(_) | Branch::Ready(_) => {}
            Branch::Retrying { failed, due, tries } => {
                if *due <= draft.given.now {
                    draft.try_again(self.step_of(&self.attempts[*failed]), &self.attempts[*failed], tries + 1);
                }
            }
            Branch::Elsewhere { attempt, .. } => {
                let lost = self.lost_at(branch, draft.given.outages).filter(|(at, _)| *at <= draft.given.now);
                if let Some((_, failure)) = lost {
                    self.fail_step(&self.attempts[*attempt], &failure, draft);
                }
            }
        }
    }

    /// Fails the execution if it has taken as long as its workflow allows.
    fn times_out(&self, draft: &mut Draft<'_>) -> bool {
        let deadline = self.deadline(draft.given.outages);
        let (Some(timeout), true) = (self.workflow.timeout_seconds, deadline.is_some_and(|at| at <= draft.given.now))
        else {
            return false;
        };
        let message = format!("The execution did not end within the {} s that its workflow allows.", timeout.as_f64());
        let error = StepError::new(error_type::TIMEOUT, message);
        for attempt in self.running_attempts() {
            let step = self.step_of(attempt);
            draft.emit(EventBody::StepError(StepFailed {
                step: step.handler.as_str().to_owned(),
                step_name: step.name.as_str().to_owned(),
                error: error.clone(),
                attempt: attempt.attempt,
                retry_in_seconds: None,
                output: None,
                last_progress: attempt.progress.as_deref().cloned(),
            }));
            draft.decision.effects.push(Effect::AbortCall(attempt.id));
        }
        draft.fail(self.context.clone(), error, self.current_step());
        true
    }
}
