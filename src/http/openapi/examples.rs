//! Examples for bodies and answers, taken from real ones.

use serde_json::{Value, json};

use super::complete::operations_mut;

/// By schema; of problems, by status.
const TEXT: &str = include_str!("examples.json");

/// Gives every body that has an example here, and none of its own, its example.
pub(super) fn add(document: &mut Value) -> Result<(), String> {
    let examples: Value = serde_json::from_str(TEXT).map_err(|error| error.to_string())?;
    for (_, _, operation) in operations_mut(document) {
        if let Some(body) = operation.get_mut("requestBody") {
            add_to(body, "", &examples);
        }
        let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
        for (status, response) in responses.into_iter().flatten() {
            add_to(response, status, &examples);
        }
    }
    Ok(())
}

fn add_to(body: &mut Value, status: &str, examples: &Value) {
    for (_, media) in body.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
        let found = example_of(&media["schema"], status, examples);
        if let (Some(example), Some(media)) = (found, media.as_object_mut()) {
            media.entry("example").or_insert(example);
        }
    }
}

fn example_of(schema: &Value, status: &str, examples: &Value) -> Option<Value> {
    if let Some(name) = schema["$ref"].as_str() {
        return match name.rsplit('/').next()? {
            "Problem" => examples["Problem"].get(status).cloned(),
            name => examples.get(name).cloned(),
        };
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices.iter().find_map(|choice| example_of(choice, status, examples));
    }
    match schema["type"].as_str() {
        Some("array") => Some(json!([example_of(&schema["items"], status, examples)?])),
        Some("string") => Some(json!("JVBERi0xLjQK…")),
        _ => None,
    }
}
