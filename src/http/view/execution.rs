//! Executions, as `/execute` and the lists answer them.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::mode_word;
use crate::domain::{Context, Execution, ExecutionId, Status, Timestamp};
use crate::http::schema::{ModeWord, StatusWord};
use crate::journal::ExecutionRow;

/// An execution.
#[derive(Serialize, ToSchema)]
#[schema(as = Execution)]
pub(in crate::http) struct ExecutionView<'a> {
    id: Uuid,
    workflow_id: Uuid,
    #[schema(value_type = StatusWord)]
    status: Status,
    #[schema(value_type = ModeWord)]
    mode: &'a str,
    /// Its data so far.
    #[schema(value_type = Object)]
    context: ContextView<'a>,
    /// Set by clients.
    #[schema(value_type = Object)]
    additional_data: AdditionalData<'a>,
    /// Set by clients.
    custom_status: Option<&'a str>,
    /// The step that it is at.
    current_step_id: Option<Uuid>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A context, from an actor or from a row.
#[derive(Serialize)]
#[serde(untagged)]
enum ContextView<'a> {
    Live(&'a Context),
    Stored(&'a Value),
}

/// What clients attached; nothing shows as an empty object.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum AdditionalData<'a> {
    None(Map<String, Value>),
    Live(&'a Map<String, Value>),
    Stored(&'a Value),
}

impl AdditionalData<'_> {
    /// Nothing is attached.
    pub(super) fn none() -> Self {
        Self::None(Map::new())
    }
}

impl<'a> From<&'a Execution> for ExecutionView<'a> {
    fn from(execution: &'a Execution) -> Self {
        Self {
            id: execution.id().0,
            workflow_id: execution.workflow().id.0,
            status: execution.status(),
            mode: mode_word(execution.mode()),
            context: ContextView::Live(execution.context()),
            additional_data: AdditionalData::Live(&execution.properties().additional_data),
            custom_status: execution.properties().custom_status.as_deref(),
            current_step_id: execution.current_step().map(|step| step.id.0),
            created_at: execution.created_at(),
            updated_at: execution.updated_at(),
        }
    }
}

impl<'a> From<&'a ExecutionRow> for ExecutionView<'a> {
    fn from(row: &'a ExecutionRow) -> Self {
        Self {
            id: row.id.0,
            workflow_id: row.workflow_id.0,
            status: row.status,
            mode: &row.mode,
            context: ContextView::Stored(&row.context),
            additional_data: row.additional_data.as_ref().map_or_else(AdditionalData::none, AdditionalData::Stored),
            custom_status: row.custom_status.as_deref(),
            current_step_id: row.current_step_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// An execution that was started, and where to watch it.
#[derive(Serialize, ToSchema)]
#[schema(as = Started)]
pub(in crate::http) struct StartedView {
    execution_id: Uuid,
    workflow_id: Uuid,
    #[schema(value_type = StatusWord)]
    status: Status,
    tracking_url: String,
    websocket_url: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Where the status of an execution is read.
pub(super) fn status_url(id: ExecutionId) -> String {
    format!("/executions/{id}/status")
}

/// Where the events of an execution are streamed.
pub(super) fn websocket_url(id: ExecutionId) -> String {
    format!("/ws/{id}")
}

impl From<&Execution> for StartedView {
    fn from(execution: &Execution) -> Self {
        Self {
            execution_id: execution.id().0,
            workflow_id: execution.workflow().id.0,
            status: execution.status(),
            tracking_url: status_url(execution.id()),
            websocket_url: websocket_url(execution.id()),
            created_at: execution.created_at(),
        }
    }
}
