//! Events as a client reads them: only what is shown, and nothing that a newer server may add can break it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One event of an execution.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) seq: u64,
    /// When it happened, if the server says so.
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The event as the server wrote it.
    pub(super) text: String,
}

impl Event {
    /// Reads one event. Only its number and its name must be there: what else it lacks or adds is not shown.
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Head {
            seq: u64,
            event: String,
            #[serde(default)]
            timestamp: Value,
        }
        let Head { seq, event, timestamp } = serde_json::from_str(text)?;
        let at = timestamp.as_str().and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        let kind = serde_json::from_str(text).unwrap_or(Kind::Other);
        Ok(Self { seq, at: at.map(|at| at.to_utc()), name: event, kind, text: text.to_owned() })
    }
}

/// What happened.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Kind {
    WorkflowStarted {
        workflow_name: String,
        total_steps: usize,
        #[serde(default)]
        mode: String,
    },
    StepStarted {
        #[serde(flatten)]
        step: StepRef,
        attempt: u32,
        #[serde(default)]
        order: Option<u32>,
    },
    StepProgress {
        #[serde(flatten)]
        step: StepRef,
        progress: Report,
    },
    StepWaiting {
        #[serde(flatten)]
        step: StepRef,
    },
    StepError {
        #[serde(flatten)]
        step: StepRef,
        error: StepError,
        attempt: u32,
        #[serde(default)]
        retry_in_seconds: Option<f64>,
    },
    StepFinished {
        #[serde(flatten)]
        step: StepRef,
        duration_seconds: f64,
    },
    MaxVisitsExceeded {
        #[serde(flatten)]
        step: StepRef,
        max_visits: u32,
    },
    WorkflowPausing {},
    WorkflowPaused {
        #[serde(default)]
        reason: Option<String>,
    },
    WorkflowResumed {
        #[serde(default)]
        reason: Option<String>,
    },
    WorkflowCancelled(Cancelled),
    WorkflowCompleted(Completed),
    WorkflowFailed(Failed),
    /// Whatever is not shown.
    #[serde(other)]
    Other,
}

/// How an execution ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    Completed(Completed),
    Failed(Failed),
    Cancelled(Cancelled),
}

/// The last step is done.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Completed {
    pub(super) final_context: Value,
    pub(super) duration_seconds: f64,
}

/// The execution could not go on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Failed {
    pub(super) error: StepError,
    pub(super) failed_step: Option<String>,
}

/// Somebody ended it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Cancelled {
    pub(super) reason: Option<String>,
}

/// Which step an event is about. Reports may name it by its handler.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct StepRef {
    #[serde(rename = "step")]
    pub(super) handler: String,
    #[serde(rename = "step_name")]
    pub(super) name: String,
}

/// What a running step said of itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Report {
    pub(super) percentage: f64,
    #[serde(default, deserialize_with = "short_text")]
    pub(super) message: Option<String>,
    #[serde(default, deserialize_with = "short_text")]
    pub(super) current_task: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub(super) estimated_remaining_seconds: Option<f64>,
}

/// Reads a string; a long one is not there but for a reference, and counts as missing.
fn short_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_str().map(str::to_owned))
}

/// Reads a number; anything else counts as missing.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_f64())
}

impl Report {
    /// The message, or else the task.
    pub(super) fn note(&self) -> Option<&str> {
        self.message.as_deref().or(self.current_task.as_deref())
    }
}

/// Why a step or an execution failed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StepError {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(deserialize_with = "any_text")]
    pub(super) message: String,
}

/// Reads a string; a reference to a long one shows as JSON.
fn any_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

impl Kind {
    /// How the execution ended, if it ended with this.
    pub(super) fn into_end(self) -> Option<End> {
        match self {
            Self::WorkflowCompleted(completed) => Some(End::Completed(completed)),
            Self::WorkflowFailed(failed) => Some(End::Failed(failed)),
            Self::WorkflowCancelled(cancelled) => Some(End::Cancelled(cancelled)),
            Self::WorkflowStarted { .. }
            | Self::StepStarted { .. }
            | Self::StepProgress { .. }
            | Self::StepWaiting { .. }
            | Self::StepError { .. }
            | Self::StepFinished { .. }
            | Self::MaxVisitsExceeded { .. }
            | Self::WorkflowPausing {}
            | Self::WorkflowPaused { .. }
            | Self::WorkflowResumed { .. }
            | Self::Other => None,
        }
    }
}

/// The events of an execution, for the tests of what is shown.
#[cfg(test)]
pub(super) fn read(texts: &[&str]) -> Vec<Event> {
    texts
        .iter()
        .zip(1u64..)
        .map(|(text, seq)| {
            let mut event: Value = serde_json::from_str(text).unwrap();
            event["seq"] = seq.into();
            Event::parse(&event.to_string()).unwrap()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_is_new_to_this_client_is_passed_over() {
        let events = read(&[r#"{"event": "step_teleported", "to": [1]}"#, r#"{"event": "workflow_pausing"}"#]);
        assert!(matches!(events[0].kind, Kind::Other));
        assert!(matches!(events[1].kind, Kind::WorkflowPausing {}));
    }

    #[test]
    fn an_end_of_another_shape_is_still_an_end() {
        let ends = read(&[r#"{"event": "workflow_failed"}"#, r#"{"event": "workflow_completed", "new": {"a": 1}}"#]);
        assert!(ends.into_iter().all(|event| event.kind.into_end().is_some()));
        let odd = read(&[r#"{"event": "step_progress", "progress": "half"}"#]).remove(0);
        assert!(matches!(odd.kind, Kind::Other));
        assert_eq!(odd.name, "step_progress");
    }

    #[test]
    fn the_three_ends_are_ends() {
        let ends = read(&[
            r#"{"event": "workflow_completed", "final_context": {}, "duration_seconds": 1.0, "completion_reason": "x"}"#,
            r#"{"event": "workflow_failed", "final_context": {}, "error": {"type": "T", "message": "m"}}"#,
            r#"{"event": "workflow_cancelled", "reason": null}"#,
        ]);
        assert!(ends.into_iter().all(|event| event.kind.into_end().is_some()));
        let pause = read(&[r#"{"event": "workflow_paused", "reason": "asked"}"#]).remove(0);
        assert!(pause.kind.into_end().is_none());
    }
}
