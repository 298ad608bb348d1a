//! The four calls that start an execution.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use futures_util::future::OptionFuture;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Edge;
use super::answer::{Answer, located};
use super::definitions::{EDITS_MAX, unknown_workflow};
use super::documents::take_out;
use super::extract::{Id, Json, KeyOfStart};
use super::idempotency::{Started, start_key, started_before};
use super::problem::Problem;
use super::schema::{StartBody, StartBodyOfWorkflow};
use super::stream::{answer_events, wants_events};
use super::view::{ExecutionView, StartedView};
use crate::actors::{AskError, Expected, StartExecution};
use crate::domain::{Execution, ExecutionId, FieldError, Invalid, Mode, Rejection, StartData, WorkflowId, parse_mode};
use crate::payload::refuse_references;

/// Starts an execution and answers at once.
#[utoipa::path(
    post, path = "/execute-async", tag = "start",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = StartBody,
    responses(
        (status = 200, description = "It is started; with `Accept: text/event-stream`, its events as they come",
            content((StartedView = "application/json"), (String = "text/event-stream")),
            headers(("Location" = String, description = "Where the execution is"),
                ("Idempotent-Replayed" = String, description = "`true` where the key has started it before"))),
        (status = 400, description = "Malformed JSON, UUID or key"),
        (status = 404, description = "No such workflow"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Not a valid start, or the workflow has no steps, or the key came with another body"),
    )
)]
pub(super) async fn begin(edge: Data<Edge>, key: KeyOfStart, request: HttpRequest, body: Json) -> Answer {
    let started = start(&edge, new_id(), StartRequest::naming_workflow(body.0)?, key).await?;
    started.mark(answer_begun(&edge, &request, &started.execution).await)
}

/// Starts an execution of this workflow and answers at once.
#[utoipa::path(
    post, path = "/workflows/{id}/execute-async", tag = "start",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = StartBodyOfWorkflow,
    responses(
        (status = 200, description = "It is started; with `Accept: text/event-stream`, its events as they come",
            content((StartedView = "application/json"), (String = "text/event-stream")),
            headers(("Location" = String, description = "Where the execution is"),
                ("Idempotent-Replayed" = String, description = "`true` where the key has started it before"))),
        (status = 400, description = "Malformed JSON, UUID or key"),
        (status = 404, description = "No such workflow"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Not a valid start, or the workflow has no steps, or the key came with another body"),
    )
)]
pub(super) async fn begin_of_workflow(
    edge: Data<Edge>,
    id: Id<WorkflowId>,
    key: KeyOfStart,
    request: HttpRequest,
    body: Json,
) -> Answer {
    let started = start(&edge, new_id(), StartRequest::of_workflow(id.0, body.0)?, key).await?;
    started.mark(answer_begun(&edge, &request, &started.execution).await)
}

/// Starts an execution and waits for its end; in manual mode it answers at once.
#[utoipa::path(
    post, path = "/execute", tag = "start",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = StartBody,
    responses(
        (status = 200, description = "The execution", body = ExecutionView,
            headers(("Location" = String, description = "Where the execution is"),
                ("Idempotent-Replayed" = String, description = "`true` where the key has started it before"))),
        (status = 202, description = "It goes on after the time that the server waits", body = StartedView,
            headers(("Location" = String, description = "Where the execution is"),
                ("Idempotent-Replayed" = String, description = "`true` where the key has started it before"))),
        (status = 400, description = "Malformed JSON, UUID or key"),
        (status = 404, description = "No such workflow"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Not a valid start, or the workflow has no steps, or the key came with another body"),
    )
)]
pub(super) async fn run(edge: Data<Edge>, key: KeyOfStart, body: Json) -> Answer {
    start_and_wait(&edge, StartRequest::naming_workflow(body.0)?, key).await
}

/// Starts an execution of this workflow and waits for its end; in manual mode it answers at once.
#[utoipa::path(
    post, path = "/workflows/{id}/execute", tag = "start",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = StartBodyOfWorkflow,
    responses(
        (status = 200, description = "The execution", body = ExecutionView,
            headers(("Location" = String, description = "Where the execution is"),
                ("Idempotent-Replayed" = String, description = "`true` where the key has started it before"))),
        (status = 202, description = "It goes on after the time that the server waits", body = StartedView,
            headers(("Location" = String, description = "Where the execution is"),
                ("Idempotent-Replayed" = String, description = "`true` where the key has started it before"))),
        (status = 400, description = "Malformed JSON, UUID or key"),
        (status = 404, description = "No such workflow"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Not a valid start, or the workflow has no steps, or the key came with another body"),
    )
)]
pub(super) async fn run_of_workflow(edge: Data<Edge>, id: Id<WorkflowId>, key: KeyOfStart, body: Json) -> Answer {
    start_and_wait(&edge, StartRequest::of_workflow(id.0, body.0)?, key).await
}

/// Answers that it is started, or with its events.
async fn answer_begun(edge: &Edge, request: &HttpRequest, execution: &Execution) -> Answer {
    if !wants_events(request) {
        return answer_started(edge, StatusCode::OK, execution);
    }
    let location = format!("{}/executions/{}", edge.config.base_path, execution.id());
    answer_events(edge, request, execution.id(), 0, Some(location)).await
}

fn answer_started(edge: &Edge, status: StatusCode, execution: &Execution) -> Answer {
    located(edge, status, &format!("/executions/{}", execution.id()), StartedView::from(execution))
}

async fn start_and_wait(edge: &Edge, request: StartRequest, key: KeyOfStart) -> Answer {
    let id = new_id();
    // Before it begins: its end cannot be missed, and nobody has to be asked for it.
    let end = edge.runtime.expect(id, has_ended);
    let started = start(edge, id, request, key).await?;
    let end = (started.execution.id() == id).then_some(end);
    started.mark(answer_end(edge, &started.execution, end).await)
}

fn has_ended(execution: &Execution) -> bool {
    execution.status().is_ended()
}

async fn answer_end(edge: &Edge, started: &Arc<Execution>, end: Option<Expected>) -> Answer {
    let id = started.id();
    let ended = match started.mode() {
        Mode::Manual => Arc::clone(started),
        Mode::Automatic => {
            let end = async {
                let expected = OptionFuture::from(end.map(Expected::settled)).await.flatten();
                match expected {
                    Some(ended) => Ok(ended),
                    None => edge.runtime.until(id, has_ended).await,
                }
            };
            match edge.config.sync_timeout {
                None => end.await?,
                Some(timeout) => match actix_rt::time::timeout(timeout, end).await {
                    Ok(ended) => ended?,
                    Err(_) => return answer_started(edge, StatusCode::ACCEPTED, started),
                },
            }
        }
    };
    located(edge, StatusCode::OK, &format!("/executions/{id}"), ExecutionView::from(&*ended))
}

/// A request to start an execution, found well-formed.
#[derive(Debug, PartialEq)]
struct StartRequest {
    workflow_id: WorkflowId,
    mode: Option<Mode>,
    data: Map<String, Value>,
    /// Where `dynamic_properties` stand in the body.
    data_pointer: &'static str,
}

impl StartRequest {
    /// Reads `{workflow_id, mode?, data?}`.
    fn naming_workflow(body: Value) -> Result<Self, Problem> {
        let mut body = object(body)?;
        let workflow_id = match body.remove("workflow_id") {
            Some(Value::String(text)) => Uuid::parse_str(&text)
                .map_err(|_| Problem::malformed("The `workflow_id` is not a UUID."))
                .map(WorkflowId)?,
            None | Some(Value::Null) => return Err(Invalid::one("/workflow_id", "is required").into()),
            Some(_) => return Err(Invalid::one("/workflow_id", "must be a string").into()),
        };
        let given = Given::take(&mut body)?;
        let data = given.data.or(given.initial_data).unwrap_or_default();
        Ok(Self { workflow_id, mode: given.mode, data, data_pointer: "/data" })
    }

    /// Reads `{mode?, data?}`, other fields being data too.
    fn of_workflow(workflow_id: WorkflowId, body: Value) -> Result<Self, Problem> {
        let mut data = object(body)?;
        let given = Given::take(&mut data)?;
        let nested = given.data.into_iter().chain(given.initial_data);
        let mut data_pointer = "";
        for map in nested.rev() {
            if map.contains_key("dynamic_properties") {
                data_pointer = "/data";
            }
            data.extend(map);
        }
        Ok(Self { workflow_id, mode: given.mode, data, data_pointer })
    }
}

/// The fields that both forms have.
struct Given {
    mode: Option<Mode>,
    data: Option<Map<String, Value>>,
    initial_data: Option<Map<String, Value>>,
}

impl Given {
    fn take(body: &mut Map<String, Value>) -> Result<Self, Invalid> {
        let mut errors = Vec::new();
        let mode = match body.remove("mode") {
            None | Some(Value::Null) => None,
            Some(word) => {
                let mode = parse_mode(&word);
                mode.map_err(|detail| errors.push(FieldError::new("/mode", detail))).ok()
            }
        };
        let mut map = |name: &str| match body.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Object(map)) => Some(map),
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                errors.push(FieldError::new(format!("/{name}"), "must be an object"));
                None
            }
        };
        let (data, initial_data) = (map("data"), map("initial_data"));
        if errors.is_empty() { Ok(Self { mode, data, initial_data }) } else { Err(Invalid { errors }) }
    }
}

fn object(body: Value) -> Result<Map<String, Value>, Invalid> {
    refuse_references(&body)?;
    match body {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Invalid::one("", "must be an object"))
        }
    }
}

fn new_id() -> ExecutionId {
    ExecutionId(Uuid::now_v7())
}

/// Starts what is asked for as `id`, or finds what the key has started.
async fn start(edge: &Edge, id: ExecutionId, request: StartRequest, key: KeyOfStart) -> Result<Started, Problem> {
    let StartRequest { workflow_id, mode, mut data, data_pointer } = request;
    // Before the long strings are taken out, because what stands in their places names the execution.
    let key = key.0.map(|key| start_key(key, &data));
    let payloads = take_out(id, data.values_mut(), edge.config.limits.payload_bytes);
    let data = StartData::new(data_pointer, data)?;
    for _ in 0..EDITS_MAX {
        if let Some(key) = &key
            && let Some(started) = started_before(edge, workflow_id, mode, key).await?
        {
            return Ok(started);
        }
        let workflow = edge.journal.workflow(workflow_id).await?.ok_or_else(unknown_workflow)?;
        if workflow.steps.is_empty() {
            return Err(Rejection::NoSteps.into());
        }
        let (data, payloads, key) = (data.clone(), payloads.clone(), key.clone());
        match edge.runtime.start(StartExecution { id, workflow, mode, data, payloads, key }).await {
            // Somebody else was quicker: what is there is read again.
            Err(AskError::WorkflowChanged | AskError::AlreadyStarted(_)) => {}
            result => return Ok(Started { execution: result?, replayed: false }),
        }
    }
    Err(Problem::workflow_keeps_changing())
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use serde_json::json;

    use super::*;
    use crate::http::problem::body_of;

    fn of_workflow(body: Value) -> StartRequest {
        StartRequest::of_workflow(WorkflowId(Uuid::nil()), body).unwrap()
    }

    #[test]
    fn other_fields_of_the_second_form_are_data_and_data_wins() {
        let body = json!({"mode": "manual", "a": 1, "b": 1, "c": 1, "workflow_id": "x",
            "data": {"a": 3, "dynamic_properties": {}}, "initial_data": {"a": 2, "b": 2}});
        let request = of_workflow(body);
        assert_eq!(request.mode, Some(Mode::Manual));
        let expected = json!({"a": 3, "b": 2, "c": 1, "workflow_id": "x", "dynamic_properties": {}});
        assert_eq!(Value::Object(request.data), expected);
        assert_eq!(request.data_pointer, "/data");
        assert_eq!(of_workflow(json!({})).data, Map::new());
        assert_eq!(of_workflow(json!({"data": null, "mode": null})).data, Map::new());
    }

    #[test]
    fn the_first_form_names_its_workflow_and_ignores_other_fields() {
        let body = json!({"workflow_id": Uuid::max(), "x": 1, "initial_data": {"a": 1}});
        let request = StartRequest::naming_workflow(body).unwrap();
        assert_eq!(request.workflow_id, WorkflowId(Uuid::max()));
        assert_eq!(Value::Object(request.data), json!({"a": 1}));
    }

    #[actix_web::test]
    async fn bad_starts_are_refused() {
        let id = Uuid::nil();
        let cases = [
            (json!({}), 422, "/workflow_id"),
            (json!([]), 422, ""),
            (json!({"workflow_id": id, "mode": "auto", "data": []}), 422, "/mode"),
            (json!({"workflow_id": id, "data": "x"}), 422, "/data"),
            (json!({"workflow_id": id, "data": {"a": {"$payload": {}}}}), 422, "/data/a/$payload"),
        ];
        for (body, status, pointer) in cases {
            let problem = StartRequest::naming_workflow(body).unwrap_err();
            assert_eq!(problem.status_code(), status);
            assert_eq!(body_of(&problem).await["errors"][0]["pointer"], pointer);
        }
        let problem = StartRequest::naming_workflow(json!({"workflow_id": "x"})).unwrap_err();
        assert_eq!(problem.status_code(), 400);
    }
}
