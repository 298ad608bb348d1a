//! The results that steps leave for each other.

use serde_json::{Map, Value};

use crate::worker::{Answer, StepFailure};

const KEY: &str = "dynamic_properties";

/// An execution's `dynamic_properties`.
///
/// Discovery merges an answer's context key by key, so that a step answers with the whole of them: the old ones and
/// its own.
#[derive(Debug, Default)]
pub(super) struct Properties(Map<String, Value>);

impl Properties {
    /// Takes them out of a call's context.
    pub(super) fn take_from(context: &mut Map<String, Value>) -> Self {
        match context.remove(KEY) {
            Some(Value::Object(properties)) => Self(properties),
            Some(_) | None => Self::default(),
        }
    }

    /// Adds one, or replaces it.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Reads a text that an earlier step must have left.
    pub(super) fn text(&self, key: &str) -> Result<&str, StepFailure> {
        self.0.get(key).and_then(Value::as_str).ok_or_else(|| missing(key))
    }

    /// Reads a count that an earlier step must have left.
    pub(super) fn count(&self, key: &str) -> Result<u64, StepFailure> {
        self.0.get(key).and_then(Value::as_u64).ok_or_else(|| missing(key))
    }

    /// Answers with all of them.
    pub(super) fn into_answer(self) -> Answer {
        Answer::context(Map::from_iter([(KEY.to_owned(), Value::Object(self.0))]))
    }
}

fn missing(key: &str) -> StepFailure {
    let detail = format!("Falta '{KEY}.{key}', que deja un paso anterior.");
    StepFailure::permanent("MissingField", detail)
}
