//! Attempts at steps, as rows of the step history.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{Attempt, AttemptStatus, Context, Execution, ProgressReport, StepError, Timestamp};
use crate::http::schema::{RecordedProgressBody, StepErrorBody, StepStatusWord};

/// One attempt at a step.
#[derive(Serialize, ToSchema)]
#[schema(as = StepExecution)]
pub(in crate::http) struct StepExecutionView<'a> {
    id: Uuid,
    step_id: Uuid,
    workflow_id: Uuid,
    execution_id: Uuid,
    step_name: &'a str,
    handler: &'a str,
    #[schema(value_type = StepStatusWord)]
    status: AttemptStatus,
    attempt: u32,
    visit: u32,
    /// The context that it was given.
    #[schema(value_type = Object)]
    input_payload: &'a Context,
    /// What the worker answered.
    output_payload: Option<&'a Value>,
    /// The newest report.
    #[schema(value_type = Option<RecordedProgressBody>)]
    progress: Option<&'a ProgressReport>,
    #[schema(value_type = Option<StepErrorBody>)]
    error: Option<&'a StepError>,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// So far, while it runs.
    duration_seconds: f64,
}

impl<'a> StepExecutionView<'a> {
    /// How `attempt` of `execution` stands at `now`.
    pub(in crate::http) fn new(execution: &'a Execution, attempt: &'a Attempt, now: Timestamp) -> Self {
        let step = execution.step_of(attempt);
        Self {
            id: attempt.id.0,
            step_id: step.id.0,
            workflow_id: execution.workflow().id.0,
            execution_id: execution.id().0,
            step_name: step.name.as_str(),
            handler: step.handler.as_str(),
            status: attempt.status,
            attempt: attempt.attempt,
            visit: attempt.visit,
            input_payload: &attempt.input,
            output_payload: attempt.output.as_deref(),
            progress: attempt.progress.as_deref(),
            error: attempt.error.as_ref().map(Arc::as_ref),
            started_at: attempt.started_at,
            finished_at: attempt.finished_at,
            duration_seconds: attempt.seconds_until(now),
        }
    }
}
