#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use chrono::{DateTime, TimeDelta};
use serde_json::json;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds))
}

fn counting_ids(from: u128) -> impl FnMut() -> Uuid {
    let mut last = from;
    move || {
        last += 1;
        Uuid::from_u128(last)
    }
}

fn workflow(body: &Value) -> Workflow {
    let draft = WorkflowDraft::parse(body).unwrap();
    Workflow::create(draft, WorkflowId(Uuid::from_u128(7)), at(0), &mut counting_ids(100))
}

/// Replaces at second 60 with new ids from 201.
fn replaced(old: &Workflow, body: &Value) -> Option<Workflow> {
    old.replace(WorkflowDraft::parse(body).unwrap(), at(60), &mut counting_ids(200))
}

fn patched_at_60(old: &Workflow, patch: &Value) -> Result<Option<Workflow>, EditError> {
    old.patch(patch, at(60), &mut counting_ids(200))
}

/// What is refused about a workflow's body: pointer and detail of each error.
fn refused(body: &Value) -> Vec<(String, String)> {
    let errors = WorkflowDraft::parse(body).unwrap_err().errors;
    errors.into_iter().map(|error| (error.pointer, error.detail)).collect()
}

fn pointers(errors: &[(String, String)]) -> Vec<&str> {
    errors.iter().map(|(pointer, _)| pointer.as_str()).collect()
}

fn invalid_pointers(refused: EditError) -> Vec<String> {
    match refused {
        EditError::Invalid(invalid) => invalid.errors.into_iter().map(|error| error.pointer).collect(),
        EditError::Conflict(detail) => panic!("a conflict: {detail}"),
    }
}

fn conflict(refused: EditError) -> String {
    match refused {
        EditError::Conflict(detail) => detail,
        EditError::Invalid(invalid) => panic!("invalid: {invalid}"),
    }
}

fn three_steps() -> Value {
    json!({"name": "w", "steps": [{"name": "a"}, {"name": "b"}, {"name": "c"}]})
}

#[test]
fn what_is_not_given_takes_its_default() {
    let workflow = workflow(&json!({"name": "w", "steps": [{"name": "Carga Usuario"}]}));
    let epoch = "1970-01-01T00:00:00.000Z";
    let (id, step_id) = (Uuid::from_u128(7), Uuid::from_u128(101));
    let expected = json!({
        "id": id, "name": "w", "description": null, "mode": "automatic", "timeout_seconds": null, "version": 1,
        "created_at": epoch, "updated_at": epoch,
        "steps": [{
            "id": step_id, "workflow_id": id, "created_at": epoch, "updated_at": epoch,
            "name": "Carga Usuario", "handler": "Carga Usuario", "order": 1, "max_visits": 1, "config": {},
            "timeout_seconds": 3600, "heartbeat_timeout_seconds": null, "end": false,
            "retry": {
                "max_attempts": 1, "initial_interval_seconds": 1, "backoff_coefficient": 2.0,
                "max_interval_seconds": 60, "jitter": true, "non_retryable_errors": [], "on_exhausted": "fail",
            },
        }],
    });
    assert_eq!(serde_json::to_value(workflow).unwrap(), expected);
}

#[test]
fn a_null_is_a_field_that_was_not_given() {
    let nulls = json!({"name": "w", "description": null, "mode": null, "timeout_seconds": null, "steps": [
        {"name": "a", "handler": null, "order": null, "max_visits": null, "config": null, "timeout_seconds": null,
         "heartbeat_timeout_seconds": null, "retry": null, "end": null},
        {"name": "b", "retry": {"max_attempts": null, "jitter": null, "non_retryable_errors": null}}]});
    assert_eq!(workflow(&nulls), workflow(&json!({"name": "w", "steps": [{"name": "a"}, {"name": "b"}]})));
}

#[test]
fn every_wrong_field_is_named_by_its_pointer() {
    let table = [
        (json!([]), vec![""]),
        (json!("w"), vec![""]),
        (json!({}), vec!["/name"]),
        (json!({"name": null}), vec!["/name"]),
        (json!({"name": 1, "mode": "magic", "timeout_seconds": 0}), vec!["/name", "/mode", "/timeout_seconds"]),
        (json!({"name": "", "description": 1, "id": "x"}), vec!["/id", "/name", "/description"]),
        (json!({"name": "w", "steps": {}}), vec!["/steps"]),
        (json!({"name": "w", "steps": [1]}), vec!["/steps/0"]),
        (json!({"name": "w", "steps": [{"name": "a"}, {"name": "b"}, {"handler": "c"}]}), vec!["/steps/2/name"]),
        (
            json!({"name": "w", "steps": [{"name": "a\u{7}"}, {"name": "x".repeat(129)}]}),
            vec!["/steps/0/name", "/steps/1/name"],
        ),
    ];
    for (body, expected) in table {
        assert_eq!(pointers(&refused(&body)), expected, "{body}");
    }
}

#[test]
fn every_wrong_field_of_a_step_is_named_by_its_pointer() {
    let table = [
        (json!({"handler": "a/b"}), "/handler"),
        (json!({"handler": ".."}), "/handler"),
        (json!({"handler": ""}), "/handler"),
        (json!({"name": "a/b"}), "/handler"),
        (json!({"order": -1}), "/order"),
        (json!({"order": 1.5}), "/order"),
        (json!({"order": "1"}), "/order"),
        (json!({"max_visits": 0}), "/max_visits"),
        (json!({"max_visits": true}), "/max_visits"),
        (json!({"config": []}), "/config"),
        (json!({"config": {"a": [{"$payload": {}}]}}), "/config"),
        (json!({"timeout_seconds": -1}), "/timeout_seconds"),
        (json!({"heartbeat_timeout_seconds": "5"}), "/heartbeat_timeout_seconds"),
        (json!({"end": 1}), "/end"),
        (json!({"retry": 3}), "/retry"),
        (json!({"retry": {"max_attempts": 0}}), "/retry/max_attempts"),
        (json!({"retry": {"backoff_coefficient": 0.5}}), "/retry/backoff_coefficient"),
        (json!({"retry": {"max_interval_seconds": 0.5}}), "/retry/max_interval_seconds"),
        (json!({"retry": {"on_exhausted": "explode"}}), "/retry/on_exhausted"),
        (json!({"retry": {"non_retryable_errors": [503]}}), "/retry/non_retryable_errors"),
        (json!({"retry": {"attempts": 3}}), "/retry/attempts"),
    ];
    for (wrong, pointer) in table {
        let mut step = as_object(json!({"name": "b"}));
        step.extend(as_object(wrong.clone()));
        let body = json!({"name": "w", "steps": [{"name": "a"}, step]});
        assert_eq!(pointers(&refused(&body)), [format!("/steps/1{pointer}")], "{wrong}");
    }
}

#[test]
fn an_unknown_field_is_refused_by_its_name() {
    let body = json!({"name": "w", "stesp": [], "steps": [{"name": "a", "max_visit": 2, "a/b~c": 1}]});
    let errors = refused(&body);
    assert_eq!(pointers(&errors), ["/steps/0/a~1b~0c", "/steps/0/max_visit", "/stesp"]);
    assert!(errors[1].1.contains("max_visit"), "{errors:?}");
}

#[test]
fn a_config_that_is_too_deep_to_be_kept_is_refused() {
    let config = (0..101).fold(json!({}), |inner, _| json!({"a": inner}));
    let errors = refused(&json!({"name": "w", "steps": [{"name": "a", "config": config}]}));
    assert_eq!(pointers(&errors), ["/steps/0/config"]);
}

#[test]
fn repeated_names_and_orders_are_refused_where_they_come_again() {
    let names = json!({"name": "w", "steps": [{"name": "a"}, {"name": "b"}, {"name": "a"}]});
    let expected = ("/steps/2/name".to_owned(), "is the same as the name of /steps/0".to_owned());
    assert_eq!(refused(&names), [expected]);
    let orders = json!({"name": "w", "steps": [{"name": "a", "order": 2}, {"name": "b"}]});
    let expected = ("/steps/1/order".to_owned(), "is the same as the order of /steps/0".to_owned());
    assert_eq!(refused(&orders), [expected]);
}

#[test]
fn steps_stand_in_their_order() {
    let body = json!({"name": "w", "steps": [{"name": "a", "order": 9}, {"name": "b"}, {"name": "c", "order": 0}]});
    assert_eq!(workflow(&body).step_names(), ["c", "b", "a"]);
}

#[test]
fn the_same_definition_again_makes_no_new_version() {
    let old = workflow(&three_steps());
    assert_eq!(replaced(&old, &three_steps()), None);
    let shown = serde_json::to_value(&old).unwrap();
    assert_eq!(replaced(&old, &shown), None, "what a GET shows is the same definition");
    let in_another_place = json!({"name": "w", "steps": [
        {"name": "c", "order": 3}, {"name": "a", "order": 1}, {"name": "b", "order": 2, "max_visits": 1.0}]});
    assert_eq!(replaced(&old, &in_another_place), None, "the order counts, not the place in the list");
}

#[test]
fn replaced_steps_keep_their_ids_by_name() {
    let old = workflow(&three_steps());
    let body = json!({"name": "w2", "steps": [{"name": "c"}, {"name": "new"}, {"name": "b", "order": 7}]});
    let new = replaced(&old, &body).unwrap();
    let ids: Vec<u128> = new.steps.iter().map(|step| step.id.0.as_u128()).collect();
    assert_eq!((new.version, new.created_at, new.updated_at), (2, at(0), at(60)));
    assert_eq!((new.step_names(), ids), (vec!["c".into(), "new".into(), "b".into()], vec![103, 202, 102]));
    let times: Vec<_> = new.steps.iter().map(|step| (step.created_at, step.updated_at)).collect();
    assert_eq!(times, [(at(0), at(60)), (at(60), at(60)), (at(0), at(60))]);
}

#[test]
fn an_unchanged_step_keeps_its_times() {
    let old = workflow(&three_steps());
    let body = json!({"name": "w", "steps": [{"name": "a"}, {"name": "b", "end": true}, {"name": "c"}]});
    let updated: Vec<_> = replaced(&old, &body).unwrap().steps.iter().map(|step| step.updated_at).collect();
    assert_eq!(updated, [at(0), at(60), at(0)]);
}

#[test]
fn a_patch_changes_what_it_names_and_a_null_puts_the_default_back() {
    let old = workflow(&json!({"name": "w", "description": "d", "mode": "manual", "steps": [{"name": "a"}]}));
    let new = patched_at_60(&old, &json!({"mode": null, "timeout_seconds": 5})).unwrap().unwrap();
    assert_eq!((new.mode, new.description.as_deref(), new.version), (Mode::Automatic, Some("d"), 2));
    assert_eq!(new.steps, old.steps);
    assert_eq!(patched_at_60(&old, &json!({"mode": "manual"})), Ok(None));
    assert_eq!(patched_at_60(&old, &json!({})), Ok(None));
}

#[test]
fn a_patch_with_an_unknown_field_is_refused_even_if_it_is_null() {
    let old = workflow(&three_steps());
    for patch in [json!({"modus": null}), json!({"modus": 1})] {
        assert_eq!(invalid_pointers(patched_at_60(&old, &patch).unwrap_err()), ["/modus"]);
    }
    assert_eq!(invalid_pointers(patched_at_60(&old, &json!({"name": null})).unwrap_err()), ["/name"]);
    assert_eq!(invalid_pointers(patched_at_60(&old, &json!([])).unwrap_err()), [""]);
    let id = old.steps[0].id;
    assert_eq!(invalid_pointers(old.patch_step(id, &json!({"foo": null}), at(60)).unwrap_err()), ["/foo"]);
}

#[test]
fn a_patched_step_keeps_its_id_and_what_the_patch_does_not_name() {
    let old = workflow(&json!({"name": "w", "steps": [{"name": "a", "config": {"k": 1}, "max_visits": 3}]}));
    let id = old.steps[0].id;
    let new = old.patch_step(id, &json!({"name": "z", "max_visits": null}), at(60)).unwrap().unwrap();
    let step = &new.steps[0];
    assert_eq!((step.id, step.name.as_str(), step.handler.as_str(), step.max_visits), (id, "z", "a", 1));
    assert_eq!((&step.config, new.version, step.updated_at), (&old.steps[0].config, 2, at(60)));
    assert_eq!(old.patch_step(id, &json!({"name": "a", "order": 1}), at(60)), Ok(None));
}

#[test]
fn a_patched_or_new_step_that_collides_is_a_conflict() {
    let old = workflow(&three_steps());
    let id = old.steps[1].id;
    for patch in [json!({"name": "a"}), json!({"order": 3})] {
        conflict(old.patch_step(id, &patch, at(60)).unwrap_err());
    }
    for body in [json!({"name": "a"}), json!({"name": "d", "order": 1})] {
        conflict(old.add_step(&body, StepId(Uuid::nil()), at(60)).unwrap_err());
    }
}

#[test]
fn a_new_step_goes_to_the_end_unless_it_says_where() {
    let old = workflow(&json!({"name": "w", "steps": [{"name": "a", "order": 5}]}));
    let last = old.add_step(&json!({"name": "z"}), StepId(Uuid::nil()), at(60)).unwrap();
    assert_eq!((last.step_names(), last.steps[1].order, last.version), (vec!["a".into(), "z".into()], 6, 2));
    let first = old.add_step(&json!({"name": "z", "order": 0}), StepId(Uuid::nil()), at(60)).unwrap();
    assert_eq!(first.step_names(), ["z", "a"]);
}

#[test]
fn a_new_step_behind_the_largest_order_has_to_say_where() {
    let old = workflow(&json!({"name": "w", "steps": [{"name": "a", "order": 1_000_000}]}));
    let refused = old.add_step(&json!({"name": "z"}), StepId(Uuid::nil()), at(60)).unwrap_err();
    assert_eq!(invalid_pointers(refused), ["/order"]);
    assert!(old.add_step(&json!({"name": "z", "order": 3}), StepId(Uuid::nil()), at(60)).is_ok());
}

#[test]
fn a_removed_step_leaves_the_others_as_they_were() {
    let old = workflow(&three_steps());
    let new = old.remove_step(old.steps[1].id, at(60));
    assert_eq!((new.step_names(), new.version, new.steps[1].order), (vec!["a".into(), "c".into()], 2, 3));
}

#[test]
fn a_name_goes_before_a_handler_and_a_shared_handler_is_the_preferred_step() {
    let workflow = workflow(&json!({"name": "w", "steps": [
        {"name": "a", "handler": "b"}, {"name": "b", "handler": "shared"}, {"name": "c", "handler": "shared"}]}));
    assert_eq!(workflow.find_step("b", |_| false), Some(1));
    assert_eq!(workflow.find_step("b", |place| place == 0), Some(1));
    assert_eq!(workflow.find_step("shared", |_| false), Some(1));
    assert_eq!(workflow.find_step("shared", |place| place == 2), Some(2));
    assert_eq!(workflow.find_step("nobody", |_| true), None);
}
