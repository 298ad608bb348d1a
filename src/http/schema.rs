//! How bodies look that the core reads and writes itself, for the OpenAPI document alone.
#![allow(dead_code, reason = "only their schemas are used")]

mod words;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use words::{
    AvailableWord, EventName, ModeWord, OnExhaustedWord, ReachableWord, ReadyWord, ReportedWord, StatusWord,
    StepStatusWord, WaitingForWord,
};

/// Why a request was not done (RFC 9457).
#[derive(ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// Always `about:blank`: the status says it all.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status code.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong, as a sentence.
    detail: String,
    /// What is wrong with the body, field by field; with a 422.
    #[schema(nullable = false)]
    errors: Option<Vec<FieldErrorBody>>,
    /// The steps that the workflow has; where the named one is unknown.
    #[schema(nullable = false)]
    known_steps: Option<Vec<String>>,
}

/// What is wrong with a field.
#[derive(ToSchema)]
#[schema(as = FieldError)]
pub(super) struct FieldErrorBody {
    /// The field, as a JSON pointer (RFC 6901); empty for the whole body.
    pointer: String,
    detail: String,
}

/// How often a step is tried, and how long Discovery waits in between.
#[derive(ToSchema)]
#[schema(as = Retry)]
pub(super) struct RetryBody {
    /// Attempts in all, the first included.
    #[schema(default = 1, minimum = 1, maximum = 1_000_000)]
    max_attempts: Option<u32>,
    /// The wait after the first failure.
    #[schema(default = 1.0, exclusive_minimum = 0, maximum = 315_360_000)]
    initial_interval_seconds: Option<f64>,
    /// What each further wait is multiplied by.
    #[schema(default = 2.0, minimum = 1, maximum = 1_000)]
    backoff_coefficient: Option<f64>,
    /// No wait is longer than this, which is not less than the first.
    #[schema(default = 60.0, exclusive_minimum = 0, maximum = 315_360_000)]
    max_interval_seconds: Option<f64>,
    /// Whether each wait is drawn from 50 to 100 % of it.
    #[schema(default = true)]
    jitter: Option<bool>,
    /// Error types, or status codes as strings, after which there is no further attempt.
    #[schema(max_items = 100)]
    non_retryable_errors: Option<Vec<String>>,
    /// What follows the last attempt.
    on_exhausted: Option<OnExhaustedWord>,
}

/// A step as a client writes it; in a PATCH every field may be left out.
#[derive(ToSchema)]
#[schema(as = StepBody)]
pub(super) struct StepBody {
    /// What people see; unique in its workflow; without control characters.
    #[schema(min_length = 1, max_length = 128, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    name: String,
    /// What Pioneer is asked to run; the name where it is left out. Not `.` or `..`, and without `/`.
    #[schema(min_length = 1, max_length = 128, pattern = "^[^/\\x00-\\x1f\\x7f-\\x9f]*$")]
    handler: Option<String>,
    /// The position; unique in its workflow; the place in the list, from 1, where it is left out.
    #[schema(minimum = 0, maximum = 1_000_000)]
    order: Option<u32>,
    /// How often one execution may enter the step.
    #[schema(default = 1, minimum = 1, maximum = 1_000_000)]
    max_visits: Option<u32>,
    /// Handed to the handler as it is.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// What one attempt may take in all.
    #[schema(default = 3600.0, exclusive_minimum = 0, maximum = 315_360_000)]
    timeout_seconds: Option<f64>,
    /// An attempt that reports nothing for this long is lost.
    #[schema(exclusive_minimum = 0, maximum = 315_360_000)]
    heartbeat_timeout_seconds: Option<f64>,
    retry: Option<RetryBody>,
    /// The execution completes after this step, whatever follows in order.
    #[schema(default = false)]
    end: Option<bool>,
    /// Ignored: Discovery sets it.
    id: Option<Value>,
    /// Ignored: Discovery sets it.
    workflow_id: Option<Value>,
    /// Ignored: Discovery sets it.
    created_at: Option<Value>,
    /// Ignored: Discovery sets it.
    updated_at: Option<Value>,
}

/// A workflow as a client writes it; in a PATCH every field may be left out.
#[derive(ToSchema)]
#[schema(as = WorkflowBody)]
pub(super) struct WorkflowBody {
    /// The id that it is to have; where the path names one, the same.
    id: Option<Uuid>,
    /// What people see; without control characters.
    #[schema(min_length = 1, max_length = 128, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    name: String,
    /// What it is for; at most 64 KiB.
    description: Option<String>,
    mode: Option<ModeWord>,
    /// Bounds a whole execution.
    #[schema(exclusive_minimum = 0, maximum = 315_360_000)]
    timeout_seconds: Option<f64>,
    #[schema(max_items = 1_000)]
    steps: Option<Vec<StepBody>>,
    /// Ignored: Discovery sets it.
    version: Option<Value>,
    /// Ignored: Discovery sets it.
    created_at: Option<Value>,
    /// Ignored: Discovery sets it.
    updated_at: Option<Value>,
}

/// What starts an execution of the workflow that it names.
#[derive(ToSchema)]
#[schema(as = StartBody)]
pub(super) struct StartBody {
    workflow_id: Uuid,
    mode: Option<ModeWord>,
    /// What the execution starts with.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
    /// The old name of `data`.
    #[schema(value_type = Option<Object>, deprecated)]
    initial_data: Option<Value>,
}

/// What starts an execution of the workflow in the path; other fields are data too.
#[derive(ToSchema)]
#[schema(as = StartBodyOfWorkflow)]
pub(super) struct StartBodyOfWorkflow {
    mode: Option<ModeWord>,
    /// What the execution starts with.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
    /// The old name of `data`.
    #[schema(value_type = Option<Object>, deprecated)]
    initial_data: Option<Value>,
}

/// How far a step is.
#[derive(ToSchema)]
#[schema(as = ProgressReport)]
pub(super) struct ProgressReportBody {
    #[schema(minimum = 0, maximum = 100)]
    percentage: f64,
    /// A sentence for whoever waits.
    message: Option<String>,
    /// What the step is doing right now.
    current_task: Option<String>,
    /// How many seconds the step expects to need still.
    #[schema(minimum = 0)]
    estimated_remaining_seconds: Option<f64>,
    /// Whatever the step wants to tell its front end.
    custom_data: Option<Value>,
}

/// A report of progress, as it was sent; what of it was too long shows as a reference.
#[derive(ToSchema)]
#[schema(as = RecordedProgress)]
pub(super) struct RecordedProgressBody {
    #[schema(minimum = 0, maximum = 100)]
    percentage: f64,
    message: Option<TextBody>,
    current_task: Option<TextBody>,
    estimated_remaining_seconds: Option<f64>,
    custom_data: Option<Value>,
}

/// A text, or where it is to be found if it is longer than 16 KiB.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Text)]
pub(super) enum TextBody {
    Short(String),
    Long(PayloadReference),
}

/// Where a long string is to be found.
#[derive(Serialize, ToSchema)]
pub(super) struct PayloadReference {
    #[schema(rename = "$payload")]
    payload: Payload,
}

/// A long string, kept once.
#[derive(Serialize, ToSchema)]
pub(super) struct Payload {
    /// In hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: String,
    /// How long it is in UTF-8.
    bytes: u64,
    /// What gives the string.
    url: String,
}

/// What a step reports of its end; other fields count as part of `data`.
#[derive(ToSchema)]
#[schema(as = CompletionReport)]
pub(super) struct CompletionReportBody {
    #[schema(default = true)]
    success: Option<bool>,
    /// Its result.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
    /// A sentence for people; of a step that did not succeed, its error.
    message: Option<String>,
    /// The type of the error of a step that did not succeed.
    #[schema(max_length = 256)]
    error_type: Option<String>,
    /// What is merged into the execution's context.
    #[schema(value_type = Option<Object>)]
    context: Option<Value>,
    /// The name or handler of the step to go to.
    #[schema(max_length = 1024)]
    next: Option<String>,
}

/// A report of a step's end, as it was sent; what of it was too long shows as a reference.
#[derive(ToSchema)]
#[schema(as = RecordedCompletion)]
pub(super) struct RecordedCompletionBody {
    success: Option<bool>,
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
    message: Option<TextBody>,
    error_type: Option<String>,
    #[schema(value_type = Option<Object>)]
    context: Option<Value>,
    next: Option<String>,
}

/// Why an attempt or an execution failed.
#[derive(ToSchema)]
#[schema(as = StepError)]
pub(super) struct StepErrorBody {
    /// Such as `HttpStatus` or `Timeout`.
    r#type: String,
    message: String,
    /// The status of the worker's answer, where there was one.
    status: Option<u16>,
}

/// How far an execution is.
#[derive(ToSchema)]
#[schema(as = Progress)]
pub(super) struct ProgressBody {
    #[schema(minimum = 0)]
    total_steps: u64,
    completed_steps: u64,
    failed_steps: u64,
    skipped_steps: u64,
    /// Completed steps over all steps, two decimals.
    #[schema(minimum = 0, maximum = 100)]
    percentage: f64,
    /// The same, with what running steps report counted in.
    #[schema(minimum = 0, maximum = 100)]
    overall_percentage: f64,
    /// Whole seconds until the end, as far as can be told.
    estimated_remaining_seconds: Option<u64>,
    is_completed: bool,
    is_failed: bool,
    is_running: bool,
}

/// Something that happened to an execution; further fields depend on `event`.
#[derive(ToSchema)]
#[schema(as = Event)]
pub(super) struct EventBody {
    event: EventName,
    execution_id: Uuid,
    /// 1, 2, 3 … within the execution, without holes.
    #[schema(minimum = 1)]
    seq: u64,
    #[schema(format = DateTime)]
    timestamp: String,
}

/// What Pioneer offers, as it answered.
///
/// It is passed on unread: a Pioneer may say more, or less.
#[derive(ToSchema)]
#[schema(as = AvailableSteps)]
pub(super) struct AvailableStepsBody {
    service: String,
    available_steps: Vec<AvailableStep>,
    total_count: u64,
}

/// One handler of Pioneer.
#[derive(ToSchema)]
pub(super) struct AvailableStep {
    name: String,
    description: Option<String>,
    full_doc: Option<String>,
}

/// What comes with a word of somebody who steps in.
#[derive(ToSchema)]
#[schema(as = Steering)]
pub(super) struct SteeringBody {
    /// Why, in at most 1,024 bytes; it is shown to those who watch.
    #[schema(max_length = 1024)]
    reason: Option<String>,
}

/// Whatever a forced completion is to keep.
#[derive(ToSchema)]
#[schema(as = CompletionData, value_type = Object)]
pub(super) struct CompletionDataBody(serde_json::Map<String, serde_json::Value>);

/// Where a retry goes on from.
#[derive(ToSchema)]
#[schema(as = RetryFrom)]
pub(super) struct RetryFromBody {
    /// The name or handler of a step; without it, the step that the execution ended at.
    from_step: Option<String>,
}

/// A change of what clients attached.
#[derive(ToSchema)]
#[schema(as = PropertiesPatch)]
pub(super) struct PropertiesPatchBody {
    /// Replaces the object whole; null clears it.
    #[schema(value_type = Option<Object>)]
    additional_data: Option<serde_json::Value>,
    /// Replaces the status; null clears it.
    custom_status: Option<String>,
}
