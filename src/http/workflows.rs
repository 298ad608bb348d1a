//! Workflows: created, listed, read, replaced, patched, deleted.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use uuid::Uuid;

use super::answer::{Answer, located, ok};
use super::definitions::{self, IfThere, Put, Target};
use super::extract::{Definition, Id, Query, list_limit};
use super::schema::WorkflowBody;
use super::view::WorkflowView;
use super::{Edge, params};
use crate::domain::{Workflow, WorkflowId};

/// Creates a workflow.
#[utoipa::path(
    post, path = "/workflows", tag = "workflows",
    request_body(content((WorkflowBody = "application/json"), (WorkflowBody = "application/yaml"))),
    responses(
        (status = 201, description = "The workflow", body = WorkflowView,
            headers(("Location" = String, description = "Where it is"))),
        (status = 400, description = "Malformed JSON or YAML"),
        (status = 409, description = "A workflow with this id exists"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Neither JSON nor YAML"),
        (status = 422, description = "Not a valid definition"),
    )
)]
pub(super) async fn create(edge: Data<Edge>, body: Definition) -> Answer {
    let draft = definitions::parse(&body.0, None)?;
    let id = draft.id.unwrap_or_else(|| WorkflowId(Uuid::now_v7()));
    answer_put(&edge, definitions::put(&edge, id, &draft, IfThere::Refuse).await?)
}

/// Lists the workflows, oldest first.
#[utoipa::path(
    get, path = "/workflows", tag = "workflows",
    params(params::Page),
    responses(
        (status = 200, description = "A page of workflows", body = Vec<WorkflowView>,
            headers(("X-Total-Count" = u64, description = "How many there are in all"))),
        (status = 400, description = "A bad query parameter"),
    )
)]
pub(super) async fn list(edge: Data<Edge>, query: Query) -> Answer {
    let (limit, offset) = (list_limit(&query)?, query.number("offset")?.unwrap_or(0));
    let page = edge.journal.workflows(limit, offset).await?;
    let views: Vec<WorkflowView<'_>> = page.workflows.iter().map(|workflow| WorkflowView::from(&**workflow)).collect();
    Ok(HttpResponse::Ok().insert_header(("X-Total-Count", page.total.to_string())).json(views))
}

/// Reads a workflow.
#[utoipa::path(
    get, path = "/workflows/{id}", tag = "workflows",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The workflow", body = WorkflowView),
        (status = 400, description = "The id is not a UUID"),
        (status = 404, description = "No such workflow"),
    )
)]
pub(super) async fn read(edge: Data<Edge>, id: Id<WorkflowId>) -> Answer {
    let workflow = Target::Workflow(id.0).read(&edge).await?;
    ok(WorkflowView::from(&*workflow))
}

/// Creates a workflow under this id, replaces its whole definition, or brings it back.
#[utoipa::path(
    put, path = "/workflows/{id}", tag = "workflows",
    params(("id" = Uuid, Path)),
    request_body(content((WorkflowBody = "application/json"), (WorkflowBody = "application/yaml"))),
    responses(
        (status = 200, description = "The workflow, replaced or left as it was", body = WorkflowView),
        (status = 201, description = "The workflow, created or brought back", body = WorkflowView,
            headers(("Location" = String, description = "Where it is"))),
        (status = 400, description = "Malformed JSON or YAML, or the id is not a UUID"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Neither JSON nor YAML"),
        (status = 422, description = "Not a valid definition, or one with another id"),
    )
)]
pub(super) async fn put(edge: Data<Edge>, id: Id<WorkflowId>, body: Definition) -> Answer {
    let draft = definitions::parse(&body.0, Some(id.0))?;
    answer_put(&edge, definitions::put(&edge, id.0, &draft, IfThere::Replace).await?)
}

/// Changes the fields that the body names; a null puts the default back.
#[utoipa::path(
    patch, path = "/workflows/{id}", tag = "workflows",
    params(("id" = Uuid, Path)),
    request_body(content((WorkflowBody = "application/json"), (WorkflowBody = "application/yaml"))),
    responses(
        (status = 200, description = "The workflow", body = WorkflowView),
        (status = 400, description = "Malformed JSON or YAML, or the id is not a UUID"),
        (status = 404, description = "No such workflow"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Neither JSON nor YAML"),
        (status = 422, description = "Not a valid definition"),
    )
)]
pub(super) async fn patch(edge: Data<Edge>, id: Id<WorkflowId>, body: Definition) -> Answer {
    let edit = |current: &Workflow| definitions::patched(current, &body.0);
    let workflow = definitions::change(&edge, Target::Workflow(id.0), edit).await?;
    ok(WorkflowView::from(&*workflow))
}

/// Hides a workflow; its executions can still be read.
#[utoipa::path(
    delete, path = "/workflows/{id}", tag = "workflows",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "It is hidden"),
        (status = 400, description = "The id is not a UUID"),
        (status = 404, description = "No such workflow"),
        (status = 409, description = "Executions of it are running or paused"),
    )
)]
pub(super) async fn delete(edge: Data<Edge>, id: Id<WorkflowId>) -> Answer {
    definitions::delete(&edge, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn answer_put(edge: &Edge, put: Put) -> Answer {
    match put {
        Put::Created(workflow) => {
            let path = format!("/workflows/{}", workflow.id);
            located(edge, StatusCode::CREATED, &path, WorkflowView::from(&*workflow))
        }
        Put::Replaced(workflow) => ok(WorkflowView::from(&*workflow)),
    }
}
