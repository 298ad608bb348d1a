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
use crate::http::schema::{
    ModeWord, ProgressBody, RecordedProgressBody, StatusWord, StepErrorBody, StepStatusWord, WaitingForWord,
};

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
    /// What it waits for, if it runs.
    #[schema(value_type = Option<WaitingForWord>)]
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
    #[schema(value_type = Option<RecordedProgressBody>)]
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
            additional_data: AdditionalData::Live(&execution.properties().additional_data),
            custom_status: execution.properties().custom_status.as_deref(),
            waiting_for: execution.waiting_for(),
            pause_requested: execution.pause_requested(),
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

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use chrono::DateTime;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{
        Answer, Command, Decision, Effect, Given, Outages, Outcome, StartData, Workflow, WorkflowDraft, WorkflowId,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::new(DateTime::from_timestamp(1_755_858_600 + second, 0).unwrap())
    }

    fn given(second: i64) -> Given<'static> {
        static OUTAGES: LazyLock<Outages> = LazyLock::new(Outages::default);
        Given { now: at(second), new_id: Uuid::from_u128(9), draw: 0.0, outages: &OUTAGES }
    }

    fn apply(execution: &mut Execution, decision: &Decision) {
        decision.events.iter().for_each(|event| execution.apply(event));
    }

    /// An execution of two steps whose first one, the last that runs, is half done after ten seconds.
    fn half_done() -> Execution {
        let body = json!({"name": "Docs", "steps": [
            {"name": "Carga Usuario", "handler": "fetch_user", "end": true}, {"name": "Fin", "handler": "fin"}]});
        let draft = WorkflowDraft::parse(&body).unwrap();
        let workflow = Arc::new(Workflow::create(draft, WorkflowId(Uuid::nil()), at(0), &mut Uuid::nil));
        let id = ExecutionId(Uuid::nil());
        let started = Execution::start(id, &workflow, None, &StartData::default(), &given(0)).unwrap();
        let mut execution = Execution::fold(id, workflow, &started.events).unwrap();
        let report = ProgressReport::parse(&json!({"percentage": 50, "message": "Procesando"})).unwrap();
        let command = Command::ReportProgress { step: "fetch_user".to_owned(), report, attempt: None };
        let decision = execution.decide(&command, &given(10)).unwrap();
        apply(&mut execution, &decision);
        assert_eq!(started.effects.len(), 1);
        execution
    }

    fn shown(execution: &Execution, second: i64) -> Value {
        serde_json::to_value(StatusView::new(execution, at(second))).unwrap()
    }

    #[test]
    fn a_running_execution_is_shown_as_the_contract_says() {
        let nil = Uuid::nil();
        let expected = json!({
            "execution_id": nil, "workflow_id": nil, "workflow_name": "Docs", "workflow_version": 1,
            "status": "running", "mode": "automatic", "created_at": "2025-08-22T10:30:00.000Z",
            "updated_at": "2025-08-22T10:30:10.000Z", "finished_at": null,
            "context": {"execution_id": nil, "dynamic_properties": {}},
            "additional_data": {}, "custom_status": null, "waiting_for": null, "pause_requested": false,
            "error": null,
            "current_step": {"id": nil, "name": "Carga Usuario", "handler": "fetch_user", "order": 1},
            "progress": {"total_steps": 2, "completed_steps": 0, "failed_steps": 0, "skipped_steps": 0,
                "percentage": 0.0, "overall_percentage": 25.0, "estimated_remaining_seconds": 60,
                "is_completed": false, "is_failed": false, "is_running": true},
            "steps_history": [{"step_name": "Carga Usuario", "handler": "fetch_user", "status": "running",
                "attempt": 1, "visit": 1, "started_at": "2025-08-22T10:30:00.000Z", "finished_at": null,
                "duration_seconds": 20.0, "progress": {"percentage": 50, "message": "Procesando"}, "error": null}],
            "last_seq": 3,
            "tracking_urls": {
                "status": format!("/executions/{nil}/status"), "steps": format!("/executions/{nil}/steps"),
                "events": format!("/executions/{nil}/events"),
                "properties": format!("/executions/{nil}/properties"), "websocket": format!("/ws/{nil}")},
        });
        assert_eq!(shown(&half_done(), 20), expected);
    }

    #[test]
    fn skipped_steps_end_the_history_of_a_completed_execution() {
        let mut execution = half_done();
        let attempt = execution.running_attempts().next().unwrap().id;
        let output = json!({"context": {}});
        let outcome = Outcome::Answered(Answer { context: Context::default(), next: None, output });
        let decision = execution.decide(&Command::TakeOutcome { attempt, outcome }, &given(30)).unwrap();
        apply(&mut execution, &decision);
        assert_eq!(decision.effects, Vec::<Effect>::new());
        let shown = shown(&execution, 99);
        let skipped = json!({"step_name": "Fin", "handler": "fin", "status": "skipped", "attempt": 0, "visit": 0,
            "started_at": null, "finished_at": null, "duration_seconds": 0.0, "progress": null, "error": null});
        assert_eq!(shown["steps_history"][0]["duration_seconds"], json!(30.0));
        assert_eq!(shown["steps_history"][1], skipped);
        assert_eq!(shown["progress"]["percentage"], json!(100.0));
        assert_eq!(shown["current_step"], Value::Null);
        assert_eq!(shown["finished_at"], "2025-08-22T10:30:30.000Z");
    }
}
