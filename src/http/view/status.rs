//! All that people watch of an execution.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::execution::{AdditionalData, status_url, websocket_url};
use super::mode_word;
use crate::domain::{
    Attempt, Context, Execution, ExecutionId, Progress, ProgressReport, Status, Step, StepError, Timestamp, WaitingFor,
};
use crate::http::schema::{ModeWord, ProgressBody, ProgressReportBody, StatusWord, StepErrorBody, StepStatusWord};

/// The status of an execution.
#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionStatus)]
pub(in crate::http) struct StatusView<'a> {
    execution_id: Uuid,
    workflow_id: Uuid,
    workflow_name: &'a str,
    /// The version that it started with.
    workflow_version: u64,
    #[schema(value_type = StatusWord)]
    status: Status,
    #[schema(value_type = ModeWord)]
    mode: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Its data so far.
    #[schema(value_type = Object)]
    context: &'a Context,
    /// Set by clients.
    #[schema(value_type = Object)]
    additional_data: AdditionalData<'a>,
    /// Set by clients.
    custom_status: Option<&'a str>,
    /// What it waits for, if it runs: `next`, `callback` or `retry`.
    #[schema(value_type = Option<String>)]
    waiting_for: Option<WaitingFor>,
    /// Whether it pauses once the running step has ended.
    pause_requested: bool,
    #[schema(value_type = Option<StepErrorBody>)]
    error: Option<&'a StepError>,
    /// The step that runs or is next, or else the one that it failed at.
    current_step: Option<CurrentStep<'a>>,
    #[schema(value_type = ProgressBody)]
    progress: Progress,
    /// One entry for each attempt, oldest first, and once it completed one for each skipped step.
    steps_history: Vec<HistoryEntry<'a>>,
    /// The `seq` of its newest event.
    last_seq: u64,
    tracking_urls: TrackingUrls,
}

/// The step that an execution is at.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct CurrentStep<'a> {
    id: Uuid,
    name: &'a str,
    handler: &'a str,
    order: u32,
}

/// One attempt, or one step that was skipped.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct HistoryEntry<'a> {
    step_name: &'a str,
    handler: &'a str,
    #[schema(value_type = StepStatusWord)]
    status: &'static str,
    /// 0 for a step that was skipped.
    attempt: u32,
    visit: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// So far while it runs, 0 when skipped.
    duration_seconds: f64,
    /// The newest report.
    #[schema(value_type = Option<ProgressReportBody>)]
    progress: Option<&'a ProgressReport>,
    #[schema(value_type = Option<StepErrorBody>)]
    error: Option<&'a StepError>,
}

/// Where else to look.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct TrackingUrls {
    status: String,
    steps: String,
    events: String,
    properties: String,
    websocket: String,
}

impl<'a> StatusView<'a> {
    /// The status of `execution` at `now`.
    pub(in crate::http) fn new(execution: &'a Execution, now: Timestamp) -> Self {
        let workflow = execution.workflow();
        Self {
            execution_id: execution.id().0,
            workflow_id: workflow.id.0,
            workflow_name: workflow.name.as_str(),
            workflow_version: workflow.version,
            status: execution.status(),
            mode: mode_word(execution.mode()),
            created_at: execution.created_at(),
            updated_at: execution.updated_at(),
            finished_at: execution.finished_at(),
            context: execution.context(),
            additional_data: AdditionalData::none(),
            custom_status: None,
            waiting_for: execution.waiting_for(),
            pause_requested: false,
            error: execution.error(),
            current_step: execution.current_step().map(CurrentStep::from),
            progress: execution.progress(now),
            steps_history: history(execution, now),
            last_seq: execution.last_seq(),
            tracking_urls: TrackingUrls::of(execution.id()),
        }
    }
}

fn history(execution: &Execution, now: Timestamp) -> Vec<HistoryEntry<'_>> {
    let attempts = execution.attempts().iter();
    let attempted = attempts.map(|attempt| HistoryEntry::attempted(execution.step_of(attempt), attempt, now));
    attempted.chain(execution.skipped_steps().map(HistoryEntry::skipped)).collect()
}

impl<'a> HistoryEntry<'a> {
    fn attempted(step: &'a Step, attempt: &'a Attempt, now: Timestamp) -> Self {
        Self {
            step_name: step.name.as_str(),
            handler: step.handler.as_str(),
            status: attempt.status.as_str(),
            attempt: attempt.attempt,
            visit: attempt.visit,
            started_at: Some(attempt.started_at),
            finished_at: attempt.finished_at,
            duration_seconds: attempt.seconds_until(now),
            progress: attempt.progress.as_deref(),
            error: attempt.error.as_ref().map(Arc::as_ref),
        }
    }

    fn skipped(step: &'a Step) -> Self {
        Self {
            step_name: step.name.as_str(),
            handler: step.handler.as_str(),
            status: "skipped",
            attempt: 0,
            visit: 0,
            started_at: None,
            finished_at: None,
            duration_seconds: 0.0,
            progress: None,
            error: None,
        }
    }
}

impl<'a> From<&'a Step> for CurrentStep<'a> {
    fn from(step: &'a Step) -> Self {
        Self { id: step.id.0, name: step.name.as_str(), handler: step.handler.as_str(), order: step.order }
    }
}

impl TrackingUrls {
    fn of(id: ExecutionId) -> Self {
        Self {
            status: status_url(id),
            steps: format!("/executions/{id}/steps"),
            events: format!("/executions/{id}/events"),
            properties: format!("/executions/{id}/properties"),
            websocket: websocket_url(id),
        }
    }
}
