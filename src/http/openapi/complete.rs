//! What holds for every operation alike, so that no handler repeats it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::http::problem::PROBLEM_JSON;

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];
const SCHEMAS: &str = "#/components/schemas/";
/// Definitions: an unknown field in one is refused.
const CLOSED: [&str; 3] = ["Retry", "StepBody", "WorkflowBody"];
/// Bodies of answers that leave out what they do not know; all others hold every field.
const SPARSE: [&str; 7] =
    ["AvailableStep", "AvailableSteps", "Event", "Problem", "RecordedCompletion", "RecordedProgress", "StepError"];

type Object = Map<String, Value>;

/// Completes the description that the handlers gave.
pub(super) fn complete(document: &mut Value) {
    close_definitions(document);
    describe_patches(document);
    let written = written_by_clients(document);
    require_fields_of_answers(document, &written);
    let optional: BTreeSet<String> = written.into_iter().filter(|name| requires_nothing(document, name)).collect();
    for (path, _, operation) in operations_mut(document) {
        name_after_its_tag(operation);
        describe_parameters(&path, operation);
        describe_body(operation, &optional);
        describe_errors(operation);
        describe_replays(operation);
    }
}

/// Every operation with its path and method.
pub(super) fn operations_mut(document: &mut Value) -> impl Iterator<Item = (String, String, &mut Object)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object_mut().into_iter().flatten();
        methods
            .filter(|(method, _)| METHODS.contains(&method.as_str()))
            .filter_map(move |(method, operation)| Some((path.clone(), method.clone(), operation.as_object_mut()?)))
    })
}

fn schemas_mut(document: &mut Value) -> Option<&mut Object> {
    document.pointer_mut("/components/schemas")?.as_object_mut()
}

fn close_definitions(document: &mut Value) {
    for name in CLOSED {
        if let Some(schema) = schemas_mut(document).and_then(|schemas| schemas.get_mut(name)) {
            schema["additionalProperties"] = json!(false);
        }
    }
}

/// A PATCH of a `…Body` takes what a creation takes, and every field may be left out.
fn describe_patches(document: &mut Value) {
    let mut patched = BTreeSet::new();
    for (_, method, operation) in operations_mut(document) {
        let bodies = operation.get_mut("requestBody").and_then(|body| body.get_mut("content")?.as_object_mut());
        for media in bodies.into_iter().flatten().map(|(_, media)| media).filter(|_| method == "patch") {
            let name = media["schema"]["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS));
            if let Some(stem) = name.and_then(|name| name.strip_suffix("Body")).map(str::to_owned) {
                media["schema"]["$ref"] = Value::from(format!("{SCHEMAS}{stem}Patch"));
                patched.insert(stem);
            }
        }
    }
    for stem in patched {
        let Some(schemas) = schemas_mut(document) else { return };
        let Some(mut schema) = schemas.get(&format!("{stem}Body")).cloned() else { continue };
        schema["description"] = json!("The fields to change; null puts the default back.");
        schema.as_object_mut().map(|schema| schema.remove("required"));
        schemas.insert(format!("{stem}Patch"), schema);
    }
}

/// The schemas that bodies of requests are made of.
fn written_by_clients(document: &mut Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, _, operation) in operations_mut(document) {
        collect_references(operation.get("requestBody").unwrap_or(&Value::Null), &mut found);
    }
    let mut unread: Vec<String> = found.iter().cloned().collect();
    while let Some(name) = unread.pop() {
        let mut inside = BTreeSet::new();
        collect_references(&document["components"]["schemas"][&name], &mut inside);
        unread.extend(inside.difference(&found).cloned());
        found.extend(inside);
    }
    found
}

fn collect_references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let name = map.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(SCHEMAS));
            names.extend(name.map(str::to_owned));
            map.values().for_each(|value| collect_references(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn require_fields_of_answers(document: &mut Value, written: &BTreeSet<String>) {
    for (name, schema) in schemas_mut(document).into_iter().flatten() {
        if written.contains(name) || SPARSE.contains(&name.as_str()) {
            continue;
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            schema["required"] = properties.keys().cloned().collect();
        }
    }
}

/// Handlers of different nouns share names; what clients generate from the document must not.
fn name_after_its_tag(operation: &mut Object) {
    let tag = operation.get("tags").and_then(|tags| tags.get(0)?.as_str());
    let name = operation.get("operationId").and_then(Value::as_str);
    if let (Some(tag), Some(name)) = (tag, name) {
        let id = Value::from(format!("{tag}_{name}"));
        operation.insert("operationId".to_owned(), id);
    }
}

fn describe_parameters(path: &str, operation: &mut Object) {
    let of = match path.split('/').nth(1) {
        Some("workflows") => "The workflow's id",
        Some("steps") => "The step's id",
        _ => "The execution's id",
    };
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["name"] == "id" {
            parameter["description"] = json!(of);
        }
        // A parameter is left out; no URL holds a null.
        if let Some(kind) = parameter["schema"]["type"].as_array().and_then(|kinds| kinds.first().cloned()) {
            parameter["schema"]["type"] = kind;
        }
    }
}

fn requires_nothing(document: &Value, schema: &str) -> bool {
    document["components"]["schemas"][schema].get("required").is_none()
}

/// An empty body counts as `{}`, so that one may be left out where nothing in it is required; null is no body.
fn describe_body(operation: &mut Object, optional: &BTreeSet<String>) {
    let Some(body) = operation.get_mut("requestBody") else { return };
    let mut required = true;
    for (_, media) in body.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
        let choices = media["schema"]["oneOf"].as_array();
        if let Some(chosen) = choices.and_then(|choices| choices.iter().find(|choice| choice.get("$ref").is_some())) {
            media["schema"] = chosen.clone();
        }
        let name = media["schema"]["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS));
        required &= !name.is_some_and(|name| optional.contains(name));
    }
    body["required"] = json!(required);
}

/// The one header of an answer that is not always there, and what asks for it.
fn describe_replays(operation: &mut Object) {
    for response in operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten() {
        if let Some(header) = response.1.pointer_mut("/headers/Idempotent-Replayed") {
            header["required"] = json!(false);
            header["schema"] = json!({"type": "string", "enum": ["true"]});
        }
    }
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["name"] == "Idempotency-Key" {
            parameter["description"] =
                json!("Starts one execution of the workflow: the same key and body again answer that one");
            parameter["schema"] = json!({"type": "string", "minLength": 1, "maxLength": 255});
        }
    }
}

/// Gives every error its body, and every operation the errors that any may end in.
fn describe_errors(operation: &mut Object) {
    let is_of_service = operation.get("tags").and_then(|tags| tags.get(0)) == Some(&json!("service"));
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    if !is_of_service {
        let busy = json!({"description": "Overloaded, or the database does not answer in time"});
        responses.entry("503").or_insert(busy);
        let failed = json!({"description": "Discovery's own fault; its log says why"});
        responses.entry("500").or_insert(failed);
    }
    for (status, response) in responses {
        if status == "503" || status == "429" {
            let schema = json!({"type": "integer", "minimum": 1});
            response["headers"]["Retry-After"] = json!({"description": "In how many seconds", "schema": schema});
        }
        if status.starts_with(['4', '5']) && response.get("content").is_none() {
            let schema = json!({"$ref": format!("{SCHEMAS}Problem")});
            response["content"] = json!({PROBLEM_JSON: {"schema": schema}});
        }
    }
}
