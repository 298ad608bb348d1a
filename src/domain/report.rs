//! What steps report while they run and when they are done.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::context::Context;
use super::context::PAYLOAD_KEY;
use super::fields::{self, Fields};
use super::invalid::Invalid;
use super::outcome::{Answer, ERROR_TYPE_BYTES_MAX, Failure, cut, error_type};

/// The longest `next` of a report, in bytes of UTF-8; no step has a longer name.
const NEXT_BYTES_MAX: usize = 1024;

/// What people read: a string, or the reference that stands in the place of a long one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(Value);

impl Text {
    /// Reads a string, or a reference, which only Discovery itself writes.
    fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(_) => Ok(Self(value.clone())),
            Value::Object(map) if map.contains_key(PAYLOAD_KEY) => Ok(Self(value.clone())),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err("must be a string".to_owned())
            }
        }
    }

    /// The string, where it is a short one.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_str()
    }

    fn cut(self) -> Self {
        if let Value::String(text) = self.0 { Self(Value::String(cut(text))) } else { self }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Value::from(text))
    }
}

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgressReport {
    /// 0 to 100, as it was written.
    pub percentage: Number,
    /// A sentence for whoever waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Text>,
    /// What the step is doing right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_task: Option<Text>,
    /// How many seconds the step expects to need still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_remaining_seconds: Option<Number>,
    /// Whatever the step wants to tell its front end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_data: Option<Value>,
}

impl ProgressReport {
    /// Reads the body of a progress report.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        let mut fields = Fields::open("", body)?;
        let percentage = fields.required("percentage", parse_percentage);
        let message = fields.optional("message", Text::parse);
        let current_task = fields.optional("current_task", Text::parse);
        let estimated_remaining_seconds = fields.optional("estimated_remaining_seconds", parse_remaining);
        let custom_data = fields.value("custom_data").cloned();
        fields.finish()?;
        match percentage {
            Some(percentage) => {
                Ok(Self { percentage, message, current_task, estimated_remaining_seconds, custom_data })
            }
            None => Err(Invalid::one("/percentage", "is required")),
        }
    }

    /// The percentage as a number from 0 to 100.
    pub fn percent(&self) -> f64 {
        self.percentage.as_f64().unwrap_or(0.0).clamp(0.0, 100.0)
    }
}

fn short(value: &Value, bytes_max: usize) -> Result<String, String> {
    let text = fields::string(value)?;
    if text.len() > bytes_max { Err(format!("must have at most {bytes_max} bytes")) } else { Ok(text.to_owned()) }
}

fn parse_percentage(value: &Value) -> Result<Number, String> {
    let fit = value.as_number().filter(|number| (0.0..=100.0).contains(&number.as_f64().unwrap_or(-1.0)));
    fit.cloned().ok_or_else(|| "must be a number from 0 to 100".to_owned())
}

fn parse_remaining(value: &Value) -> Result<Number, String> {
    let fit = value.as_number().filter(|number| number.as_f64().unwrap_or(-1.0) >= 0.0);
    fit.cloned().ok_or_else(|| "must be a number of seconds, 0 or more".to_owned())
}

/// What a step reported of its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// Whether the step did its work.
    pub success: bool,
    /// Its result; it is merged into the context where `context` is missing.
    pub data: Context,
    /// A sentence for people; of a step that did not succeed, its error, cut like every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Text>,
    /// The type of the error of a step that did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// What is merged into the context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
    /// The name or handler of the step to go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Completion {
    /// Reads the body of a completion report; fields that it does not know count as part of `data`.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        const KNOWN: [&str; 6] = ["success", "data", "message", "error_type", "context", "next"];
        let mut fields = Fields::open("", body)?;
        let success = fields.optional("success", fields::boolean);
        let data = fields.value("data").cloned();
        let message = fields.optional("message", Text::parse);
        let error_type = fields.optional("error_type", |v| short(v, ERROR_TYPE_BYTES_MAX));
        let context = fields.optional("context", |v| fields::object(v).cloned());
        let next = fields.optional("next", |v| short(v, NEXT_BYTES_MAX));
        let mut merged = Map::new();
        if let Value::Object(body) = body {
            let others = body.iter().filter(|(key, _)| !KNOWN.contains(&key.as_str()));
            merged.extend(others.map(|(key, value)| (key.clone(), value.clone())));
        }
        match data {
            Some(Value::Object(data)) => merged.extend(data),
            Some(_) => fields.wrong("data", "must be an object"),
            None => {}
        }
        fields.finish()?;
        let success = success.unwrap_or(true);
        Ok(Self {
            success,
            data: Context::from(merged),
            message: if success { message } else { message.map(Text::cut) },
            error_type,
            context: context.map(Context::from),
            next,
        })
    }

    /// What the step's attempt comes to where this report, not an answer, decides it.
    pub fn outcome(&self) -> Result<Answer, Failure> {
        if !self.success {
            let kind = self.error_type.as_deref().unwrap_or(error_type::STEP_FAILED);
            let message =
                self.message.as_ref().and_then(Text::as_str).unwrap_or("the step reported that it did not succeed");
            return Err(Failure::retryable(kind, message));
        }
        Ok(Answer {
            context: self.context.clone().unwrap_or_else(|| self.data.clone()),
            next: self.next.clone(),
            output: serde_json::to_value(self).unwrap_or(Value::Null),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_percentage_is_a_number_from_0_to_100() {
        for bad in [json!(null), json!("50"), json!(true), json!(-0.1), json!(100.1), json!([])] {
            let refused = ProgressReport::parse(&json!({"percentage": bad})).unwrap_err();
            assert_eq!(refused.errors[0].pointer, "/percentage", "{bad}");
        }
        for good in [json!(0), json!(100), json!(33.5)] {
            assert!(ProgressReport::parse(&json!({"percentage": good})).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_report_is_shown_as_it_was_written() {
        let body = json!({"percentage": 50, "message": "Procesando", "custom_data": {"page": 2}});
        let report = ProgressReport::parse(&body).unwrap();
        assert_eq!(serde_json::to_value(report).unwrap(), body);
    }

    #[test]
    fn what_names_something_is_short_and_the_message_of_a_failure_is_cut() {
        let completion = |body| Completion::parse(&body);
        for (field, length) in [("error_type", 256), ("next", 1024)] {
            assert!(completion(json!({field: "x".repeat(length)})).is_ok());
            let refused = completion(json!({field: "x".repeat(length + 1)})).unwrap_err();
            assert_eq!(refused.errors[0].pointer, format!("/{field}"));
        }
        let length = |body| completion(body).unwrap().message.unwrap().as_str().unwrap().len();
        let long = "x".repeat(10_000);
        assert_eq!(length(json!({"success": false, "message": long})), 8 * 1024);
        assert_eq!(length(json!({"message": long})), 10_000);
        let reference = json!({PAYLOAD_KEY: {"sha256": "…"}});
        let kept = completion(json!({"message": reference})).unwrap().message.unwrap();
        assert_eq!(serde_json::to_value(kept).unwrap(), reference);
        assert_eq!(completion(json!({"message": {}})).unwrap_err().errors[0].pointer, "/message");
    }

    #[test]
    fn unknown_fields_of_a_completion_are_data() {
        let body = json!({"data": {"a": 1}, "b": 2, "message": "listo"});
        let completion = Completion::parse(&body).unwrap();
        assert!(completion.success);
        assert_eq!(serde_json::to_value(&completion.data).unwrap(), json!({"a": 1, "b": 2}));
    }
}
