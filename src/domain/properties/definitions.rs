//! What is true of every definition.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::generators::{any_json, definition, nearly_valid_definition};
use super::run::{at, workflow};
use crate::domain::{Completion, Event, ProgressReport, Workflow, WorkflowDraft, WorkflowId};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_read_or_refused(body in any_json(), public in ".*") {
        let _ = WorkflowDraft::parse(&body);
        let _ = ProgressReport::parse(&body);
        let _ = Completion::parse(&body);
        let _ = Event::from_stored(1, &public, None);
        let _ = Event::from_stored(1, &body.to_string(), Some(&body.to_string()));
    }

    #[test]
    fn what_is_refused_is_pointed_at(body in nearly_valid_definition()) {
        let Err(invalid) = WorkflowDraft::parse(&body) else { return Ok(()) };
        prop_assert!(!invalid.errors.is_empty());
        for error in invalid.errors {
            let parent = error.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
            let parent_is_there = body.pointer(parent).is_some_and(|parent| !parent.is_null());
            prop_assert!(parent_is_there, "{} points nowhere", error.pointer);
        }
    }

    #[test]
    fn what_is_accepted_is_stored_and_read_as_it_was(body in nearly_valid_definition()) {
        let Ok(draft) = WorkflowDraft::parse(&body) else { return Ok(()) };
        let made = Workflow::create(draft, WorkflowId(Uuid::from_u128(7)), at(0), &mut || Uuid::from_u128(1));
        prop_assert!(made.steps.is_sorted_by(|one, next| one.order < next.order));
        let read: Workflow = serde_json::from_str(&serde_json::to_string(&made).unwrap()).unwrap();
        prop_assert_eq!(&read, &made);
        let shown = WorkflowDraft::parse(&serde_json::to_value(&made).unwrap()).unwrap();
        prop_assert_eq!(made.replace(shown, at(1), &mut || Uuid::from_u128(2)), None);
        prop_assert_eq!(made.patch(&Value::Object(Default::default()), at(1), &mut || Uuid::from_u128(2)), Ok(None));
    }

    #[test]
    fn a_replaced_definition_keeps_ids_by_name_and_counts_on(old in definition(), new in definition()) {
        let old = workflow(&old);
        let fresh = workflow(&new);
        let mut ids = 1_000;
        let mut new_id = || {
            ids += 1;
            Uuid::from_u128(ids)
        };
        let Some(next) = old.replace(WorkflowDraft::parse(&new).unwrap(), at(1), &mut new_id) else { return Ok(()) };
        prop_assert_eq!((next.version, next.created_at, next.updated_at), (2, at(0), at(1)));
        prop_assert_eq!(next.step_names(), fresh.step_names());
        let old_ids: HashMap<_, _> = old.steps.iter().map(|step| (&step.name, step.id)).collect();
        for step in &next.steps {
            let kept = old_ids.get(&step.name);
            prop_assert!(kept.is_none_or(|kept| *kept == step.id));
            prop_assert_eq!(kept.is_none(), step.id.0.as_u128() > 1_000);
        }
        prop_assert_eq!(next.replace(WorkflowDraft::parse(&new).unwrap(), at(2), &mut new_id), None);
    }
}
