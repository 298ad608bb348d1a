//! Folding: one event after another into the state.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clock::Clock;
use super::{Attempt, AttemptStatus, Branch, BranchPath, Execution, Status};
use crate::domain::context::Context;
use crate::domain::definition::Workflow;
use crate::domain::event::{Event, EventBody, FoldError, Properties, StepFailed, StepStarted};
use crate::domain::id::{ExecutionId, StepId};
use crate::domain::outcome::StepError;
use crate::domain::report::ProgressReport;
use crate::domain::time::Timestamp;

impl Execution {
    /// The state that the log `events` of execution `id` leaves behind; `workflow` is the version that it started with.
    ///
    /// Of the reports of progress only the newest of the whole log is needed: an attempt's end carries its last one.
    pub fn fold<'a>(
        id: ExecutionId,
        workflow: Arc<Workflow>,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<Self, FoldError> {
        let mut events = events.into_iter();
        let first = events.next().ok_or(FoldError { seq: 1, detail: "the log is empty".to_owned() })?;
        let mut execution = Self::started(id, workflow, first)?;
        for event in events {
            execution.apply(event);
        }
        Ok(execution)
    }

    fn started(id: ExecutionId, workflow: Arc<Workflow>, first: &Event) -> Result<Self, FoldError> {
        let EventBody::WorkflowStarted(body) = &first.body else {
            let detail = format!("the log begins with {}", first.body.name());
            return Err(FoldError { seq: first.seq, detail });
        };
        let branches = if workflow.steps.is_empty() {
            BTreeMap::new()
        } else {
            BTreeMap::from([(BranchPath::root(), Branch::Ready(0))])
        };
        Ok(Self {
            id,
            attempts_before: 0,
            workflow,
            mode: body.mode,
            status: Status::Running,
            pause_requested: false,
            context: body.initial_context.clone(),
            branches,
            attempts: Vec::new(),
            error: None,
            failed_step: None,
            clock: Clock::started(first.at),
            stands_since: first.at,
            reason: None,
            properties: Properties::default(),
            last_seq: first.seq,
            created_at: first.at,
            updated_at: first.at,
            finished_at: None,
        })
    }

    /// Folds one event into the state. Total: an event that was committed always applies.
    pub fn apply(&mut self, event: &Event) {
        self.last_seq = event.seq;
        self.updated_at = event.at;
        self.note_standing(event);
        match &event.body {
            // `started` took it; a log holds it once.
            EventBody::WorkflowStarted(_) => {}
            EventBody::StepStarted(body) => self.apply_step_started(body, event.at),
            EventBody::StepProgress(body) => {
                let report = Arc::new(body.progress.clone());
                self.change_running(&body.step, |attempt| attempt.progress = Some(report));
                self.hear_from_elsewhere(event.at);
            }
            EventBody::StepCompleted(body) => {
                let completion = Arc::new(body.result.clone());
                self.change_running(&body.step, |attempt| attempt.completion = Some(completion));
            }
            EventBody::StepWaiting(body) => {
                if let Some(Branch::Running(attempt)) = self.branches.get(&BranchPath::root()).copied() {
                    let elsewhere = Branch::Elsewhere { attempt, sent_at: body.sent_at, heard_at: event.at };
                    self.branches.insert(BranchPath::root(), elsewhere);
                }
            }
            EventBody::StepError(body) => self.apply_step_error(body, event.at),
            EventBody::StepFinished(body) => {
                let output = body.output.clone().unwrap_or_else(|| body.plain_output());
                self.end_attempt(&body.step, event.at, body.last_progress.as_ref(), |attempt| {
                    attempt.status = AttemptStatus::Success;
                    attempt.output = Some(Arc::new(output));
                });
                self.context.merge(&body.context);
                self.apply_next(body.next_id);
            }
            EventBody::MaxVisitsExceeded(_) => {}
            EventBody::WorkflowPausing(_) => self.pause_requested = true,
            EventBody::WorkflowPaused(body) => {
                self.status = Status::Paused;
                self.pause_requested = false;
                self.error = body.error.clone().map(Arc::new);
                self.clock.stop(event.at);
                self.find_context(body.context.as_ref());
                if let Some(step) = body.next_id.and_then(|id| self.place_of(id)) {
                    self.branches.insert(BranchPath::root(), Branch::Ready(step));
                }
            }
            EventBody::WorkflowResumed(_) => self.apply_resumed(event.at),
            EventBody::WorkflowCancelled(body) => {
                let step = self.current_place();
                self.find_progress(body.last_progress.as_ref());
                self.end(Status::Cancelled, event.at, None, step);
            }
            EventBody::WorkflowCompleted(body) => {
                self.context = body.final_context.clone();
                self.end(Status::Completed, event.at, None, None);
            }
            EventBody::ExecutionPropertiesUpdated(body) => self.properties = body.clone(),
            EventBody::WorkflowFailed(body) => {
                self.context = body.final_context.clone();
                let step = body.failed_step_id.and_then(|id| self.place_of(id));
                self.end(Status::Failed, event.at, Some(&body.error), step);
            }
        }
    }

    /// Notes since when, and by whose word, it stands as it does.
    fn note_standing(&mut self, event: &Event) {
        self.reason = match &event.body {
            EventBody::StepProgress(_)
            | EventBody::StepCompleted(_)
            | EventBody::WorkflowPausing(_)
            | EventBody::ExecutionPropertiesUpdated(_) => return,
            EventBody::WorkflowPaused(body) => Some(Arc::from(body.reason.as_str())),
            EventBody::WorkflowCancelled(body) => Some(Arc::from(body.reason.as_str())),
            EventBody::WorkflowStarted(_)
            | EventBody::StepStarted(_)
            | EventBody::StepWaiting(_)
            | EventBody::StepError(_)
            | EventBody::StepFinished(_)
            | EventBody::MaxVisitsExceeded(_)
            | EventBody::WorkflowResumed(_)
            | EventBody::WorkflowCompleted(_)
            | EventBody::WorkflowFailed(_) => None,
        };
        self.stands_since = event.at;
    }

    fn apply_step_started(&mut self, body: &StepStarted, at: Timestamp) {
        let Some(step) = self.place_of(body.step_id) else { return };
        self.find_context(body.context.as_ref());
        self.attempts.push(Attempt {
            id: body.attempt_id,
            step,
            attempt: body.attempt,
            visit: body.visit,
            tries: body.tries.unwrap_or(body.attempt),
            status: AttemptStatus::Running,
            started_at: at,
            finished_at: None,
            input: self.context.clone(),
            output: None,
            progress: None,
            completion: None,
            error: None,
        });
        self.branches.insert(BranchPath::root(), Branch::Running(self.attempts.len() - 1));
    }

    /// Takes over a context that was written elsewhere.
    fn find_context(&mut self, found: Option<&Context>) {
        if let Some(found) = found {
            self.context = found.clone();
        }
    }

    fn apply_next(&mut self, next: Option<StepId>) {
        match next.and_then(|id| self.place_of(id)) {
            Some(step) => self.branches.insert(BranchPath::root(), Branch::Ready(step)),
            None => self.branches.remove(&BranchPath::root()),
        };
    }

    /// An attempt failed. Where it is not tried again, another event of the same decision says what becomes of it.
    fn apply_step_error(&mut self, body: &StepFailed, at: Timestamp) {
        let error = Arc::new(body.error.clone());
        self.end_attempt(&body.step, at, body.last_progress.as_ref(), |attempt| {
            attempt.status = AttemptStatus::Failed;
            attempt.error = Some(error);
            attempt.output = body.output.clone().map(Arc::new);
        });
        let branch = self.branches.get_mut(&BranchPath::root());
        if let Some((branch, failed)) = branch.and_then(|branch| branch.attempt().map(|failed| (branch, failed))) {
            *branch = match body.retry_in_seconds {
                Some(wait) => {
                    Branch::Retrying { failed, due: at.plus_seconds(wait), tries: self.attempts[failed].tries }
                }
                // Once somebody resumes it, its budget is fresh.
                None => Branch::Retrying { failed, due: at, tries: 0 },
            };
        }
    }

    /// It goes on: after a pause where it stood, after its end at the step whose start follows.
    fn apply_resumed(&mut self, at: Timestamp) {
        if self.status.is_ended() {
            self.clock = Clock::started(at);
            self.attempts_before = self.attempts.len();
        }
        self.clock.go_on(at);
        for branch in self.branches.values_mut() {
            if let Branch::Elsewhere { sent_at, heard_at, .. } = branch
                && self.status == Status::Paused
            {
                (*sent_at, *heard_at) = (at, at);
            }
        }
        self.status = Status::Running;
        self.pause_requested = false;
        self.finished_at = None;
        self.error = None;
        self.failed_step = None;
    }

    /// Takes over the newest report of the attempt that runs, where the log was read without it.
    fn find_progress(&mut self, found: Option<&ProgressReport>) {
        let running = self.branches.values().find_map(Branch::attempt);
        if let Some(attempt) = running.and_then(|place| self.attempts.get_mut(place))
            && attempt.progress.is_none()
        {
            attempt.progress = found.cloned().map(Arc::new);
        }
    }

    fn hear_from_elsewhere(&mut self, at: Timestamp) {
        if let Some(Branch::Elsewhere { heard_at, .. }) = self.branches.get_mut(&BranchPath::root()) {
            *heard_at = at;
        }
    }

    fn end(&mut self, status: Status, at: Timestamp, error: Option<&StepError>, failed_step: Option<usize>) {
        for branch in self.branches.values() {
            // Its worker was told nothing of an end, or nothing in time.
            if let Some(attempt) = branch.attempt().and_then(|place| self.attempts.get_mut(place)) {
                attempt.status = AttemptStatus::Cancelled;
                attempt.finished_at = Some(at);
            }
        }
        self.status = status;
        self.pause_requested = false;
        self.finished_at = Some(at);
        self.error = error.cloned().map(Arc::new);
        self.failed_step = failed_step;
        self.clock.stop(at);
        self.branches.clear();
    }

    fn end_attempt(
        &mut self,
        handler: &str,
        at: Timestamp,
        last_progress: Option<&ProgressReport>,
        change: impl FnOnce(&mut Attempt),
    ) {
        self.change_running(handler, |attempt| {
            attempt.finished_at = Some(at);
            if attempt.progress.is_none() {
                attempt.progress = last_progress.cloned().map(Arc::new);
            }
            change(attempt);
        });
    }

    /// Changes the attempt that runs at the step with this handler.
    fn change_running(&mut self, handler: &str, change: impl FnOnce(&mut Attempt)) {
        let running = self.branches.values().find_map(|branch| {
            let place = branch.attempt()?;
            let step = self.workflow.steps.get(self.attempts.get(place)?.step)?;
            (step.handler.as_str() == handler).then_some(place)
        });
        if let Some(attempt) = running.and_then(|place| self.attempts.get_mut(place)) {
            change(attempt);
        }
    }

    fn place_of(&self, id: StepId) -> Option<usize> {
        self.workflow.steps.iter().position(|step| step.id == id)
    }
}
