//! What clients attach to executions.

use actix_web::web::Data;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{Answer, ok, read as answer_read};
use super::documents::take_out;
use super::extract::{Id, Json, Query};
use super::schema::PropertiesPatchBody;
use super::{Edge, params};
use crate::domain::{Command, Execution, ExecutionId, PropertiesPatch};
use crate::payload::refuse_references;

/// What clients attached to an execution.
#[derive(Serialize, ToSchema)]
#[schema(as = Properties)]
pub(super) struct PropertiesView<'a> {
    execution_id: Uuid,
    /// An object that means nothing to Discovery.
    #[schema(value_type = Object)]
    additional_data: &'a Map<String, Value>,
    /// A status of the clients' own.
    custom_status: Option<&'a str>,
}

impl<'a> From<&'a Execution> for PropertiesView<'a> {
    fn from(execution: &'a Execution) -> Self {
        let properties = execution.properties();
        Self {
            execution_id: execution.id().0,
            additional_data: &properties.additional_data,
            custom_status: properties.custom_status.as_deref(),
        }
    }
}

/// Reads what clients attached.
#[utoipa::path(
    get, path = "/executions/{id}/properties", tag = "properties",
    params(("id" = Uuid, Path), params::Payloads),
    responses(
        (status = 200, description = "The properties", body = PropertiesView),
        (status = 400, description = "The id is not a UUID, or a bad query parameter"),
        (status = 404, description = "No such execution"),
    )
)]
pub(super) async fn read(edge: Data<Edge>, id: Id<ExecutionId>, query: Query) -> Answer {
    let execution = edge.runtime.view(id.0).await?;
    answer_read(&edge, &query, PropertiesView::from(&*execution)).await
}

/// Replaces either field whole; null clears it. Possible after the end too.
#[utoipa::path(
    patch, path = "/executions/{id}/properties", tag = "properties", request_body = PropertiesPatchBody,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The properties", body = PropertiesView),
        (status = 400, description = "Malformed JSON or UUID"),
        (status = 404, description = "No such execution"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "A field is not what it must be"),
    )
)]
pub(super) async fn change(edge: Data<Edge>, id: Id<ExecutionId>, body: Json) -> Answer {
    let mut body = body.0;
    refuse_references(&body)?;
    let data = body.get_mut("additional_data").filter(|data| data.is_object()).into_iter();
    let payloads = take_out(id.0, data, edge.config.limits.payload_bytes);
    let patch = PropertiesPatch::parse(&body)?;
    let execution = edge.runtime.ask(id.0, Command::SetProperties(patch), payloads).await?;
    ok(PropertiesView::from(&*execution))
}
