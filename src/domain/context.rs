//! The data of an execution: what it started with and what its steps made of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fields;
use super::id::ExecutionId;
use super::invalid::Invalid;

/// The key under which a long string's reference stands in its place.
pub const PAYLOAD_KEY: &str = "$payload";
/// How many objects and lists may lie in one another in JSON that comes in.
///
/// What is read is written again a few levels deeper, as part of an event, and has to be read from there: readers of
/// JSON, our own among them, give up at 128.
pub const JSON_DEPTH_MAX: usize = 100;
/// The key of the execution's id, which nobody but Discovery sets.
const EXECUTION_ID: &str = "execution_id";
/// The key under which steps find the start data a second time, and leave their results.
const DYNAMIC_PROPERTIES: &str = "dynamic_properties";

/// A JSON object whose values are shared: a clone costs nothing, a merge only its own keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Context(Arc<BTreeMap<Arc<str>, Arc<Value>>>);

impl Context {
    /// The context that `execution` begins with.
    ///
    /// The data stands in it twice, because real steps read both places; a long string only once.
    pub fn initial(execution: ExecutionId, data: &StartData) -> Self {
        let mut dynamic = Map::new();
        for (key, value) in &data.fields {
            if key != EXECUTION_ID && key != DYNAMIC_PROPERTIES && !contains_payload(value) {
                dynamic.insert(key.clone(), value.clone());
            }
        }
        if let Some(Value::Object(given)) = data.fields.get(DYNAMIC_PROPERTIES) {
            dynamic.extend(given.clone());
        }
        let mut context = data.fields.clone();
        context.insert(EXECUTION_ID.to_owned(), json!(execution));
        context.insert(DYNAMIC_PROPERTIES.to_owned(), Value::Object(dynamic));
        Self::from(context)
    }

    /// What `answer` adds to this context or changes in it; the execution's id is never changed.
    pub fn changes_by(&self, answer: &Self) -> Self {
        let changed = answer
            .0
            .iter()
            .filter(|(key, value)| &***key != EXECUTION_ID && self.0.get(*key) != Some(value))
            .map(|(key, value)| (Arc::clone(key), Arc::clone(value)));
        Self(Arc::new(changed.collect()))
    }

    /// Puts `changes` over this context, key by key.
    pub fn merge(&mut self, changes: &Self) {
        if changes.is_empty() {
            return;
        }
        let map = Arc::make_mut(&mut self.0);
        for (key, value) in changes.0.iter() {
            map.insert(Arc::clone(key), Arc::clone(value));
        }
    }

    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).map(Arc::as_ref)
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }
}

impl From<Map<String, Value>> for Context {
    fn from(map: Map<String, Value>) -> Self {
        Self(Arc::new(map.into_iter().map(|(key, value)| (Arc::from(key), Arc::new(value))).collect()))
    }
}

/// Whether `value` is or holds, however deep, a reference to a long string.
pub fn contains_payload(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key(PAYLOAD_KEY) || map.values().any(contains_payload),
        Value::Array(items) => items.iter().any(contains_payload),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether more than `levels` objects and lists lie in one another in `value`.
pub fn is_deeper_than(levels: usize, value: &Value) -> bool {
    let Some(left) = levels.checked_sub(1) else { return value.is_object() || value.is_array() };
    match value {
        Value::Object(map) => map.values().any(|value| is_deeper_than(left, value)),
        Value::Array(items) => items.iter().any(|item| is_deeper_than(left, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The data that a client starts an execution with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartData {
    fields: Map<String, Value>,
}

impl StartData {
    /// Takes `fields` if its `dynamic_properties`, where it has them, are an object; `pointer` is where it stands.
    pub fn new(pointer: &str, mut fields: Map<String, Value>) -> Result<Self, Invalid> {
        match fields.get(DYNAMIC_PROPERTIES) {
            Some(Value::Null) => drop(fields.remove(DYNAMIC_PROPERTIES)),
            Some(value) => drop(
                fields::object(value)
                    .map_err(|detail| Invalid::one(format!("{pointer}/{DYNAMIC_PROPERTIES}"), detail))?,
            ),
            None => {}
        }
        Ok(Self { fields })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn start(data: Value) -> Context {
        let Value::Object(fields) = data else { panic!("an object") };
        Context::initial(ExecutionId(Uuid::nil()), &StartData::new("", fields).unwrap())
    }

    #[test]
    fn the_data_stands_in_both_places() {
        let context = start(json!({"a": 1, "dynamic_properties": {"b": 2, "a": 3}, "execution_id": "mine"}));
        let expected = json!({
            "execution_id": Uuid::nil(), "a": 1, "dynamic_properties": {"a": 3, "b": 2},
        });
        assert_eq!(serde_json::to_value(&context).unwrap(), expected);
    }

    #[test]
    fn a_field_that_holds_a_document_is_not_repeated() {
        let document = json!({"deep": [{"$payload": {"sha256": "…"}}]});
        let context = start(json!({"documento": document, "nombre": "x"}));
        assert_eq!(context.get("documento"), Some(&document));
        assert_eq!(context.get("dynamic_properties"), Some(&json!({"nombre": "x"})));
    }

    #[test]
    fn a_merge_is_shallow_and_keeps_the_id() {
        let mut context = start(json!({"a": {"x": 1}, "b": 1}));
        let answer = json!({"a": {"y": 2}, "b": 1, "c": null, "execution_id": "forged"});
        let answer: Context = serde_json::from_value(answer).unwrap();
        let changes = context.changes_by(&answer);
        assert_eq!(serde_json::to_value(&changes).unwrap(), json!({"a": {"y": 2}, "c": null}));
        context.merge(&changes);
        assert_eq!(context.get("a"), Some(&json!({"y": 2})));
        assert_eq!(context.get("execution_id"), Some(&json!(Uuid::nil())));
    }
}
