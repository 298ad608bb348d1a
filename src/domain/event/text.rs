//! JSON objects as texts: written field by field, and two joined into one.

use serde::Serialize;
use serde::ser::Error as _;

/// Room for most events, so that their texts are written without a move.
const EVENT_BYTES: usize = 512;

/// A JSON object whose fields are those of several, written into one buffer.
pub(super) struct ObjectText(Vec<u8>);

impl ObjectText {
    /// Begins with the fields of `first`, which is an object.
    pub(super) fn of(first: &impl Serialize) -> serde_json::Result<Self> {
        let mut text = Vec::with_capacity(EVENT_BYTES);
        serde_json::to_writer(&mut text, first)?;
        Ok(Self(text))
    }

    /// Adds the fields of `more`, which is an object too.
    pub(super) fn join(&mut self, more: &impl Serialize) -> serde_json::Result<()> {
        let Self(text) = self;
        let is_empty = text.len() <= 2;
        // Its closing brace; that which opens the other object stands there then.
        text.pop();
        let seam = text.len();
        serde_json::to_writer(&mut *text, more)?;
        if is_empty || text.len() == seam + 2 {
            text.remove(seam);
        } else {
            text[seam] = b',';
        }
        Ok(())
    }

    pub(super) fn finish(self) -> serde_json::Result<String> {
        String::from_utf8(self.0).map_err(serde_json::Error::custom)
    }
}

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_fields_of_two_objects_stand_in_one() {
        for (first, second, joined) in [
            (json!({"a": 1}), json!({"b": {"c": "ñ"}}), r#"{"a":1,"b":{"c":"ñ"}}"#),
            (json!({"a": 1}), json!({}), r#"{"a":1}"#),
            (json!({}), json!({"b": 2}), r#"{"b":2}"#),
            (json!({}), json!({}), "{}"),
        ] {
            let mut text = ObjectText::of(&first).unwrap();
            text.join(&second).unwrap();
            assert_eq!(text.finish().unwrap(), joined);
            assert_eq!(splice(&first.to_string(), &second.to_string()), joined);
        }
    }
}
