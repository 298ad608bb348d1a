//! Manual mode: the next step, on somebody's word.

use actix_web::web::Data;

use super::Edge;
use super::answer::{Answer, ok};
use super::extract::Id;
use super::view::ExecutionView;
use crate::domain::{Command, ExecutionId};

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
    let execution = edge.runtime.until(id, |execution| !execution.has_open_call()).await?;
    ok(ExecutionView::from(&*execution))
}
