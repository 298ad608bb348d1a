//! JSON objects as texts: written field by field, and two joined into one.

use serde::Serialize;

/// A JSON object that is written field by field.
#[derive(Default)]
pub(super) struct PrivateJson(String);

impl PrivateJson {
    pub(super) fn put(&mut self, key: &'static str, value: &impl Serialize) -> serde_json::Result<()> {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        // The keys are ours: plain words that need no escaping.
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
        self.0.push_str(&serde_json::to_string(value)?);
        Ok(())
    }

    pub(super) fn put_some(&mut self, key: &'static str, value: Option<&impl Serialize>) -> serde_json::Result<()> {
        value.map_or(Ok(()), |value| self.put(key, value))
    }

    pub(super) fn finish(mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0)
    }
}

/// The fields of the JSON object `second` behind those of the JSON object `first`.
pub(super) fn splice(first: &str, second: &str) -> String {
    let mut text = String::with_capacity(first.len() + second.len());
    text.push_str(&first[..first.len() - 1]);
    if second.len() > 2 && first.len() > 2 {
        text.push(',');
    }
    text.push_str(&second[1..]);
    text
}
