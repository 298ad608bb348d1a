//! Workflows of the replaced service as definitions of ours.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::source::{OldStep, OldWorkflow};
use crate::domain::{Handler, Name, Timestamp, Workflow, WorkflowDraft, WorkflowId};

/// The display names that the service mapped to handlers; every other step was asked for by its name.
const HANDLERS: [(&str, &str); 6] = [
    ("Carga Usuario", "fetch_user"),
    ("Validación Usuario", "validate_user"),
    ("Transformación", "transform_data"),
    ("Decisión", "decide"),
    ("Aprobar Usuario", "approve_user"),
    ("Rechazar Usuario", "reject_user"),
];
/// The longest name, in characters, as the domain has it.
const NAME_CHARS_MAX: usize = 128;
/// The largest `order` and `max_visits`, as the domain has them.
const NUMBER_MAX: i64 = 1_000_000;

/// A definition, and what had to be changed to make it one.
#[derive(Debug)]
pub(super) struct Defined {
    pub(super) workflow: Workflow,
    /// One line for each change.
    pub(super) changes: Vec<String>,
}

/// The first version of the workflow that `old` and its steps make; refused only where the domain refuses it.
pub(super) fn define(old: &OldWorkflow, mut steps: Vec<OldStep>, now: DateTime<Utc>) -> Result<Defined, String> {
    steps.sort_by_key(|step| (step.order, step.created_at, step.id));
    let mut changes = Vec::new();
    let (id, shown) = (old.id, &old.name);
    let name = fit_name(&old.name, "Workflow");
    if name != old.name {
        changes.push(format!("workflow {id}: its name {shown:?} becomes {name:?}"));
    }
    let about = format!("workflow {name:?} ({id})");
    let mut note = |change: String| changes.push(format!("{about}: {change}"));
    let bodies = step_bodies(&steps, &mut note);
    let draft = WorkflowDraft::parse(&json!({"name": name, "mode": old.mode, "steps": bodies}))
        .map_err(|invalid| format!("{about} cannot be taken over: {invalid}"))?;
    let created_at = old.created_at.or(old.updated_at).unwrap_or(now);
    let mut ids = steps.iter().map(|step| step.id);
    let mut next_id = || ids.next().unwrap_or(Uuid::nil());
    let mut workflow = Workflow::create(draft, WorkflowId(id), Timestamp::new(created_at), &mut next_id);
    workflow.updated_at = Timestamp::new(old.updated_at.unwrap_or(created_at));
    for (step, old) in workflow.steps.iter_mut().zip(&steps) {
        let created_at = old.created_at.or(old.updated_at).unwrap_or(created_at);
        step.created_at = Timestamp::new(created_at);
        step.updated_at = Timestamp::new(old.updated_at.unwrap_or(created_at));
    }
    Ok(Defined { workflow, changes })
}

/// The steps, in their order, as a client would write them.
fn step_bodies(steps: &[OldStep], note: &mut impl FnMut(String)) -> Vec<Value> {
    let names = names(steps);
    let orders = orders(steps);
    let mut bodies = Vec::with_capacity(steps.len());
    for ((old, name), order) in steps.iter().zip(&names).zip(&orders) {
        let (id, given) = (old.id, &old.name);
        if name != given {
            note(format!("the name {given:?} of step {id} becomes {name:?}"));
        }
        if *order != i64::from(old.order) {
            note(format!("the order {} of step {name:?} becomes {order}", old.order));
        }
        let max_visits = i64::from(old.max_visits).clamp(1, NUMBER_MAX);
        if max_visits != i64::from(old.max_visits) {
            note(format!("the max_visits {} of step {name:?} becomes {max_visits}", old.max_visits));
        }
        let asked = asked_for(given);
        let handler = fit_handler(asked, name);
        if handler != asked {
            note(format!("the handler {asked:?} of step {name:?} becomes {handler:?}"));
        }
        bodies.push(json!({"name": name, "handler": handler, "order": order, "max_visits": max_visits}));
    }
    bodies
}

/// What Pioneer was asked for where a step had this name.
fn asked_for(name: &str) -> &str {
    HANDLERS.iter().find(|(display, _)| *display == name).map_or(name, |(_, handler)| handler)
}

/// The steps' names, made fit; the second of two that are the same gets a number behind it.
fn names(steps: &[OldStep]) -> Vec<String> {
    let fit: Vec<String> = steps.iter().map(|step| fit_name(&step.name, &format!("Step {}", step.order))).collect();
    let mut taken: Vec<String> = Vec::with_capacity(fit.len());
    for (place, name) in fit.iter().enumerate() {
        let free = |candidate: &str| !taken.iter().any(|other| other == candidate);
        // A later step that has such a name by itself keeps it.
        let unclaimed = |candidate: &str| free(candidate) && !fit[place + 1..].iter().any(|other| other == candidate);
        let chosen = if free(name) {
            name.clone()
        } else {
            let numbered = (2..).map(|number| with_suffix(name, &format!(" ({number})")));
            numbered.into_iter().find(|candidate| unclaimed(candidate)).unwrap_or_else(|| name.clone())
        };
        taken.push(chosen);
    }
    taken
}

/// The steps' orders: where two collide, the second moves behind the first, and those behind it as far as they must.
fn orders(steps: &[OldStep]) -> Vec<i64> {
    let mut next = 0;
    let mut orders = Vec::with_capacity(steps.len());
    for step in steps {
        let order = i64::from(step.order).max(next);
        orders.push(order);
        next = order + 1;
    }
    if next > NUMBER_MAX { (1..).take(steps.len()).collect() } else { orders }
}

fn with_suffix(name: &str, suffix: &str) -> String {
    let kept = NAME_CHARS_MAX - suffix.chars().count();
    name.chars().take(kept).chain(suffix.chars()).collect()
}

/// `name` if it is fit, or else without what makes it unfit; `instead` where nothing is left.
fn fit_name(name: &str, instead: &str) -> String {
    if Name::new(name).is_ok() {
        return name.to_owned();
    }
    let plain = |char: char| if char.is_control() { ' ' } else { char };
    let fit: String = name.chars().map(plain).take(NAME_CHARS_MAX).collect();
    if fit.trim().is_empty() { instead.to_owned() } else { fit }
}

/// `asked` if it can be part of a URL, or else with what cannot replaced.
fn fit_handler(asked: &str, name: &str) -> String {
    if Handler::new(asked).is_ok() {
        return asked.to_owned();
    }
    let fit = fit_name(asked, name).replace('/', "_");
    if fit == "." || fit == ".." { fit.replace('.', "_") } else { fit }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: u128, name: &str, order: i32) -> OldStep {
        OldStep {
            id: Uuid::from_u128(number),
            workflow_id: Uuid::nil(),
            name: name.to_owned(),
            order,
            max_visits: 1,
            created_at: None,
            updated_at: None,
        }
    }

    fn defined(name: &str, steps: Vec<OldStep>) -> Defined {
        let old = OldWorkflow {
            id: Uuid::from_u128(7),
            name: name.to_owned(),
            mode: "manual".to_owned(),
            created_at: None,
            updated_at: None,
        };
        define(&old, steps, DateTime::UNIX_EPOCH).unwrap()
    }

    fn told(defined: &Defined) -> Vec<(&str, &str, u32)> {
        let steps = defined.workflow.steps.iter();
        steps.map(|step| (step.name.as_str(), step.handler.as_str(), step.order)).collect()
    }

    #[test]
    fn repeated_names_get_numbers_and_keep_their_handler() {
        let steps = vec![step(3, "a", 5), step(1, "a", 1), step(2, "a (2)", 3), step(4, "a", 9)];
        let defined = defined("w", steps);
        let expected = [("a", "a", 1), ("a (2)", "a (2)", 3), ("a (3)", "a", 5), ("a (4)", "a", 9)];
        assert_eq!(told(&defined), expected);
        assert_eq!(defined.workflow.steps[2].id.0, Uuid::from_u128(3));
        assert_eq!(defined.changes.len(), 2);
    }

    #[test]
    fn orders_move_only_where_they_collide() {
        let steps = vec![step(1, "a", 1), step(2, "b", 1), step(3, "c", 2), step(4, "d", 7), step(5, "e", -3)];
        let defined = defined("w", steps);
        let orders: Vec<_> = told(&defined).into_iter().map(|(name, _, order)| (name, order)).collect();
        assert_eq!(orders, [("e", 0), ("a", 1), ("b", 2), ("c", 3), ("d", 7)]);
    }

    #[test]
    fn display_names_have_the_handlers_that_the_service_gave_them() {
        let defined = defined("w", vec![step(1, "Validación Usuario", 1), step(2, "Otro", 2)]);
        assert_eq!(told(&defined), [("Validación Usuario", "validate_user", 1), ("Otro", "Otro", 2)]);
        assert!(defined.changes.is_empty());
    }

    #[test]
    fn names_that_are_refused_are_made_fit() {
        let long = "ñ".repeat(200);
        let steps = vec![step(1, "", 1), step(2, "a/b\nc", 2), step(3, &long, 3), step(4, &long, 4), step(5, "..", 5)];
        let defined = defined("", steps);
        assert_eq!(defined.workflow.name.as_str(), "Workflow");
        let told = told(&defined);
        assert_eq!(told[0], ("Step 1", "Step 1", 1));
        assert_eq!(told[1], ("a/b c", "a_b c", 2));
        assert_eq!(told[3].0, format!("{} (2)", "ñ".repeat(124)));
        assert_eq!(told[4], ("..", "__", 5));
        assert!(defined.changes.iter().all(|change| change.starts_with("workflow")));
    }
}
