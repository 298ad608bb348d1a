//! What clients and time do to the model.

use serde_json::{Map, Value};

use super::{At, Model, told_end};
use crate::domain::properties::patience::Stopwatch;
use crate::domain::{AttemptStatus, Status};

impl Model {
    pub(in super::super) fn pause(&mut self) {
        if !self.moves() || self.pausing {
            return;
        }
        match self.at {
            At::Running(_) | At::Elsewhere { .. } => {
                self.pausing = true;
                self.say("workflow_pausing");
            }
            At::Retrying { .. } | At::Ready(_) | At::Ended(_) => self.hold(),
        }
    }

    pub(in super::super) fn park(&mut self) {
        if self.moves() {
            self.hold();
            self.error = Some("ActorCrashLoop".to_owned());
        }
    }

    pub(super) fn hold(&mut self) {
        self.status = Status::Paused;
        self.pausing = false;
        self.error = None;
        self.stopwatch.stop(self.now, &self.away);
        self.say("workflow_paused");
    }

    pub(in super::super) fn resume(&mut self) {
        if self.status == Status::Paused {
            self.say("workflow_resumed");
            (self.status, self.error) = (Status::Running, None);
            self.stopwatch.go_on(self.now);
            if let At::Elsewhere { sent, heard, .. } = &mut self.at {
                (*sent, *heard) = (self.now, self.now);
            }
            self.go_on();
        } else if self.pausing {
            self.pausing = false;
            self.say("workflow_resumed");
        }
    }

    /// A process found it, or it was resumed.
    pub(in super::super) fn go_on(&mut self) {
        if !self.moves() {
            return;
        }
        match self.at {
            _ if self.is_overdue(self.now) => self.wake(),
            At::Running(_) => match self.recorded.take() {
                Some(told) => self.ends(told_end(&told)),
                None => self.expected.calls = true,
            },
            At::Ready(place) if !self.manual => self.enter(place),
            At::Elsewhere { .. } | At::Retrying { .. } | At::Ready(_) | At::Ended(_) => self.wake(),
        }
    }

    pub(in super::super) fn wake(&mut self) {
        if !self.is_due(self.now) {
            return;
        }
        if self.is_overdue(self.now) {
            let place = self.place();
            if self.running().is_some() {
                self.say("step_error");
                self.newest().status = AttemptStatus::Failed;
                self.expected.aborts = true;
            }
            self.error = Some("Timeout".to_owned());
            self.stop(Status::Failed, place);
        } else if let At::Retrying { place, tries, .. } = self.at {
            self.enter_again(place, tries + 1);
        } else if let (Some(place), Some(kind)) = (self.running(), self.is_lost(self.now)) {
            let retryable = !self.steps[place].retry.non_retryable_errors.iter().any(|named| named == kind);
            self.fails(place, kind.to_owned(), retryable, None);
        }
    }

    /// Whether time alone has moved it by `moment`.
    pub(in super::super) fn is_due(&self, moment: i64) -> bool {
        let is_retried = matches!(self.at, At::Retrying { due, .. } if due <= moment);
        self.moves() && (self.is_overdue(moment) || is_retried || self.is_lost(moment).is_some())
    }

    fn is_overdue(&self, moment: i64) -> bool {
        self.timeout.is_some_and(|timeout| self.stopwatch.has_run(timeout, moment, &self.away))
    }

    fn is_lost(&self, moment: i64) -> Option<&'static str> {
        let At::Elsewhere { place, sent, heard } = self.at else { return None };
        self.steps[place].patience.ended(sent, heard, moment, &self.away)
    }

    pub(in super::super) fn cancel(&mut self) {
        if !self.status.is_ended() {
            self.stop(Status::Cancelled, self.place());
        }
    }

    pub(in super::super) fn complete(&mut self, data: &Map<String, Value>) {
        self.context.insert("completion_data".to_owned(), Value::Object(data.clone()));
        self.stop(Status::Completed, None);
    }

    pub(in super::super) fn retry(&mut self, from: Option<usize>) {
        let place = from.or(self.place()).expect("a failed or cancelled execution ended somewhere");
        self.say("workflow_resumed");
        (self.status, self.error) = (Status::Running, None);
        self.stopwatch = Stopwatch::start(self.now);
        self.tries_before = self.tries.len();
        if self.visits(place) == 0 { self.enter(place) } else { self.enter_again(place, 1) }
    }
}
