//! People who step in: the next step in manual mode, pause and resume, cancel, retry and forced completion.

use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Edge;
use super::answer::{Answer, ok};
use super::documents::without_long_strings;
use super::extract::{Id, Json};
use super::schema::{CompletionDataBody, RetryFromBody, StatusWord, SteeringBody};
use super::view::ExecutionView;
use crate::actors::AskError;
use crate::domain::{Command, ExecutionId, Invalid, Rejection, Status};

/// Runs the next step and answers the execution once that step has ended.
#[utoipa::path(
    post, path = "/executions/{id}/next", tag = "executions",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The execution", body = ExecutionView),
        (status = 400, description = "The execution is automatic, or the id is not a UUID"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "The step before is still running, or the execution is paused or ended"),
    )
)]
pub(super) async fn next(edge: Data<Edge>, id: Id<ExecutionId>) -> Answer {
    run_next(&edge, id.0).await
}

/// Another name of `next`.
#[utoipa::path(
    post, path = "/executions/{id}/continue", tag = "executions",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The execution", body = ExecutionView),
        (status = 400, description = "The execution is automatic, or the id is not a UUID"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "The step before is still running, or the execution is paused or ended"),
    )
)]
pub(super) async fn go_on(edge: Data<Edge>, id: Id<ExecutionId>) -> Answer {
    run_next(&edge, id.0).await
}

async fn run_next(edge: &Edge, id: ExecutionId) -> Answer {
    edge.runtime.ask(id, Command::Next, Vec::new()).await?;
    let execution = edge.runtime.until(id, |execution| !execution.is_at_work()).await?;
    ok(ExecutionView::from(&*execution))
}

/// Why somebody steps in, where the body does not say.
const REASON: &str = "requested";
/// The longest reason, in bytes of UTF-8.
const REASON_BYTES_MAX: usize = 1024;

/// The reason that the body gives.
fn reason(body: &Value) -> Result<String, Invalid> {
    let body = body.as_object().ok_or_else(|| Invalid::one("", "must be an object"))?;
    match body.get("reason") {
        None | Some(Value::Null) => Ok(REASON.to_owned()),
        Some(Value::String(reason)) if reason.len() <= REASON_BYTES_MAX => Ok(reason.clone()),
        Some(_) => Err(Invalid::one("/reason", format!("must be a string of at most {REASON_BYTES_MAX} bytes"))),
    }
}

/// Holds an execution: at once, or when the running step has ended.
#[utoipa::path(
    post, path = "/executions/{id}/pause", tag = "executions", request_body = Option<SteeringBody>,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The execution; `status` shows whether it is paused already", body = ExecutionView),
        (status = 400, description = "Malformed JSON or UUID"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "The execution has ended"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The reason is not a short string"),
    )
)]
pub(super) async fn pause(edge: Data<Edge>, id: Id<ExecutionId>, body: Json) -> Answer {
    steer(&edge, id.0, Command::Pause { reason: reason(&body.0)? }).await
}

/// Lets a paused execution go on, or takes a pause back that has not come yet.
#[utoipa::path(
    post, path = "/executions/{id}/resume", tag = "executions", request_body = Option<SteeringBody>,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The execution", body = ExecutionView),
        (status = 400, description = "Malformed JSON or UUID"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "The execution has ended"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The reason is not a short string"),
    )
)]
pub(super) async fn resume(edge: Data<Edge>, id: Id<ExecutionId>, body: Json) -> Answer {
    steer(&edge, id.0, Command::Resume { reason: reason(&body.0)? }).await
}

/// Ends an execution now; the running call to Pioneer is broken off.
#[utoipa::path(
    post, path = "/executions/{id}/cancel", tag = "executions", request_body = Option<SteeringBody>,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The execution", body = ExecutionView),
        (status = 400, description = "Malformed JSON or UUID"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "The execution has completed or failed"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The reason is not a short string"),
    )
)]
pub(super) async fn cancel(edge: Data<Edge>, id: Id<ExecutionId>, body: Json) -> Answer {
    steer(&edge, id.0, Command::Cancel { reason: reason(&body.0)? }).await
}

/// Lets a failed or cancelled execution go on from the step that it ended at, or from another one.
#[utoipa::path(
    post, path = "/executions/{id}/retry", tag = "executions", request_body = Option<RetryFromBody>,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The execution, which runs again", body = ExecutionView),
        (status = 400, description = "Malformed JSON or UUID"),
        (status = 404, description = "No such execution, or its workflow has no such step"),
        (status = 409, description = "The execution has neither failed nor been cancelled"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The step is not named by a string"),
    )
)]
pub(super) async fn retry(edge: Data<Edge>, id: Id<ExecutionId>, body: Json) -> Answer {
    steer(&edge, id.0, Command::Retry { from_step: from_step(&body.0)? }).await
}

/// The step that the body names.
fn from_step(body: &Value) -> Result<Option<String>, Invalid> {
    let body = body.as_object().ok_or_else(|| Invalid::one("", "must be an object"))?;
    match body.get("from_step") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(step)) => Ok(Some(step.clone())),
        Some(_) => Err(Invalid::one("/from_step", "must be a string")),
    }
}

/// What forcing a completion comes to.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum ForcedCompletion<'a> {
    /// The execution, which is completed now.
    Now(ExecutionView<'a>),
    /// It had ended before.
    Already(AlreadyCompleted),
}

/// The execution had ended before.
#[derive(Serialize, ToSchema)]
pub(super) struct AlreadyCompleted {
    /// Always `already_completed`.
    #[schema(pattern = "^already_completed$")]
    status: &'static str,
    execution_id: Uuid,
    #[schema(value_type = StatusWord, inline)]
    current_status: Status,
}

/// Completes an execution now; the body is kept as `completion_data` in its context.
#[utoipa::path(
    post, path = "/executions/{id}/complete", tag = "executions", request_body = Option<CompletionDataBody>,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The execution, or that it had ended before", body = ForcedCompletion),
        (status = 400, description = "Malformed JSON or UUID"),
        (status = 404, description = "No such execution"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Not an object, or one with a `$payload`"),
    )
)]
pub(super) async fn complete(edge: Data<Edge>, id: Id<ExecutionId>, body: Json) -> Answer {
    let (body, payloads) = without_long_strings(&edge, id.0, body.0, |_| false)?;
    let Value::Object(data) = body else { return Err(Invalid::one("", "must be an object").into()) };
    match edge.runtime.ask(id.0, Command::Complete(data), payloads).await {
        Ok(execution) => ok(ForcedCompletion::Now(ExecutionView::from(&*execution))),
        Err(AskError::Rejected(Rejection::Ended(current_status))) => ok(ForcedCompletion::Already(AlreadyCompleted {
            status: "already_completed",
            execution_id: id.0.0,
            current_status,
        })),
        Err(error) => Err(error.into()),
    }
}

async fn steer(edge: &Edge, id: ExecutionId, command: Command) -> Answer {
    let execution = edge.runtime.ask(id, command, Vec::new()).await?;
    ok(ExecutionView::from(&*execution))
}
