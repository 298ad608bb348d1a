//! What a step reports to Discovery while it runs.

use serde::Serialize;
use serde_json::{Map, Value};

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Progress {
    /// From 0 to 100.
    pub percentage: f64,
    /// What to tell people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the step is at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_task: Option<String>,
    /// How long it will still take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_remaining_seconds: Option<f64>,
    /// Anything else that watchers may want.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_data: Option<Value>,
}

impl Progress {
    /// Reports `percentage`; what is out of 0 to 100 is brought into it.
    pub fn at(percentage: f64) -> Self {
        Self { percentage, ..Self::default() }
    }

    /// Adds what to tell people.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Adds what the step is at.
    pub fn current_task(mut self, task: impl Into<String>) -> Self {
        self.current_task = Some(task.into());
        self
    }

    /// Adds how long it will still take.
    pub fn estimated_remaining_seconds(mut self, seconds: f64) -> Self {
        self.estimated_remaining_seconds = Some(seconds);
        self
    }

    /// Adds anything else.
    pub fn custom_data(mut self, data: Value) -> Self {
        self.custom_data = Some(data);
        self
    }

    /// Brings the numbers into the bounds that Discovery takes: a slip of arithmetic must not lose the report.
    pub(super) fn within_bounds(mut self) -> Self {
        self.percentage = if self.percentage.is_nan() { 0.0 } else { self.percentage.clamp(0.0, 100.0) };
        self.estimated_remaining_seconds =
            self.estimated_remaining_seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        self
    }
}

/// The end of a step, as a report. It is the outcome of a step that answered [`accepted`](super::Answer::accepted),
/// and an announcement for watchers of any other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Completion {
    /// Whether it went well.
    pub success: bool,
    /// What to tell people; the error's message where it did not go well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The short name of the error, where it did not go well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// A result to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Map<String, Value>>,
    /// What an accepted step adds to the execution's context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
    /// The step to go to after an accepted one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Completion {
    /// Reports that the step went well.
    pub fn success() -> Self {
        Self { success: true, message: None, error_type: None, data: None, context: None, next: None }
    }

    /// Reports that the step failed, with a short name of the error and a sentence for people.
    pub fn failure(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self { success: false, message: Some(message.into()), error_type: Some(error_type.into()), ..Self::success() }
    }

    /// Adds what to tell people.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Adds a result to show.
    pub fn data(mut self, data: Map<String, Value>) -> Self {
        self.data = Some(data);
        self
    }

    /// Adds what an accepted step gives to the execution's context.
    pub fn context(mut self, context: Map<String, Value>) -> Self {
        self.context = Some(context);
        self
    }

    /// Names the step to go to after an accepted one.
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_out_of_bounds_are_brought_into_them() {
        for (given, sent) in [(-1.0, 0.0), (140.0, 100.0), (f64::NAN, 0.0), (f64::INFINITY, 100.0), (33.5, 33.5)] {
            assert_eq!(Progress::at(given).within_bounds().percentage, sent);
        }
        let odd = Progress::at(1.0).estimated_remaining_seconds(f64::NAN).within_bounds();
        assert_eq!(odd.estimated_remaining_seconds, None);
    }

    #[test]
    fn only_what_is_known_is_sent() {
        let progress = serde_json::to_value(Progress::at(5.0).message("hola")).unwrap();
        assert_eq!(progress, json!({"percentage": 5.0, "message": "hola"}));
        let failure = serde_json::to_value(Completion::failure("Odd", "It was odd.")).unwrap();
        assert_eq!(failure, json!({"success": false, "error_type": "Odd", "message": "It was odd."}));
    }
}
