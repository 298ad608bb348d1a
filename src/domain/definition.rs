//! Workflows and their steps: definitions that were found valid.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::draft::{StepDraft, WorkflowDraft};
use super::id::{StepId, WorkflowId};
use super::invalid::Invalid;
use super::name::{Handler, Name};
use super::retry::RetryPolicy;
use super::time::{Seconds, Timestamp};

/// Who moves an execution from step to step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Discovery, as soon as a step has finished.
    #[default]
    Automatic,
    /// A client, with one `next` for each step.
    Manual,
}

/// One version of a workflow's definition; its steps stand in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// The same in all versions.
    pub id: WorkflowId,
    /// What people see.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// The mode of executions that name none.
    pub mode: Mode,
    /// Bounds a whole execution.
    pub timeout_seconds: Option<Seconds>,
    /// Counts the changes, from 1.
    pub version: u64,
    /// When the first version was made.
    pub created_at: Timestamp,
    /// When this version was made.
    pub updated_at: Timestamp,
    /// Sorted by `order`.
    pub steps: Vec<Step>,
}

/// One step of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Kept, by the step's name, when the definition is replaced.
    pub id: StepId,
    /// The workflow that it belongs to.
    pub workflow_id: WorkflowId,
    /// What people see; unique in its workflow.
    pub name: Name,
    /// What Pioneer is asked to run.
    pub handler: Handler,
    /// The position; unique in its workflow.
    pub order: u32,
    /// How often one execution may enter the step.
    pub max_visits: u32,
    /// Handed to the handler as it is.
    pub config: Map<String, Value>,
    /// What one attempt may take in all.
    pub timeout_seconds: Seconds,
    /// An attempt that reports nothing for this long is lost.
    pub heartbeat_timeout_seconds: Option<Seconds>,
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
    /// The execution completes after this step, whatever follows in order.
    pub end: bool,
    /// When the step was added.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// Why a definition cannot be changed as asked.
#[derive(Clone, Debug, PartialEq)]
pub enum EditError {
    /// The body is not a valid definition.
    Invalid(Invalid),
    /// It collides with a step that is there already.
    Conflict(String),
}

impl From<Invalid> for EditError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl Step {
    fn from_draft(draft: StepDraft, id: StepId, workflow_id: WorkflowId, now: Timestamp) -> Self {
        Self {
            id,
            workflow_id,
            name: draft.name,
            handler: draft.handler,
            order: draft.order,
            max_visits: draft.max_visits,
            config: draft.config,
            timeout_seconds: draft.timeout_seconds,
            heartbeat_timeout_seconds: draft.heartbeat_timeout_seconds,
            retry: draft.retry,
            end: draft.end,
            created_at: now,
            updated_at: now,
        }
    }

    /// Keeps the times of `old`, the same step in the version before.
    fn succeeding(mut self, old: &Self) -> Self {
        self.created_at = old.created_at;
        let updated_at = std::mem::replace(&mut self.updated_at, old.updated_at);
        if self != *old {
            self.updated_at = updated_at;
        }
        self
    }

    /// The fields that a client may write, as it would write them.
    fn body(&self) -> Map<String, Value> {
        as_object(json!({
            "name": self.name, "handler": self.handler, "order": self.order, "max_visits": self.max_visits,
            "config": self.config, "timeout_seconds": self.timeout_seconds,
            "heartbeat_timeout_seconds": self.heartbeat_timeout_seconds, "retry": self.retry, "end": self.end,
        }))
    }
}

impl Workflow {
    /// The first version of a workflow; `new_id` gives ids for its steps.
    pub fn create(draft: WorkflowDraft, id: WorkflowId, now: Timestamp, new_id: &mut dyn FnMut() -> Uuid) -> Self {
        let steps = draft.steps.into_iter();
        let mut workflow = Self {
            id,
            name: draft.name,
            description: draft.description,
            mode: draft.mode,
            timeout_seconds: draft.timeout_seconds,
            version: 1,
            created_at: now,
            updated_at: now,
            steps: steps.map(|step| Step::from_draft(step, StepId(new_id()), id, now)).collect(),
        };
        workflow.sort();
        workflow
    }

    /// This workflow with `draft` as its definition, or `None` where that changes nothing. Steps keep their ids by name.
    pub fn replace(&self, draft: WorkflowDraft, now: Timestamp, new_id: &mut dyn FnMut() -> Uuid) -> Option<Self> {
        let mut next = Self::create(draft, self.id, now, new_id);
        for step in &mut next.steps {
            if let Some(old) = self.steps.iter().find(|old| old.name == step.name) {
                step.id = old.id;
                *step = step.clone().succeeding(old);
            }
        }
        self.succeed_with(next)
    }

    /// This workflow with the fields of `patch` in place of its own; a null puts the default back.
    pub fn patch(
        &self,
        patch: &Value,
        now: Timestamp,
        new_id: &mut dyn FnMut() -> Uuid,
    ) -> Result<Option<Self>, EditError> {
        let body = patched(self.body(), patch)?;
        Ok(self.replace(WorkflowDraft::parse(&body)?, now, new_id))
    }

    /// This workflow with one more step, at the end unless it says where.
    pub fn add_step(&self, body: &Value, id: StepId, now: Timestamp) -> Result<Self, EditError> {
        let last = self.steps.last().map_or(0, |step| step.order);
        let step = Step::from_draft(StepDraft::parse("", body, last.saturating_add(1))?, id, self.id, now);
        self.refuse_collision(&step)?;
        let mut next = self.clone();
        next.steps.push(step);
        next.check_step_count()?;
        next.bump(self.version, now);
        Ok(next)
    }

    /// This workflow with the fields of `patch` in place of those of the step `id`; `None` where that changes nothing.
    pub fn patch_step(&self, id: StepId, patch: &Value, now: Timestamp) -> Result<Option<Self>, EditError> {
        let Some(place) = self.steps.iter().position(|step| step.id == id) else { return Ok(None) };
        let old = &self.steps[place];
        let body = patched(old.body(), patch)?;
        let draft = StepDraft::parse("", &body, old.order)?;
        let step = Step::from_draft(draft, id, self.id, now).succeeding(old);
        self.refuse_collision(&step)?;
        let mut next = self.clone();
        next.steps[place] = step;
        next.updated_at = now;
        Ok(self.succeed_with(next))
    }

    /// This workflow without the step `id`.
    pub fn remove_step(&self, id: StepId, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.steps.retain(|step| step.id != id);
        next.bump(self.version, now);
        next
    }

    /// The step that `named` names: a name goes before a handler.
    ///
    /// Where several steps share the handler, it is the one that `prefer` likes, or else the first in order.
    pub fn find_step(&self, named: &str, prefer: impl Fn(usize) -> bool) -> Option<usize> {
        if let Some(place) = self.steps.iter().position(|step| step.name.as_str() == named) {
            return Some(place);
        }
        let sharing = || {
            let handled = self.steps.iter().enumerate();
            handled.filter(|(_, step)| step.handler.as_str() == named).map(|(place, _)| place)
        };
        sharing().find(|place| prefer(*place)).or_else(|| sharing().next())
    }

    /// The names of its steps, in order.
    pub fn step_names(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.name.as_str().to_owned()).collect()
    }

    fn body(&self) -> Map<String, Value> {
        as_object(json!({
            "name": self.name, "description": self.description, "mode": self.mode,
            "timeout_seconds": self.timeout_seconds,
            "steps": self.steps.iter().map(Step::body).collect::<Vec<_>>(),
        }))
    }

    /// `next` as the version after this one, or `None` where nothing but times differs.
    fn succeed_with(&self, mut next: Self) -> Option<Self> {
        next.sort();
        let now = std::mem::replace(&mut next.updated_at, self.updated_at);
        next.created_at = self.created_at;
        next.version = self.version;
        if next == *self {
            return None;
        }
        next.bump(self.version, now);
        Some(next)
    }

    fn bump(&mut self, version: u64, now: Timestamp) {
        self.sort();
        self.version = version + 1;
        self.updated_at = now;
    }

    fn sort(&mut self) {
        self.steps.sort_by_key(|step| step.order);
    }

    fn refuse_collision(&self, step: &Step) -> Result<(), EditError> {
        let others = || self.steps.iter().filter(|other| other.id != step.id);
        if others().any(|other| other.name == step.name) {
            let name = step.name.as_str();
            return Err(EditError::Conflict(format!("The workflow has a step named '{name}' already.")));
        }
        if let Some(other) = others().find(|other| other.order == step.order) {
            let (order, name) = (step.order, other.name.as_str());
            return Err(EditError::Conflict(format!("Step '{name}' of the workflow has the order {order} already.")));
        }
        Ok(())
    }

    fn check_step_count(&self) -> Result<(), Invalid> {
        super::draft::check_step_count(self.steps.len()).map_err(|detail| Invalid::one("", detail))
    }
}

/// `body` with the fields of `patch`, which must be an object, over it.
///
/// A null stays: to a definition it is a field that was not given, and one that is unknown is refused with it too.
fn patched(mut body: Map<String, Value>, patch: &Value) -> Result<Value, Invalid> {
    let patch = patch.as_object().ok_or_else(|| Invalid::one("", "must be an object"))?;
    body.extend(patch.clone());
    Ok(Value::Object(body))
}

fn as_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests;
