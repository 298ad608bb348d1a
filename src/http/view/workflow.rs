//! Workflows and steps.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::mode_word;
use crate::domain::{RetryPolicy, Seconds, Step, Timestamp, Workflow};
use crate::http::schema::{ModeWord, RetryBody};

/// A workflow in its newest version.
#[derive(Serialize, ToSchema)]
#[schema(as = Workflow)]
pub(in crate::http) struct WorkflowView<'a> {
    id: Uuid,
    /// What people see.
    name: &'a str,
    /// What it is for.
    description: Option<&'a str>,
    #[schema(value_type = ModeWord)]
    mode: &'static str,
    /// Bounds a whole execution.
    #[schema(value_type = Option<f64>)]
    timeout_seconds: Option<Seconds>,
    /// Counts the changes, from 1.
    version: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// In their order.
    steps: Vec<StepView<'a>>,
}

/// A step of a workflow.
#[derive(Serialize, ToSchema)]
#[schema(as = Step)]
pub(in crate::http) struct StepView<'a> {
    id: Uuid,
    workflow_id: Uuid,
    /// What people see.
    name: &'a str,
    /// What Pioneer is asked to run.
    handler: &'a str,
    /// The position.
    order: u32,
    /// How often one execution may enter the step.
    max_visits: u32,
    /// Handed to the handler as it is.
    #[schema(value_type = Object)]
    config: &'a Map<String, Value>,
    /// What one attempt may take in all.
    #[schema(value_type = f64)]
    timeout_seconds: Seconds,
    /// An attempt that reports nothing for this long is lost.
    #[schema(value_type = Option<f64>)]
    heartbeat_timeout_seconds: Option<Seconds>,
    #[schema(value_type = RetryBody)]
    retry: &'a RetryPolicy,
    /// The execution completes after this step, whatever follows in order.
    end: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl<'a> From<&'a Workflow> for WorkflowView<'a> {
    fn from(workflow: &'a Workflow) -> Self {
        Self {
            id: workflow.id.0,
            name: workflow.name.as_str(),
            description: workflow.description.as_deref(),
            mode: mode_word(workflow.mode),
            timeout_seconds: workflow.timeout_seconds,
            version: workflow.version,
            created_at: workflow.created_at,
            updated_at: workflow.updated_at,
            steps: workflow.steps.iter().map(StepView::from).collect(),
        }
    }
}

impl<'a> From<&'a Step> for StepView<'a> {
    fn from(step: &'a Step) -> Self {
        Self {
            id: step.id.0,
            workflow_id: step.workflow_id.0,
            name: step.name.as_str(),
            handler: step.handler.as_str(),
            order: step.order,
            max_visits: step.max_visits,
            config: &step.config,
            timeout_seconds: step.timeout_seconds,
            heartbeat_timeout_seconds: step.heartbeat_timeout_seconds,
            retry: &step.retry,
            end: step.end,
            created_at: step.created_at,
            updated_at: step.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{WorkflowDraft, WorkflowId};

    #[test]
    fn a_workflow_is_shown_as_the_contract_says() {
        let body = json!({"name": "Docs", "steps": [{"name": "Carga Usuario", "handler": "fetch_user"}]});
        let at = Timestamp::new(chrono::DateTime::from_timestamp_millis(1_755_858_600_000).unwrap());
        let draft = WorkflowDraft::parse(&body).unwrap();
        let workflow = Workflow::create(draft, WorkflowId(Uuid::nil()), at, &mut Uuid::nil);
        let time = "2025-08-22T10:30:00.000Z";
        let expected = json!({
            "id": Uuid::nil(), "name": "Docs", "description": null, "mode": "automatic", "timeout_seconds": null,
            "version": 1, "created_at": time, "updated_at": time, "steps": [{
                "id": Uuid::nil(), "workflow_id": Uuid::nil(), "name": "Carga Usuario", "handler": "fetch_user",
                "order": 1, "max_visits": 1, "config": {}, "timeout_seconds": 3600,
                "heartbeat_timeout_seconds": null, "end": false, "created_at": time, "updated_at": time,
                "retry": {"max_attempts": 1, "initial_interval_seconds": 1, "backoff_coefficient": 2.0,
                    "max_interval_seconds": 60, "jitter": true, "non_retryable_errors": [], "on_exhausted": "fail"},
            }],
        });
        assert_eq!(serde_json::to_value(WorkflowView::from(&workflow)).unwrap(), expected);
    }
}
