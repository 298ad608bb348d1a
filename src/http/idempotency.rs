//! `Idempotency-Key`: the same start asked for again answers the execution that it started.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

use super::Edge;
use super::answer::Answer;
use super::problem::Problem;
use crate::domain::{Execution, IdempotencyKey, Mode, WorkflowId};
use crate::journal::StartKey;
use crate::payload::Sha256Hash;

/// Says that nothing was started by this request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Floats below it hold whole numbers that 128 bits hold too.
const WHOLE_MAX: f64 = 1e30;

/// The execution that a request asked for.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) execution: Arc<Execution>,
    /// Whether an earlier request has started it.
    pub(super) replayed: bool,
}

impl Started {
    /// `answer` with the header that says whether it was started before.
    pub(super) fn mark(&self, answer: Answer) -> Answer {
        let mut answer = answer?;
        if self.replayed {
            answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(answer)
    }
}

/// What an execution is started with.
pub(super) fn start_key(key: IdempotencyKey, data: &Map<String, Value>) -> StartKey {
    StartKey { key, request: fingerprint(data) }
}

/// The execution that `start` has started of `workflow`, if it has; a refusal where something else was asked for then.
///
/// It only reads: it works while starts are refused, and when the workflow was changed or deleted since.
pub(super) async fn started_before(
    edge: &Edge,
    workflow: WorkflowId,
    mode: Option<Mode>,
    start: &StartKey,
) -> Result<Option<Started>, Problem> {
    let Some(found) = edge.journal.started_with(workflow, &start.key).await? else { return Ok(None) };
    let execution = edge.runtime.view(found.execution).await?;
    // Where no mode is given, the workflow's is meant, as it was then.
    let same_mode = mode.unwrap_or(execution.workflow().mode) == execution.mode();
    if found.request == start.request && same_mode {
        return Ok(Some(Started { execution, replayed: true }));
    }
    let detail = "This `Idempotency-Key` has started an execution of this workflow with another body.";
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with("execution_id", found.execution))
}

/// A hash that is the same for data that is equal as JSON: the order of keys and the way to write a number do not count.
fn fingerprint(data: &Map<String, Value>) -> Sha256Hash {
    let mut hash = Sha256::new_with_prefix("start 1");
    feed_object(&mut hash, data);
    Sha256Hash(hash.finalize().into())
}

/// Each value with its kind and its length, so that no two are fed alike.
fn feed(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hash.update("n"),
        Value::Bool(true) => hash.update("t"),
        Value::Bool(false) => hash.update("f"),
        Value::Number(number) => feed_text(hash, "#", &number_text(number)),
        Value::String(text) => feed_text(hash, "\"", text),
        Value::Array(items) => {
            feed_length(hash, "[", items.len());
            items.iter().for_each(|item| feed(hash, item));
        }
        Value::Object(map) => feed_object(hash, map),
    }
}

fn feed_object(hash: &mut Sha256, map: &Map<String, Value>) {
    let mut fields: Vec<(&String, &Value)> = map.iter().collect();
    fields.sort_unstable_by_key(|(key, _)| *key);
    feed_length(hash, "{", fields.len());
    for (key, value) in fields {
        feed_text(hash, "k", key);
        feed(hash, value);
    }
}

fn feed_text(hash: &mut Sha256, kind: &str, text: &str) {
    feed_length(hash, kind, text.len());
    hash.update(text);
}

fn feed_length(hash: &mut Sha256, kind: &str, length: usize) {
    hash.update(kind);
    hash.update((length as u64).to_be_bytes());
}

/// 1.0 is 1, and -0.0 is 0.
fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < WHOLE_MAX => {
            (float as i128).to_string()
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Sha256Hash {
        fingerprint(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn data_that_is_equal_as_json_has_one_fingerprint() {
        let same = [
            (r#"{"a": 1, "b": {"c": [1, "x"], "d": null}}"#, r#"{"b":{"d":null,"c":[1.0,"\u0078"]},"a":1e0}"#),
            (r#"{"a": -0.0}"#, r#"{"a": 0}"#),
            (r#"{"a": 100000000000000000000}"#, r#"{"a": 1e20}"#),
            (r#"{"a": 9007199254740992}"#, r#"{"a": 9007199254740992.0}"#),
            (r#"{"a": 0.10}"#, r#"{"a": 1e-1}"#),
        ];
        for (one, other) in same {
            assert_eq!(of(one), of(other), "{one} {other}");
        }
    }

    #[test]
    fn data_that_differs_has_another() {
        let all = [
            r#"{}"#,
            r#"{"a": null}"#,
            r#"{"a": 1}"#,
            r#"{"a": "1"}"#,
            r#"{"a": true}"#,
            r#"{"a": []}"#,
            r#"{"a": [1]}"#,
            r#"{"a": [[1]]}"#,
            r#"{"a": [1, 2]}"#,
            r#"{"a": [2, 1]}"#,
            r#"{"a": {}}"#,
            r#"{"a": 1, "b": 1}"#,
            r#"{"a": {"b": 1}}"#,
            r#"{"a": [], "b": []}"#,
            r#"{"a": 9007199254740993}"#,
            r#"{"a": 9007199254740992}"#,
            r#"{"a": 1.5}"#,
            r#"{"a": 1e300}"#,
        ];
        for (place, one) in all.iter().enumerate() {
            for other in &all[..place] {
                assert_ne!(of(one), of(other), "{one} {other}");
            }
        }
    }
}
