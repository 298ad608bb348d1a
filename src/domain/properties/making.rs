//! Makes each move with the execution and with its model, as actors and clients would.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::model::{At, End};
use super::moves::{Error, Move, Named, Next, Steer, Whose};
use super::run::{Run, at};
use crate::domain::{
    Answer, AttemptId, Command, Completion, Failure, Outcome, ProgressReport, PropertiesPatch, Rejection, Status,
    StepError,
};

impl Run {
    pub(super) fn do_as(&mut self, one: &Move) {
        match one {
            Move::Answer { whose, next, context, plain } => self.answer(*whose, *next, context, *plain),
            Move::Accept { whose, millis_ago } => self.accept(*whose, *millis_ago),
            Move::Fail { whose, error } => self.fail(*whose, error),
            Move::Progress { step, percentage, remaining } => self.report(*step, *percentage, *remaining),
            Move::Complete { step, success, next, context, data } => {
                let completion = Completion {
                    success: *success,
                    data: data.clone().into(),
                    message: (!success).then(|| "no".into()),
                    error_type: data.contains_key("a").then(|| "Broken".to_owned()),
                    context: context.clone().map(Into::into),
                    next: self.name_of_next(*next),
                };
                self.complete(self.name(*step), completion);
            }
            Move::CompleteAgain => {
                if let Some((step, completion)) = self.told.clone() {
                    self.complete(step, completion);
                }
            }
            Move::Next => {
                let expected = self.model.takes_next();
                if self.ask(&Command::Next, expected).is_some() {
                    self.model.next();
                }
            }
            Move::Steer(how) => self.steer(*how),
            Move::Retry(from_step) => self.retry(*from_step),
            Move::ForceCompletion(data) => {
                let lives = !self.model.status.is_ended();
                if self.ask(&Command::Complete(data.clone()), lives).is_some() {
                    self.model.complete(data);
                }
            }
            Move::SetProperties { data, status } => self.set_properties(data.as_ref(), status.as_ref()),
            Move::Recover => self.recover(),
            Move::Crash { away_millis } => {
                self.execution = self.refolded();
                self.is_away(*away_millis);
                self.recover();
            }
            Move::Wake => self.wake(),
            Move::Ring { early } => {
                let timer = self.execution.next_timer(&self.outages).map(crate::domain::Timestamp::as_millis);
                let rings = timer.map_or(0, |timer| timer - i64::from(*early));
                self.pass((rings - self.model.now).max(0));
                self.wake();
            }
        }
    }

    fn answer(&mut self, whose: Whose, next: Next, context: &Map<String, Value>, plain: bool) {
        let next = self.name_of_next(next);
        let output = match (plain, &next) {
            (true, _) => json!({"context": context}),
            (false, None) => Value::Null,
            (false, Some(next)) => json!({"context": context, "next": next}),
        };
        let answer = Answer { context: context.clone().into(), next: next.clone(), output: output.clone() };
        let attempt = self.attempt(whose);
        if self.take(attempt, Outcome::Answered(answer)) {
            self.model.ends(End::Answered { context: context.clone(), next });
            let kept = self.execution.attempt(attempt).unwrap().output.as_deref();
            assert!(kept.is_none_or(|kept| *kept == output), "the history keeps the answer as it came");
        }
    }

    fn accept(&mut self, whose: Whose, millis_ago: i64) {
        let sent = self.model.now - millis_ago;
        if self.take(self.attempt(whose), Outcome::Accepted { sent_at: at(sent) }) {
            self.model.accepted(sent);
        }
    }

    fn fail(&mut self, whose: Whose, error: &Error) {
        let Error { kind, status, retryable, retry_after_millis } = *error;
        let mut failure = if retryable { Failure::retryable(kind, "no") } else { Failure::fatal(kind, "no") };
        failure.error.status = status;
        failure.retry_after = retry_after_millis.map(Duration::from_millis);
        if self.take(self.attempt(whose), Outcome::Failed(failure)) {
            let kind = kind.to_owned();
            self.model.ends_unless_recorded(End::Failed { kind, status, retryable, retry_after_millis });
        }
    }

    /// Hands over an outcome; it is taken if the call of its attempt is open, and only once.
    fn take(&mut self, attempt: AttemptId, outcome: Outcome) -> bool {
        let expected = self.model.has_open_call() && self.running() == Some(attempt);
        let command = Command::TakeOutcome { attempt, outcome };
        let taken = self.ask(&command, expected).is_some();
        if taken {
            let again = self.execution.decide(&command, &self.given());
            let is_refused = matches!(again, Err(Rejection::StaleAttempt | Rejection::Paused | Rejection::Ended(_)));
            assert!(is_refused, "taken twice: {again:?}");
        }
        taken
    }

    fn report(&mut self, step: Named, percentage: f64, remaining: Option<u32>) {
        let step = self.name(step);
        let mut body = json!({"percentage": percentage, "message": "Procesando"});
        body["estimated_remaining_seconds"] = json!(remaining);
        let place = self.model.find(&step);
        let expected = place.is_some() && place == self.model.running();
        let command = Command::ReportProgress { step, report: ProgressReport::parse(&body).unwrap(), attempt: None };
        if self.ask(&command, expected).is_some() {
            self.model.hears(percentage);
        }
    }

    fn complete(&mut self, step: String, completion: Completion) {
        let place = self.model.find(&step);
        let runs = place.is_some() && place == self.model.running();
        let expected = runs && self.model.recorded.as_ref().is_none_or(|recorded| *recorded == completion);
        let completed = completion.clone();
        let command = Command::ReportCompletion { step: step.clone(), completion: completed, attempt: None };
        if self.ask(&command, expected).is_some() {
            self.model.is_told(&completion);
            self.told = Some((step, completion));
        }
    }

    fn steer(&mut self, how: Steer) {
        let (status, reason) = (self.model.status, "lunch".to_owned());
        let lives = !status.is_ended();
        match how {
            Steer::Pause => {
                if self.ask(&Command::Pause { reason }, lives).is_some() {
                    self.model.pause();
                }
            }
            Steer::Resume => {
                if self.ask(&Command::Resume { reason }, lives).is_some() {
                    self.model.resume();
                }
            }
            Steer::Cancel => {
                if self.ask(&Command::Cancel { reason }, lives || status == Status::Cancelled).is_some() {
                    self.model.cancel();
                }
            }
            Steer::Park => {
                let error = StepError::new("ActorCrashLoop", "It crashed too often.");
                if self.ask(&Command::Park(error), lives).is_some() {
                    self.model.park();
                }
            }
        }
    }

    fn retry(&mut self, from_step: Option<Named>) {
        // What ended has no step that runs: the one that it ended at is meant instead.
        let from_step = from_step.map(|named| match (named, self.model.at) {
            (Named::RunningByName, At::Ended(Some(place))) => self.name(Named::ByName(place)),
            (Named::RunningByHandler, At::Ended(Some(place))) => self.name(Named::ByHandler(place)),
            _ => self.name(named),
        });
        let place = from_step.as_ref().map(|named| self.model.find(named));
        let may = matches!(self.model.status, Status::Failed | Status::Cancelled);
        if self.ask(&Command::Retry { from_step }, may && place != Some(None)).is_some() {
            self.model.retry(place.flatten());
        }
    }

    fn set_properties(&mut self, data: Option<&Option<Map<String, Value>>>, status: Option<&Option<String>>) {
        let mut body = Map::new();
        let before = self.properties.clone();
        if let Some(data) = data {
            body.insert("additional_data".to_owned(), json!(data));
            self.properties.additional_data = data.clone().unwrap_or_default().into();
        }
        if let Some(status) = status {
            body.insert("custom_status".to_owned(), json!(status));
            self.properties.custom_status = status.as_deref().map(Into::into);
        }
        let patch = PropertiesPatch::parse(&Value::Object(body)).unwrap();
        self.ask(&Command::SetProperties(patch), true);
        if before != self.properties {
            self.model.say("execution_properties_updated");
        }
    }

    fn recover(&mut self) {
        self.ask(&Command::Recover, true);
        self.model.go_on();
    }

    fn wake(&mut self) {
        self.ask(&Command::Wake, true);
        self.model.wake();
    }
}
