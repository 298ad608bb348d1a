//! JSON of the replaced service as ours: with long strings taken out, and nothing in it that only Discovery writes.

use serde_json::{Map, Value};

use crate::domain::{ExecutionId, JSON_DEPTH_MAX, PAYLOAD_KEY, contains_payload, is_deeper_than};
use crate::limits::PAYLOAD_BYTES;
use crate::payload::{Payload, extract};

/// What a key that only Discovery writes is called instead.
const RENAMED_PAYLOAD_KEY: &str = "payload";

/// Reads the JSON of one execution and gathers the long strings in it.
#[derive(Debug)]
pub(super) struct Reader {
    execution: ExecutionId,
    pub(super) payloads: Vec<Payload>,
    /// What was not taken over as it was.
    pub(super) notes: Vec<String>,
}

impl Reader {
    pub(super) fn new(execution: ExecutionId) -> Self {
        Self { execution, payloads: Vec::new(), notes: Vec::new() }
    }

    fn whole(&mut self, text: &str) -> Value {
        let read = serde_json::from_str(text).ok().filter(|value| !is_deeper_than(JSON_DEPTH_MAX, value));
        let Some(mut value) = read else {
            self.note("holds JSON that is too deep or has too large a number; it is kept as text");
            return Value::String(text.to_owned());
        };
        if contains_payload(&value) {
            self.note("holds the key `$payload`, which is reserved; it becomes `payload`");
            rename_reserved(&mut value);
        }
        value
    }

    /// The value that `text` is, with a reference in the place of each long string.
    pub(super) fn value(&mut self, text: &str) -> Value {
        let mut value = self.whole(text);
        for payload in extract(self.execution, &mut value, PAYLOAD_BYTES) {
            if self.payloads.iter().all(|known| known.hash != payload.hash) {
                self.payloads.push(payload);
            }
        }
        value
    }

    /// The object that the text of the column `name` is; anything else stands in one under that name.
    pub(super) fn object(&mut self, name: &str, text: Option<&str>) -> Map<String, Value> {
        match text.map_or(Value::Null, |text| self.value(text)) {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                self.note(&format!("has a {name} that is no object; it stands in one, under the key `{name}`"));
                Map::from_iter([(name.to_owned(), other)])
            }
        }
    }

    fn note(&mut self, what: &str) {
        self.notes.push(format!("execution {} {what}", self.execution));
    }
}

fn rename_reserved(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(reserved) = map.remove(PAYLOAD_KEY) {
                map.entry(RENAMED_PAYLOAD_KEY).or_insert(reserved);
            }
            map.values_mut().for_each(rename_reserved);
        }
        Value::Array(items) => items.iter_mut().for_each(rename_reserved),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
