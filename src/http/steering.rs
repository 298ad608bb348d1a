//! People who step in: the next step in manual mode, pause and resume.

use actix_web::web::Data;

use super::Edge;
use super::answer::{Answer, ok};
use super::extract::{Id, Json};
use super::schema::SteeringBody;
use super::view::ExecutionView;
use crate::domain::{Command, ExecutionId, Invalid};

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
fn reason(body: &serde_json::Value) -> Result<String, Invalid> {
    let body = body.as_object().ok_or_else(|| Invalid::one("", "must be an object"))?;
    match body.get("reason") {
        None | Some(serde_json::Value::Null) => Ok(REASON.to_owned()),
        Some(serde_json::Value::String(reason)) if reason.len() <= REASON_BYTES_MAX => Ok(reason.clone()),
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

async fn steer(edge: &Edge, id: ExecutionId, command: Command) -> Answer {
    let execution = edge.runtime.ask(id, command, Vec::new()).await?;
    ok(ExecutionView::from(&*execution))
}
