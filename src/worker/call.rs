//! What a step gets.

use actix_web::http::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::delivery::header;
use super::report::{Completion, Progress};
use super::reporter::Reporter;

/// One call of a step. What is in it is the step's own, to take and to change.
#[derive(Debug)]
#[non_exhaustive]
pub struct StepCall {
    /// The name under which the step was registered.
    pub step: String,
    /// The execution's context.
    pub context: Map<String, Value>,
    /// The step's configuration, from the workflow's definition.
    pub config: Map<String, Value>,
    /// The execution that calls, where the call tells it.
    pub execution_id: Option<String>,
    /// Counts from 1.
    pub attempt: u32,
    /// The same for a repeated delivery of one attempt: pass it on to whatever must not be done twice.
    pub idempotency_key: Option<String>,
    /// Where to report; clone it to report from elsewhere.
    pub reporter: Reporter,
}

/// The body of a call, as it comes in.
#[derive(Debug, Deserialize)]
pub(super) struct CallBody {
    context: Option<Map<String, Value>>,
    config: Option<Map<String, Value>>,
}

impl StepCall {
    /// Reports how far the step is; see [`Reporter`].
    pub fn report_progress(&self, progress: Progress) {
        self.reporter.report_progress(progress);
    }

    /// Reports that the step has ended; see [`Reporter`].
    pub fn report_completion(&self, completion: Completion) {
        self.reporter.report_completion(completion);
    }

    pub(super) fn new(step: &str, headers: &HeaderMap, body: CallBody, reporter: Reporter) -> Self {
        let context = body.context.unwrap_or_default();
        let execution_id = header(headers, "Discovery-Execution-Id")
            .or_else(|| context.get("execution_id")?.as_str().map(str::to_owned));
        Self {
            step: step.to_owned(),
            context,
            config: body.config.unwrap_or_default(),
            execution_id,
            attempt: header(headers, "Discovery-Attempt").and_then(|text| text.parse().ok()).unwrap_or(1),
            idempotency_key: header(headers, "Idempotency-Key"),
            reporter,
        }
    }
}
