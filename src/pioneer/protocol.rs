//! What a worker is asked, and what its answer means.

use std::time::Duration;

use awc::http::StatusCode;
use awc::http::header::HeaderName;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::domain::{
    Answer, Attempt, AttemptId, Context, ERROR_TYPE_BYTES_MAX, Execution, ExecutionId, Failure, Outcome, Seconds, Step,
    Timestamp, error_type,
};
use crate::payload::{self, Payload};

use super::token::TokenKey;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const EXECUTION_ID: HeaderName = HeaderName::from_static("discovery-execution-id");
const STEP: HeaderName = HeaderName::from_static("discovery-step");
const ATTEMPT: HeaderName = HeaderName::from_static("discovery-attempt");
const CALLBACK_URL: HeaderName = HeaderName::from_static("discovery-callback-url");
const TOKEN: HeaderName = HeaderName::from_static("discovery-step-token");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What may stand in a segment of a path as it is (RFC 3986, unreserved).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// How much of an error body that is no JSON goes into the message, in bytes of UTF-8.
const ERROR_TEXT_BYTES_MAX: usize = 512;

/// `text` as one segment of a path.
pub fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// One attempt as it is handed to a worker, but for its context.
#[derive(Clone, Debug)]
pub struct StepCall {
    /// The execution that the attempt belongs to.
    pub execution: ExecutionId,
    /// The attempt.
    pub attempt: AttemptId,
    /// What Pioneer is asked to run.
    pub handler: String,
    /// What people see.
    pub step_name: String,
    /// The same for every delivery of one attempt.
    pub idempotency_key: String,
    /// Counts the tries, from 1.
    pub attempt_number: u32,
    /// What the whole attempt may take once it was sent.
    pub timeout: Seconds,
    /// How long it may report nothing.
    pub heartbeat_timeout: Option<Seconds>,
}

impl StepCall {
    /// The call for `attempt` of `execution`.
    pub fn new(execution: &Execution, attempt: &Attempt, step: &Step) -> Self {
        let id = execution.id();
        Self {
            execution: id,
            attempt: attempt.id,
            handler: step.handler.as_str().to_owned(),
            step_name: step.name.as_str().to_owned(),
            idempotency_key: format!("{id}/{}/{}/{}", step.id, attempt.visit, attempt.attempt),
            attempt_number: attempt.attempt,
            timeout: step.timeout_seconds,
            heartbeat_timeout: step.heartbeat_timeout_seconds,
        }
    }

    /// Where it is sent.
    pub(super) fn url(&self, pioneer: &str) -> String {
        format!("{}/steps/{}", pioneer.trim_end_matches('/'), percent_encoded(&self.handler))
    }

    /// The headers that tell the worker what is running. Handlers are percent-encoded: a header is ASCII.
    pub(super) fn headers(&self, public_url: &str, tokens: &TokenKey) -> [(HeaderName, String); 7] {
        let name = percent_encoded(&self.step_name);
        let callback = format!("{}/executions/{}/steps/{name}", public_url.trim_end_matches('/'), self.execution);
        [
            (IDEMPOTENCY_KEY, self.idempotency_key.clone()),
            (EXECUTION_ID, self.execution.to_string()),
            (STEP, percent_encoded(&self.handler)),
            (ATTEMPT, self.attempt_number.to_string()),
            (CALLBACK_URL, callback),
            (TOKEN, tokens.sign(self.execution, self.attempt)),
            (TRACEPARENT, self.traceparent()),
        ]
    }

    /// W3C Trace Context, level 1: the execution is the trace, the attempt the span.
    fn traceparent(&self) -> String {
        let [.., a, b, c, d, e, f, g, h] = *self.attempt.0.as_bytes();
        let span = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        format!("00-{}-{span:016x}-01", self.execution.0.simple())
    }
}

/// How answers are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) execution: ExecutionId,
    /// Strings longer than this are kept apart.
    pub(super) payload_bytes: usize,
    /// When the request was sent.
    pub(super) sent_at: Timestamp,
}

/// What a worker sent back.
#[derive(Debug)]
pub(super) struct WorkerAnswer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    /// The least wait that it asks for.
    pub(super) retry_after: Option<Duration>,
}

/// What an answer comes to, and the long strings in it.
pub(super) fn read_answer(answer: &WorkerAnswer, reading: Reading) -> (Outcome, Vec<Payload>) {
    let WorkerAnswer { status, body, retry_after } = answer;
    let read = match *status {
        StatusCode::ACCEPTED => return (Outcome::Accepted { sent_at: reading.sent_at }, Vec::new()),
        StatusCode::OK | StatusCode::CREATED | StatusCode::NON_AUTHORITATIVE_INFORMATION => read_result(body, reading),
        StatusCode::NO_CONTENT => read_result(b"{}", reading),
        _ if status.is_success() => {
            Err(invalid(format!("Pioneer answered HTTP {status}, which is no answer to a step.")))
        }
        _ => Err(Failure { retry_after: *retry_after, ..read_error(*status, body) }),
    };
    match read {
        Ok((answer, payloads)) => (Outcome::Answered(answer), payloads),
        Err(failure) => (Outcome::Failed(failure), Vec::new()),
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::retryable(error_type::INVALID_ANSWER, message)
}

/// An answer larger than the limit.
pub(super) fn too_large(body_bytes_max: usize) -> Failure {
    invalid(format!("Pioneer's answer is larger than {body_bytes_max} bytes."))
}

fn read_result(body: &[u8], reading: Reading) -> Result<(Answer, Vec<Payload>), Failure> {
    let mut value: Value =
        serde_json::from_slice(body).map_err(|error| invalid(format!("Pioneer's answer is no JSON: {error}.")))?;
    payload::refuse_references(&value).map_err(|refused| invalid(format!("In Pioneer's answer, {refused}")))?;
    let payloads = payload::extract(reading.execution, &mut value, reading.payload_bytes);
    let Value::Object(mut output) = value else {
        return Err(invalid("Pioneer's answer is no JSON object."));
    };
    let next = match output.get("next") {
        None => None,
        Some(Value::Null) => {
            output.remove("next");
            None
        }
        Some(Value::String(next)) => Some(next.clone()),
        Some(_) => return Err(invalid("The field `next` of Pioneer's answer is no string.")),
    };
    let context = match output.get("context") {
        None => output.iter().filter(|(key, _)| *key != "next").map(|(k, v)| (k.clone(), v.clone())).collect(),
        Some(Value::Null) => Map::new(),
        Some(Value::Object(context)) => context.clone(),
        Some(_) => return Err(invalid("The field `context` of Pioneer's answer is no object.")),
    };
    Ok((Answer { context: Context::from(context), next, output: Value::Object(output) }, payloads))
}

fn read_error(status: StatusCode, body: &[u8]) -> Failure {
    let body_json: Option<Value> = serde_json::from_slice(body).ok();
    let field = |name: &str| body_json.as_ref().and_then(|body| body.get(name)).filter(|value| !value.is_null());
    let named = field("type").and_then(Value::as_str).filter(|kind| !kind.is_empty() && *kind != "about:blank");
    let kind = named.map_or(error_type::HTTP_STATUS, |kind| &kind[..kind.floor_char_boundary(ERROR_TYPE_BYTES_MAX)]);
    let message = match field("detail") {
        Some(Value::String(detail)) => detail.clone(),
        Some(detail) => detail.to_string(),
        None => plain_error(status, body, body_json.is_some()),
    };
    let retryable = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    let failure = Failure::retryable(kind, message).with_status(status.as_u16());
    Failure { retryable, ..failure }
}

fn plain_error(status: StatusCode, body: &[u8], is_json: bool) -> String {
    let text = std::str::from_utf8(body).unwrap_or_default().trim();
    if is_json || text.is_empty() {
        return format!("Pioneer answered HTTP {status}.");
    }
    format!("Pioneer answered HTTP {status}: {}", &text[..text.floor_char_boundary(ERROR_TEXT_BYTES_MAX)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn read(status: u16, body: &str) -> Outcome {
        let sent_at = Timestamp::new(chrono::DateTime::UNIX_EPOCH);
        let reading = Reading { execution: ExecutionId(Uuid::nil()), payload_bytes: 64, sent_at };
        let status = StatusCode::from_u16(status).unwrap();
        let body = Bytes::copy_from_slice(body.as_bytes());
        read_answer(&WorkerAnswer { status, body, retry_after: Some(Duration::from_secs(7)) }, reading).0
    }

    fn answered(status: u16, body: &str) -> (Value, Option<String>) {
        match read(status, body) {
            Outcome::Answered(answer) => (serde_json::to_value(answer.context).unwrap(), answer.next),
            Outcome::Failed(_) | Outcome::Accepted { .. } => panic!("HTTP {status}"),
        }
    }

    fn failed(status: u16, body: &str) -> Failure {
        match read(status, body) {
            Outcome::Failed(failure) => failure,
            Outcome::Answered(_) | Outcome::Accepted { .. } => panic!("HTTP {status}"),
        }
    }

    #[test]
    fn an_answer_may_name_its_context_or_be_it() {
        let named = answered(200, r#"{"context": {"a": 1}, "next": "b", "other": 2}"#);
        assert_eq!(named, (json!({"a": 1}), Some("b".to_owned())));
        let whole = answered(201, r#"{"a": 1, "next": null}"#);
        assert_eq!(whole, (json!({"a": 1}), None));
        assert_eq!(answered(204, ""), (json!({}), None));
    }

    #[test]
    fn a_202_leaves_the_end_to_a_report_whatever_its_body() {
        for body in ["", "{}", "nonsense"] {
            assert!(matches!(read(202, body), Outcome::Accepted { .. }));
        }
    }

    #[test]
    fn an_answer_that_is_no_answer_may_be_tried_again() {
        for body in ["", "[]", "nonsense", r#"{"context": 3}"#, r#"{"next": 3}"#, r#"{"a": {"$payload": {}}}"#] {
            let failure = failed(200, body);
            assert_eq!((failure.error.kind.as_str(), failure.retryable), ("InvalidAnswer", true), "{body}");
        }
        assert_eq!(failed(206, "{}").error.kind, "InvalidAnswer");
    }

    #[test]
    fn an_error_is_final_or_not_by_its_status() {
        for (status, retryable) in
            [(302, false), (400, false), (404, false), (408, true), (425, true), (429, true), (500, true), (503, true)]
        {
            let failure = failed(status, "");
            assert_eq!((failure.retryable, failure.error.status), (retryable, Some(status)), "{status}");
            assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
            assert_eq!(failure.error.kind, "HttpStatus");
        }
    }

    #[test]
    fn an_error_body_tells_type_and_message() {
        let failure = failed(422, r#"{"type": "NotAPdf", "detail": "no magic"}"#);
        assert_eq!((failure.error.kind.as_str(), failure.error.message.as_str()), ("NotAPdf", "no magic"));
        let failure = failed(422, r#"{"type": "about:blank", "detail": [{"loc": ["body"]}]}"#);
        assert_eq!(
            (failure.error.kind.as_str(), failure.error.message.as_str()),
            ("HttpStatus", r#"[{"loc":["body"]}]"#)
        );
        assert_eq!(
            failed(500, "Internal Server Error").error.message,
            "Pioneer answered HTTP 500 Internal Server Error: Internal Server Error"
        );
    }
}
