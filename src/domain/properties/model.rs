//! What an execution must do, said once more and more simply: no stored events, no ids, no sharing.

mod steering;

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::patience::{Away, Patience, Stopwatch, check_wait, millis};
use crate::domain::{
    AttemptStatus, Completion, Context, ExecutionId, Mode, OnExhausted, RetryPolicy, Status, Workflow,
};

/// Where the model stands; times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum At {
    Running(usize),
    Elsewhere {
        place: usize,
        sent: i64,
        heard: i64,
    },
    /// The step is tried again; so many tries of the budget are used up.
    Retrying {
        place: usize,
        due: i64,
        tries: u32,
    },
    Ready(usize),
    /// Where a retry would go on.
    Ended(Option<usize>),
}

/// How a step came to its end.
#[derive(Clone, Debug)]
pub(super) enum End {
    Answered { context: Map<String, Value>, next: Option<String> },
    Failed { kind: String, status: Option<u16>, retryable: bool, retry_after_millis: Option<u64> },
}

/// An attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Try {
    pub(super) place: usize,
    pub(super) visit: u32,
    pub(super) attempt: u32,
    /// Counts within a retry budget.
    pub(super) tries: u32,
    pub(super) status: AttemptStatus,
}

struct Step {
    name: String,
    handler: String,
    max_visits: u32,
    end: bool,
    patience: Patience,
    retry: RetryPolicy,
}

/// What must follow from the last move.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) events: Vec<&'static str>,
    pub(super) calls: bool,
    pub(super) aborts: bool,
}

/// A reference execution.
pub(super) struct Model {
    steps: Vec<Step>,
    manual: bool,
    timeout: Option<i64>,
    pub(super) now: i64,
    pub(super) away: Away,
    pub(super) at: At,
    pub(super) status: Status,
    pub(super) pausing: bool,
    /// The type of the error that ended it or holds it.
    pub(super) error: Option<String>,
    pub(super) tries: Vec<Try>,
    /// How many of the tries were before the newest retry by hand.
    tries_before: usize,
    pub(super) reported: f64,
    pub(super) context: Map<String, Value>,
    pub(super) recorded: Option<Completion>,
    pub(super) expected: Expected,
    /// The wait that the last decision told of a failed attempt.
    pub(super) told_wait: Option<f64>,
    stopwatch: Stopwatch,
}

impl Model {
    pub(super) fn start(id: ExecutionId, workflow: &Workflow, data: &Map<String, Value>) -> Self {
        let step = |step: &crate::domain::Step| Step {
            name: step.name.as_str().to_owned(),
            handler: step.handler.as_str().to_owned(),
            max_visits: step.max_visits,
            end: step.end,
            patience: Patience {
                in_all: millis(step.timeout_seconds),
                in_silence: step.heartbeat_timeout_seconds.map(millis),
            },
            retry: step.retry.clone(),
        };
        let mut dynamic = data.clone();
        dynamic.retain(|key, value| key != "execution_id" && !value.to_string().contains("$payload"));
        let mut context = data.clone();
        context.insert("execution_id".to_owned(), json!(id));
        context.insert("dynamic_properties".to_owned(), Value::Object(dynamic));
        let mut model = Self {
            steps: workflow.steps.iter().map(step).collect(),
            manual: workflow.mode == Mode::Manual,
            timeout: workflow.timeout_seconds.map(millis),
            now: 0,
            away: Away::default(),
            at: At::Ready(0),
            status: Status::Running,
            pausing: false,
            error: None,
            tries: Vec::new(),
            tries_before: 0,
            reported: 0.0,
            context,
            recorded: None,
            expected: Expected::default(),
            told_wait: None,
            stopwatch: Stopwatch::start(0),
        };
        model.say("workflow_started");
        if !model.manual {
            model.enter(0);
        }
        model
    }

    /// The place of the step that `named` means.
    pub(super) fn find(&self, named: &str) -> Option<usize> {
        let by_name = self.steps.iter().position(|step| step.name == named);
        let running = self.running().filter(|place| self.steps[*place].handler == named);
        by_name.or(running).or_else(|| self.steps.iter().position(|step| step.handler == named))
    }

    /// The step that a worker has.
    pub(super) fn running(&self) -> Option<usize> {
        match self.at {
            At::Running(place) | At::Elsewhere { place, .. } => Some(place),
            At::Retrying { .. } | At::Ready(_) | At::Ended(_) => None,
        }
    }

    /// The step that it stands at or before.
    pub(super) fn place(&self) -> Option<usize> {
        match self.at {
            At::Running(place) | At::Elsewhere { place, .. } | At::Retrying { place, .. } | At::Ready(place) => {
                Some(place)
            }
            At::Ended(place) => place,
        }
    }

    pub(super) fn moves(&self) -> bool {
        self.status == Status::Running
    }

    pub(super) fn has_open_call(&self) -> bool {
        self.moves() && matches!(self.at, At::Running(_))
    }

    /// Whether a client may ask for the next step.
    pub(super) fn takes_next(&self) -> bool {
        self.manual && self.moves() && matches!(self.at, At::Ready(_))
    }

    pub(super) fn next(&mut self) {
        let At::Ready(place) = self.at else { panic!("nothing is ready") };
        self.enter(place);
    }

    /// The worker goes on elsewhere, or has told its end already.
    pub(super) fn accepted(&mut self, sent: i64) {
        let At::Running(place) = self.at else { panic!("no call is open") };
        match self.recorded.take() {
            Some(told) => self.ends(told_end(&told)),
            None => {
                self.at = At::Elsewhere { place, sent, heard: self.now };
                self.say("step_waiting");
            }
        }
    }

    pub(super) fn hears(&mut self, percentage: f64) {
        self.say("step_progress");
        self.reported = percentage;
        if let At::Elsewhere { heard, .. } = &mut self.at {
            *heard = self.now;
        }
    }

    pub(super) fn is_told(&mut self, completion: &Completion) {
        if self.recorded.as_ref() == Some(completion) {
            return;
        }
        self.say("step_completed");
        match self.at {
            At::Elsewhere { .. } => self.ends(told_end(completion)),
            At::Running(_) | At::Retrying { .. } | At::Ready(_) | At::Ended(_) => {
                self.recorded = Some(completion.clone());
            }
        }
    }

    /// The call broke or the process crashed: what was recorded counts, or else `end`.
    pub(super) fn ends_unless_recorded(&mut self, end: End) {
        let told = self.recorded.take();
        self.ends(told.map_or(end, |told| told_end(&told)));
    }

    pub(super) fn ends(&mut self, end: End) {
        let place = self.running().expect("a step that runs");
        self.recorded = None;
        let (context, next) = match end {
            End::Answered { context, next } => (context, next),
            End::Failed { kind, status, retryable, retry_after_millis } => {
                let status = status.map(|status| status.to_string());
                let named = &self.steps[place].retry.non_retryable_errors;
                let is_named = named.iter().any(|one| *one == kind || Some(one) == status.as_ref());
                return self.fails(place, kind, retryable && !is_named, retry_after_millis);
            }
        };
        let last = self.steps[place].end || place + 1 == self.steps.len();
        let following = match next {
            Some(named) => match self.find(&named) {
                Some(following) => Some(following),
                None => return self.fails(place, "UnknownStep".to_owned(), false, None),
            },
            None if last => None,
            None => Some(place + 1),
        };
        self.newest().status = AttemptStatus::Success;
        self.say("step_finished");
        self.context.extend(context.into_iter().filter(|(key, _)| key != "execution_id"));
        let Some(next) = following else { return self.stop(Status::Completed, None) };
        if self.visits_of_this_round(next) == self.steps[next].max_visits as usize {
            self.say("max_visits_exceeded");
            self.error = Some("MaxVisitsExceeded".to_owned());
            return self.stop(Status::Failed, Some(next));
        }
        self.at = At::Ready(next);
        if self.pausing {
            self.hold();
        } else if self.moves() && !self.manual {
            self.enter(next);
        }
    }

    fn fails(&mut self, place: usize, kind: String, again: bool, retry_after_millis: Option<u64>) {
        self.newest().status = AttemptStatus::Failed;
        self.say("step_error");
        let (told, tries, retry) = (self.told_wait.take(), self.newest().tries, &self.steps[place].retry);
        assert_eq!(told.is_some(), again && tries < retry.max_attempts, "it is tried again as its policy allows");
        if let Some(wait) = told {
            check_wait(retry, tries, retry_after_millis, wait);
            self.at = At::Retrying { place, due: self.now + (wait * 1000.0).round() as i64, tries };
            if self.pausing {
                self.hold();
            }
        } else if retry.on_exhausted == OnExhausted::Pause {
            self.at = At::Retrying { place, due: self.now, tries: 0 };
            self.hold();
            self.error = Some(kind);
        } else {
            self.error = Some(kind);
            self.stop(Status::Failed, Some(place));
        }
    }

    /// The visits since the newest retry by hand, the one that went on by it included.
    pub(super) fn visits_of_this_round(&self, place: usize) -> usize {
        let tries = self.tries[self.tries_before..].iter().filter(|one| one.place == place);
        tries.map(|one| one.visit).collect::<HashSet<_>>().len()
    }

    fn visits(&self, place: usize) -> u32 {
        self.tries.iter().filter(|one| one.place == place).map(|one| one.visit).max().unwrap_or(0)
    }

    pub(super) fn max_attempts(&self, place: usize) -> u32 {
        self.steps[place].retry.max_attempts
    }

    pub(super) fn name_of(&self, place: usize) -> &str {
        &self.steps[place].name
    }

    fn newest(&mut self) -> &mut Try {
        self.tries.last_mut().expect("an attempt")
    }

    pub(super) fn say(&mut self, event: &'static str) {
        self.expected.events.push(event);
    }

    fn enter(&mut self, place: usize) {
        self.try_at(Try { place, visit: self.visits(place) + 1, attempt: 1, tries: 1, status: AttemptStatus::Running });
    }

    fn enter_again(&mut self, place: usize, tries: u32) {
        let last = *self.tries.iter().rfind(|one| one.place == place).expect("an attempt at this step");
        self.try_at(Try { attempt: last.attempt + 1, tries, status: AttemptStatus::Running, ..last });
    }

    fn try_at(&mut self, one: Try) {
        self.tries.push(one);
        self.reported = 0.0;
        self.at = At::Running(one.place);
        self.expected.calls = true;
        self.say("step_started");
    }

    fn stop(&mut self, status: Status, place: Option<usize>) {
        if self.running().is_some() && self.newest().status == AttemptStatus::Running {
            self.newest().status = AttemptStatus::Cancelled;
            self.expected.aborts = true;
        }
        if self.moves() {
            self.stopwatch.stop(self.now, &self.away);
        }
        self.say(match status {
            Status::Completed => "workflow_completed",
            Status::Cancelled => "workflow_cancelled",
            Status::Failed | Status::Running | Status::Paused => "workflow_failed",
        });
        if status != Status::Failed {
            self.error = None;
        }
        (self.status, self.pausing, self.recorded, self.at) = (status, false, None, At::Ended(place));
    }
}

fn told_end(told: &Completion) -> End {
    if !told.success {
        let kind = told.error_type.clone().unwrap_or_else(|| "StepFailed".to_owned());
        return End::Failed { kind, status: None, retryable: true, retry_after_millis: None };
    }
    let fields = |context: &Context| context.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    End::Answered { context: fields(told.context.as_ref().unwrap_or(&told.data)), next: told.next.clone() }
}
