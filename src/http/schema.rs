//! How bodies look that the core reads and writes itself, for the OpenAPI document alone.
#![allow(dead_code, reason = "only their schemas are used")]

use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Who moves an execution from step to step.
#[derive(ToSchema)]
#[schema(as = Mode, rename_all = "snake_case")]
pub(super) enum ModeWord {
    Automatic,
    Manual,
}

/// Where an execution is in its life.
#[derive(ToSchema)]
#[schema(as = Status, rename_all = "snake_case")]
pub(super) enum StatusWord {
    Running,
    Paused,
    Completed,
    Failed,
    Cancelled,
}

/// How an attempt at a step stands.
#[derive(ToSchema)]
#[schema(as = StepStatus, rename_all = "snake_case")]
pub(super) enum StepStatusWord {
    Running,
    Success,
    Failed,
    Cancelled,
    Skipped,
}

/// What becomes of an execution whose step has no attempts left.
#[derive(ToSchema)]
#[schema(as = OnExhausted, rename_all = "snake_case")]
pub(super) enum OnExhaustedWord {
    Fail,
    Pause,
}

/// How often a step is tried, and how long Discovery waits in between.
#[derive(ToSchema)]
#[schema(as = Retry)]
pub(super) struct RetryBody {
    /// Attempts in all, the first included.
    #[schema(default = 1, minimum = 1)]
    max_attempts: Option<u32>,
    /// The wait after the first failure.
    #[schema(default = 1.0)]
    initial_interval_seconds: Option<f64>,
    /// What each further wait is multiplied by.
    #[schema(default = 2.0)]
    backoff_coefficient: Option<f64>,
    /// No wait is longer than this.
    #[schema(default = 60.0)]
    max_interval_seconds: Option<f64>,
    /// Whether each wait is drawn from 50 to 100 % of it.
    #[schema(default = true)]
    jitter: Option<bool>,
    /// Error types, or status codes as strings, after which there is no further attempt.
    non_retryable_errors: Option<Vec<String>>,
    /// What follows the last attempt.
    on_exhausted: Option<OnExhaustedWord>,
}

/// A step as a client writes it; in a PATCH every field may be left out.
#[derive(ToSchema)]
#[schema(as = StepBody)]
pub(super) struct StepBody {
    /// What people see; unique in its workflow.
    #[schema(example = "Carga Usuario", min_length = 1, max_length = 128)]
    name: String,
    /// What Pioneer is asked to run; the name where it is left out.
    #[schema(example = "fetch_user")]
    handler: Option<String>,
    /// The position; unique in its workflow.
    order: Option<u32>,
    /// How often one execution may enter the step.
    #[schema(default = 1, minimum = 1)]
    max_visits: Option<u32>,
    /// Handed to the handler as it is.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// What one attempt may take in all.
    #[schema(default = 3600.0)]
    timeout_seconds: Option<f64>,
    /// An attempt that reports nothing for this long is lost.
    heartbeat_timeout_seconds: Option<f64>,
    retry: Option<RetryBody>,
    /// The execution completes after this step, whatever follows in order.
    #[schema(default = false)]
    end: Option<bool>,
}

/// A workflow as a client writes it; in a PATCH every field may be left out.
#[derive(ToSchema)]
#[schema(as = WorkflowBody)]
pub(super) struct WorkflowBody {
    /// The id that it is to have.
    id: Option<Uuid>,
    /// What people see.
    #[schema(example = "Procesamiento de Documentos", min_length = 1, max_length = 128)]
    name: String,
    /// What it is for.
    description: Option<String>,
    mode: Option<ModeWord>,
    /// Bounds a whole execution.
    timeout_seconds: Option<f64>,
    steps: Option<Vec<StepBody>>,
}

/// What starts an execution of the workflow that it names.
#[derive(ToSchema)]
#[schema(as = StartBody)]
pub(super) struct StartBody {
    workflow_id: Uuid,
    mode: Option<ModeWord>,
    /// What the execution starts with; `initial_data` is its old name.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
}

/// What starts an execution of the workflow in the path; other fields are data too.
#[derive(ToSchema)]
#[schema(as = StartBodyOfWorkflow)]
pub(super) struct StartBodyOfWorkflow {
    mode: Option<ModeWord>,
    /// What the execution starts with; `initial_data` is its old name.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
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
    estimated_remaining_seconds: Option<f64>,
    /// Whatever the step wants to tell its front end.
    custom_data: Option<Value>,
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
    error_type: Option<String>,
    /// What is merged into the execution's context.
    #[schema(value_type = Option<Object>)]
    context: Option<Value>,
    /// The name or handler of the step to go to.
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
    total_steps: u64,
    completed_steps: u64,
    failed_steps: u64,
    skipped_steps: u64,
    /// Completed steps over all steps, two decimals.
    percentage: f64,
    /// The same, with what running steps report counted in.
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
    #[schema(example = "step_started")]
    event: String,
    execution_id: Uuid,
    /// 1, 2, 3 … within the execution, without holes.
    seq: u64,
    #[schema(format = DateTime)]
    timestamp: String,
}

/// What Pioneer offers, as it answered.
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
#[allow(dead_code, reason = "describes a body that is read field by field")]
pub(super) struct SteeringBody {
    /// Why; it is shown to those who watch.
    reason: Option<String>,
}

/// A change of what clients attached.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes a body that is read field by field")]
pub(super) struct PropertiesPatchBody {
    /// Replaces the object whole; null clears it.
    #[schema(value_type = Option<Object>)]
    additional_data: Option<serde_json::Value>,
    /// Replaces the status; null clears it.
    custom_status: Option<String>,
}
