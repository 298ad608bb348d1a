//! Why an execution is not moving, in a plain sentence.

use serde_json::{Map, Value, json};

use super::{Attempt, Branch, Execution, Status};
use crate::domain::definition::Step;
use crate::domain::outages::Outages;
use crate::domain::time::Timestamp;

/// How far the call of an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallPhase {
    /// It waits for its turn: as many calls as may be are open.
    Queued,
    /// The worker has it.
    Sent,
    /// The worker refuses connections, as one that is being restarted.
    Refused,
}

impl CallPhase {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Refused => "refused",
        }
    }
}

/// The call of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCall {
    /// How far it is.
    pub phase: CallPhase,
    /// Since when.
    pub since: Timestamp,
    /// When its attempt was heard of last.
    pub heard_at: Timestamp,
}

/// What is known beyond the state.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The time.
    pub now: Timestamp,
    /// When no process was there.
    pub outages: &'a Outages,
    /// The call that is open for it.
    pub call: Option<OpenCall>,
    /// Since when a change of it waits to be written.
    pub unwritten_since: Option<Timestamp>,
}

/// Why an execution is not moving.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// Since when it stands as it does.
    pub since: Timestamp,
    /// When time alone will change it.
    pub next_action_at: Option<Timestamp>,
    /// One plain sentence.
    pub explanation: String,
    /// What the sentence rests on.
    pub facts: Map<String, Value>,
}

impl Execution {
    /// Why it is not moving.
    pub fn why(&self, around: &Surroundings<'_>) -> Why {
        let mut facts = self.facts(around);
        let (explanation, next_action_at) = match (self.status, self.branches.values().next()) {
            (Status::Running, Some(branch)) => self.why_running(branch, around, &mut facts),
            (Status::Running, None) => ("The execution has no step to run.".to_owned(), None),
            (Status::Paused, _) => (self.why_paused(), None),
            (Status::Completed, _) => ("The execution has completed; nothing is left to do.".to_owned(), None),
            (Status::Failed, _) => (self.why_failed(), None),
            (Status::Cancelled, _) => (self.why_cancelled(), None),
        };
        let deadline = self.deadline(around.outages);
        facts.insert("execution_times_out_at".to_owned(), json!(deadline));
        let next_action_at = [next_action_at, deadline].into_iter().flatten().min();
        Why { since: self.stands_since, next_action_at, explanation: self.in_context(explanation, around), facts }
    }

    fn facts(&self, around: &Surroundings<'_>) -> Map<String, Value> {
        let attempt = self.current_attempt();
        let step = self.current_step();
        let facts = json!({
            "step": step.map(|step| json!({"name": step.name, "handler": step.handler, "order": step.order})),
            "attempt": attempt.map(|attempt| attempt.attempt),
            "max_attempts": step.map(|step| step.retry.max_attempts),
            "error": self.error.as_deref().or(attempt.and_then(|attempt| attempt.error.as_deref())),
            "progress": attempt.and_then(|attempt| attempt.progress.as_deref()),
            "reason": self.reason,
            "pause_requested": self.pause_requested,
            "last_event_at": self.updated_at,
            "unwritten_since": around.unwritten_since,
        });
        match facts {
            Value::Object(facts) => facts,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
        }
    }

    /// The newest attempt at the step that it is at.
    fn current_attempt(&self) -> Option<&Attempt> {
        let place = self.current_place()?;
        self.attempts.iter().rev().find(|attempt| attempt.step == place)
    }

    fn why_running(
        &self,
        branch: &Branch,
        around: &Surroundings<'_>,
        facts: &mut Map<String, Value>,
    ) -> (String, Option<Timestamp>) {
        let ago = |at: Timestamp| duration(around.now.millis_since(at));
        let ahead = |at: Timestamp| duration(at.millis_since(around.now));
        match branch {
            Branch::Running(place) => self.why_called(&self.attempts[*place], around, facts),
            Branch::Elsewhere { attempt, sent_at, heard_at } => {
                let attempt = &self.attempts[*attempt];
                let lost_at = self.next_timer(around.outages);
                facts.insert("heard_at".to_owned(), json!(heard_at));
                facts.insert("sent_at".to_owned(), json!(sent_at));
                let given_up = lost_at.map_or(String::new(), |at| format!(", and it is given up in {}", ahead(at)));
                let explanation = format!(
                    "{} was handed over {} ago and runs elsewhere; its report is awaited{given_up}.",
                    self.named(attempt),
                    ago(*sent_at)
                );
                (explanation, lost_at)
            }
            Branch::Retrying { failed, due, .. } => {
                let failed = &self.attempts[*failed];
                let explanation =
                    format!("{} {}; it is tried again in {}.", self.named(failed), failure(failed), ahead(*due));
                (explanation, Some(*due))
            }
            Branch::Ready(place) => {
                let explanation = format!(
                    "The execution is in manual mode and waits for somebody to ask for step '{}'.",
                    self.workflow.steps[*place].name.as_str()
                );
                (explanation, None)
            }
        }
    }

    fn why_called(
        &self,
        attempt: &Attempt,
        around: &Surroundings<'_>,
        facts: &mut Map<String, Value>,
    ) -> (String, Option<Timestamp>) {
        let named = self.named(attempt);
        facts.insert("reported_end".to_owned(), json!(attempt.completion.is_some()));
        if attempt.completion.is_some() {
            return (format!("{named} has reported its end; its worker's answer is awaited."), None);
        }
        let Some(call) = around.call else {
            return (format!("{named} is about to be delivered to its worker."), None);
        };
        facts.insert("call".to_owned(), json!({"phase": call.phase.as_str(), "since": call.since}));
        let since = duration(around.now.millis_since(call.since));
        match call.phase {
            CallPhase::Queued => {
                let explanation = format!("{named} has waited {since} for its turn: as many calls as may be are open.");
                (explanation, None)
            }
            CallPhase::Refused => {
                let explanation = format!(
                    "{named} waits for its worker, which has refused connections for {since}; it is called again."
                );
                (explanation, None)
            }
            CallPhase::Sent => {
                let step = self.step_of(attempt);
                let lost_at = call_lost_at(step, call);
                facts.insert("heard_at".to_owned(), json!(call.heard_at));
                let told = match &attempt.progress {
                    Some(report) => format!(" and reported {} %", report.percentage),
                    None => " and has reported nothing".to_owned(),
                };
                let rest = duration(lost_at.millis_since(around.now));
                let explanation = format!("{named} has run for {since}{told}; it is given up in {rest}.");
                (explanation, Some(lost_at))
            }
        }
    }

    fn why_paused(&self) -> String {
        let stands = match self.branches.values().next() {
            Some(Branch::Retrying { failed, .. }) => {
                let failed = &self.attempts[*failed];
                format!("; {} {}", self.named(failed), failure(failed))
            }
            Some(branch) => {
                let step = branch.step(&self.attempts).and_then(|place| self.workflow.steps.get(place));
                step.map_or(String::new(), |step| format!("; it stands at step '{}'", step.name.as_str()))
            }
            None => String::new(),
        };
        let reason = self.reason.as_deref().unwrap_or("no reason was given").trim_end_matches('.');
        format!("The execution is paused ({reason}) until somebody resumes it{stands}.")
    }

    fn why_failed(&self) -> String {
        let what = self.error.as_deref().map_or("for an unknown reason", |error| error.message.trim_end_matches('.'));
        match self.current_step() {
            Some(step) => format!("The execution failed at step '{}': {what}; it can be retried.", step.name.as_str()),
            None => format!("The execution failed: {what}; it can be retried."),
        }
    }

    fn why_cancelled(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or("no reason was given").trim_end_matches('.');
        format!("The execution was cancelled ({reason}); it can be retried.")
    }

    /// The sentence, with what else keeps the execution from moving.
    fn in_context(&self, explanation: String, around: &Surroundings<'_>) -> String {
        let pausing =
            self.pause_requested.then(|| "a pause was asked for and comes when the step has ended".to_owned());
        let unwritten = around.unwritten_since.map(|since| {
            format!("a change of it has waited for the database for {}", duration(around.now.millis_since(since)))
        });
        let more = [pausing, unwritten].into_iter().flatten();
        more.fold(explanation, |sentence, more| format!("{}; {more}.", sentence.trim_end_matches('.')))
    }

    fn named(&self, attempt: &Attempt) -> String {
        let step = self.step_of(attempt);
        let most = step.retry.max_attempts.max(attempt.attempt);
        format!("Step '{}', attempt {} of {most},", step.name.as_str(), attempt.attempt)
    }
}

/// When the attempt of an open call is given up.
fn call_lost_at(step: &Step, call: OpenCall) -> Timestamp {
    let late = call.since.plus_seconds(step.timeout_seconds.as_f64());
    let silent = step.heartbeat_timeout_seconds.map(|timeout| call.heard_at.plus_seconds(timeout.as_f64()));
    silent.map_or(late, |silent| silent.min(late))
}

fn failure(attempt: &Attempt) -> String {
    match attempt.error.as_deref() {
        Some(error) => match error.status {
            Some(status) => format!("failed with HTTP {status}"),
            None => format!("failed with {}", error.kind),
        },
        None => "failed".to_owned(),
    }
}

/// A length of time as people say it.
fn duration(millis: u64) -> String {
    let seconds = millis.div_ceil(1000);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        172_800.. => format!("{} days", seconds / 86_400),
    }
}
