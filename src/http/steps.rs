//! Steps of workflows: added, listed, read, patched, removed.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use uuid::Uuid;

use super::answer::{Answer, located, ok};
use super::definitions::{self, Target, unknown_step};
use super::extract::{Definition, Id};
use super::problem::Problem;
use super::schema::StepBody;
use super::view::StepView;
use super::{Edge, now};
use crate::domain::{Step, StepId, Workflow, WorkflowId};

/// Lists the steps of a workflow, in their order.
#[utoipa::path(
    get, path = "/workflows/{id}/steps", tag = "steps",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The steps", body = Vec<StepView>),
        (status = 400, description = "The id is not a UUID"),
        (status = 404, description = "No such workflow"),
    )
)]
pub(super) async fn list(edge: Data<Edge>, id: Id<WorkflowId>) -> Answer {
    let workflow = Target::Workflow(id.0).read(&edge).await?;
    ok(workflow.steps.iter().map(StepView::from).collect::<Vec<_>>())
}

/// Adds a step to a workflow, at the end unless it says where.
#[utoipa::path(
    post, path = "/workflows/{id}/steps", tag = "steps",
    params(("id" = Uuid, Path)),
    request_body(content((StepBody = "application/json"), (StepBody = "application/yaml"))),
    responses(
        (status = 201, description = "The step", body = StepView,
            headers(("Location" = String, description = "Where it is"))),
        (status = 400, description = "Malformed JSON or YAML, or the id is not a UUID"),
        (status = 404, description = "No such workflow"),
        (status = 409, description = "The workflow has a step with this name or order"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Neither JSON nor YAML"),
        (status = 422, description = "Not a valid step"),
    )
)]
pub(super) async fn create(edge: Data<Edge>, id: Id<WorkflowId>, body: Definition) -> Answer {
    let step_id = StepId(Uuid::now_v7());
    let edit = |current: &Workflow| Ok(Some(current.add_step(&body.0, step_id, now())?));
    let workflow = definitions::change(&edge, Target::Workflow(id.0), edit).await?;
    let path = format!("/steps/{step_id}");
    located(&edge, StatusCode::CREATED, &path, StepView::from(find(&workflow, step_id)?))
}

/// Reads a step.
#[utoipa::path(
    get, path = "/steps/{id}", tag = "steps",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The step", body = StepView),
        (status = 400, description = "The id is not a UUID"),
        (status = 404, description = "No such step"),
    )
)]
pub(super) async fn read(edge: Data<Edge>, id: Id<StepId>) -> Answer {
    let workflow = Target::WorkflowOfStep(id.0).read(&edge).await?;
    ok(StepView::from(find(&workflow, id.0)?))
}

/// Changes the fields that the body names; a null puts the default back.
#[utoipa::path(
    patch, path = "/steps/{id}", tag = "steps",
    params(("id" = Uuid, Path)),
    request_body(content((StepBody = "application/json"), (StepBody = "application/yaml"))),
    responses(
        (status = 200, description = "The step", body = StepView),
        (status = 400, description = "Malformed JSON or YAML, or the id is not a UUID"),
        (status = 404, description = "No such step"),
        (status = 409, description = "The workflow has another step with this name or order"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Neither JSON nor YAML"),
        (status = 422, description = "Not a valid step"),
    )
)]
pub(super) async fn patch(edge: Data<Edge>, id: Id<StepId>, body: Definition) -> Answer {
    let edit = |current: &Workflow| {
        find(current, id.0)?;
        Ok(current.patch_step(id.0, &body.0, now())?)
    };
    let workflow = definitions::change(&edge, Target::WorkflowOfStep(id.0), edit).await?;
    ok(StepView::from(find(&workflow, id.0)?))
}

/// Removes a step from its workflow.
#[utoipa::path(
    delete, path = "/steps/{id}", tag = "steps",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "It is removed"),
        (status = 400, description = "The id is not a UUID"),
        (status = 404, description = "No such step"),
    )
)]
pub(super) async fn delete(edge: Data<Edge>, id: Id<StepId>) -> Answer {
    let edit = |current: &Workflow| {
        find(current, id.0)?;
        Ok(Some(current.remove_step(id.0, now())))
    };
    definitions::change(&edge, Target::WorkflowOfStep(id.0), edit).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn find(workflow: &Workflow, id: StepId) -> Result<&Step, Problem> {
    workflow.steps.iter().find(|step| step.id == id).ok_or_else(unknown_step)
}
