//! How definitions change while others change them too: read, edit, write, and once more where somebody was faster.

use std::sync::Arc;

use actix_rt::time::timeout;
use serde_json::Value;
use uuid::Uuid;

use super::Edge;
use super::now;
use super::problem::Problem;
use crate::domain::{Invalid, StepId, Timestamp, Workflow, WorkflowDraft, WorkflowId};
use crate::journal::{DefinitionRefusal, JournalError};

/// How often an edit is done anew because somebody else was faster.
pub(super) const EDITS_MAX: usize = 8;

/// What writing a definition under an id came to.
pub(super) enum Put {
    /// It was not there, or deleted.
    Created(Arc<Workflow>),
    /// It was there.
    Replaced(Arc<Workflow>),
}

/// What to do with a workflow that is there and visible.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum IfThere {
    /// Put the definition in its place.
    Replace,
    /// Leave it, and refuse.
    Refuse,
}

/// There is no workflow with the id that was asked for.
pub(super) fn unknown_workflow() -> Problem {
    Problem::unknown("There is no workflow with this id.")
}

/// There is no step with the id that was asked for.
pub(super) fn unknown_step() -> Problem {
    Problem::unknown("There is no step with this id.")
}

/// Reads a definition; `id` is where it is to be kept, if the path says so.
pub(super) fn parse(body: &Value, id: Option<WorkflowId>) -> Result<WorkflowDraft, Problem> {
    let draft = WorkflowDraft::parse(body)?;
    refuse_other_id(draft.id, id)?;
    let text = draft.description.as_deref().unwrap_or_default();
    refuse_nul(text)?;
    Ok(draft)
}

/// Refuses a `description` that no text column of a database takes.
fn refuse_nul(description: &str) -> Result<(), Invalid> {
    if description.contains('\0') {
        return Err(Invalid::one("/description", "must not contain the character U+0000"));
    }
    Ok(())
}

fn refuse_other_id(written: Option<WorkflowId>, id: Option<WorkflowId>) -> Result<(), Invalid> {
    match (written, id) {
        (Some(written), Some(id)) if written != id => Err(Invalid::one("/id", "must be the id in the path")),
        _ => Ok(()),
    }
}

/// Writes `draft` under `id`; a deleted workflow comes back.
pub(super) async fn put(edge: &Edge, id: WorkflowId, draft: &WorkflowDraft, if_there: IfThere) -> Result<Put, Problem> {
    for _ in 0..EDITS_MAX {
        let (next, after, is_new) = match edge.journal.workflow_even_deleted(id).await? {
            None => (Workflow::create(draft.clone(), id, now(), &mut Uuid::now_v7), 0, true),
            Some((deleted, true)) => (revived(&deleted, draft, now()), deleted.version, true),
            Some((_, false)) if if_there == IfThere::Refuse => {
                return Err(Problem::conflict("There is a workflow with this id already."));
            }
            Some((current, false)) => match current.replace(draft.clone(), now(), &mut Uuid::now_v7) {
                Some(next) => (next, current.version, false),
                None => return Ok(Put::Replaced(current)),
            },
        };
        if let Some(written) = write(edge, next, after).await? {
            return Ok(if is_new { Put::Created(written) } else { Put::Replaced(written) });
        }
    }
    Err(Problem::workflow_keeps_changing())
}

/// The version of a deleted workflow that makes it visible again, also where nothing else changes.
fn revived(deleted: &Workflow, draft: &WorkflowDraft, now: Timestamp) -> Workflow {
    deleted.replace(draft.clone(), now, &mut Uuid::now_v7).unwrap_or_else(|| Workflow {
        version: deleted.version + 1,
        updated_at: now,
        ..deleted.clone()
    })
}

/// Which workflow an edit is of.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// The workflow itself.
    Workflow(WorkflowId),
    /// The workflow that has this step.
    WorkflowOfStep(StepId),
}

impl Target {
    /// The newest version of the workflow, which must be visible.
    pub(super) async fn read(self, edge: &Edge) -> Result<Arc<Workflow>, Problem> {
        match self {
            Self::Workflow(id) => edge.journal.workflow(id).await?.ok_or_else(unknown_workflow),
            Self::WorkflowOfStep(id) => edge.journal.workflow_of_step(id).await?.ok_or_else(unknown_step),
        }
    }
}

/// Makes what `edit` makes of the workflow its next version; `None` leaves it as it is.
pub(super) async fn change(
    edge: &Edge,
    target: Target,
    edit: impl Fn(&Workflow) -> Result<Option<Workflow>, Problem>,
) -> Result<Arc<Workflow>, Problem> {
    for _ in 0..EDITS_MAX {
        let current = target.read(edge).await?;
        let Some(next) = edit(&current)? else { return Ok(current) };
        if let Some(written) = write(edge, next, current.version).await? {
            return Ok(written);
        }
    }
    Err(Problem::workflow_keeps_changing())
}

/// Hides a workflow.
pub(super) async fn delete(edge: &Edge, id: WorkflowId) -> Result<(), Problem> {
    for _ in 0..EDITS_MAX {
        let current = Target::Workflow(id).read(edge).await?;
        if taken(in_time(edge, edge.journal.delete_workflow(id, current.version, now())).await)?.is_some() {
            return Ok(());
        }
    }
    Err(Problem::workflow_keeps_changing())
}

async fn write(edge: &Edge, next: Workflow, after: u64) -> Result<Option<Arc<Workflow>>, Problem> {
    taken(in_time(edge, edge.journal.put_workflow(next, after)).await)
}

/// Waits for what is being written, but not longer than the limits say; it may be written all the same.
async fn in_time<T>(edge: &Edge, writing: impl Future<Output = Result<T, JournalError>>) -> Result<T, JournalError> {
    let late = |_| JournalError::Unavailable("what was asked could not be written in time".to_owned());
    timeout(edge.config.limits.request_timeout, writing).await.map_err(late)?
}

/// What was written, or `None` where somebody else was faster.
fn taken<T>(result: Result<Result<T, DefinitionRefusal>, JournalError>) -> Result<Option<T>, Problem> {
    match result? {
        Ok(written) => Ok(Some(written)),
        Err(DefinitionRefusal::Changed) => Ok(None),
        Err(DefinitionRefusal::LiveExecutions) => {
            Err(Problem::conflict("Executions of this workflow are running or paused."))
        }
    }
}

/// What a PATCH makes of a workflow.
pub(super) fn patched(current: &Workflow, patch: &Value) -> Result<Option<Workflow>, Problem> {
    let written = patch.get("id").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
    refuse_other_id(written.map(WorkflowId), Some(current.id))?;
    let next = current.patch(patch, now(), &mut Uuid::now_v7)?;
    refuse_nul(next.as_ref().and_then(|next| next.description.as_deref()).unwrap_or_default())?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use serde_json::json;

    use super::*;
    use crate::http::problem::body_of;

    #[actix_web::test]
    async fn a_definition_keeps_to_the_id_in_the_path() {
        let id = WorkflowId(Uuid::max());
        let refused = parse(&json!({"name": "x", "id": Uuid::nil()}), Some(id)).unwrap_err();
        assert_eq!(refused.status_code(), 422);
        assert_eq!(body_of(&refused).await["errors"][0]["pointer"], "/id");
        assert!(parse(&json!({"name": "x", "id": Uuid::max()}), Some(id)).is_ok());
        assert!(parse(&json!({"name": "x", "id": Uuid::nil()}), None).is_ok());
        assert_eq!(parse(&json!({"name": "x", "description": "\0"}), None).unwrap_err().status_code(), 422);
    }

    #[test]
    fn a_deleted_workflow_comes_back_as_a_new_version() {
        let draft = parse(&json!({"name": "x"}), None).unwrap();
        let deleted = Workflow::create(draft.clone(), WorkflowId(Uuid::nil()), now(), &mut Uuid::now_v7);
        assert_eq!(revived(&deleted, &draft, now()).version, 2);
        let other = parse(&json!({"name": "y"}), None).unwrap();
        let revived = revived(&deleted, &other, now());
        assert_eq!((revived.version, revived.name.as_str()), (2, "y"));
    }
}
