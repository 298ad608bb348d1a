//! Long strings, such as documents in base64: found in JSON, named by their SHA-256, and put back.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::{ExecutionId, FieldError, Invalid, JSON_DEPTH_MAX, PAYLOAD_KEY, is_deeper_than};

/// The SHA-256 of a string's UTF-8, which names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Hash(pub [u8; 32]);

impl Sha256Hash {
    /// The hash of `text`.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A long string that was taken out of some JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// Its name.
    pub hash: Sha256Hash,
    /// The string itself.
    pub text: Arc<str>,
}

/// Refuses JSON that holds, at any depth, the key that only Discovery writes, or that is too deep to be kept.
///
/// Whoever could write that key could name somebody else's document.
pub fn refuse_references(value: &Value) -> Result<(), Invalid> {
    if is_deeper_than(JSON_DEPTH_MAX, value) {
        return Err(Invalid::one("", format!("must not be nested deeper than {JSON_DEPTH_MAX} levels")));
    }
    match find_reference(value) {
        Some(pointer) => Err(reserved(pointer)),
        None => Ok(()),
    }
}

fn reserved(pointer: String) -> Invalid {
    Invalid { errors: vec![FieldError::new(pointer, format!("must not be there: `{PAYLOAD_KEY}` is a reserved key"))] }
}

fn find_reference(value: &Value) -> Option<String> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, value)| {
            let segment = || key.replace('~', "~0").replace('/', "~1");
            if key == PAYLOAD_KEY {
                return Some(format!("/{}", segment()));
            }
            find_reference(value).map(|deeper| format!("/{}{deeper}", segment()))
        }),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(place, item)| find_reference(item).map(|deeper| format!("/{place}{deeper}")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Takes every string longer than `longest` bytes out of `value`, leaves a reference in its place, and gives the strings.
pub fn extract(execution: ExecutionId, value: &mut Value, longest: usize) -> Vec<Payload> {
    let mut found = Vec::new();
    take_out(execution, value, longest, &mut found);
    found
}

fn take_out(execution: ExecutionId, value: &mut Value, longest: usize, found: &mut Vec<Payload>) {
    match value {
        Value::String(text) if text.len() > longest => {
            let text: Arc<str> = Arc::from(std::mem::take(text));
            let hash = Sha256Hash::of(&text);
            *value = reference(execution, hash, text.len());
            if found.iter().all(|payload| payload.hash != hash) {
                found.push(Payload { hash, text });
            }
        }
        Value::Object(map) => map.values_mut().for_each(|value| take_out(execution, value, longest, found)),
        Value::Array(items) => items.iter_mut().for_each(|item| take_out(execution, item, longest, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn reference(execution: ExecutionId, hash: Sha256Hash, bytes: usize) -> Value {
    let hash = hash.to_string();
    let url = format!("/executions/{execution}/payloads/{hash}");
    json!({PAYLOAD_KEY: {"sha256": hash, "bytes": bytes, "url": url}})
}

/// The hash that `value` refers to, if it is a reference.
fn referred(value: &Value) -> Option<Sha256Hash> {
    let hash = value.as_object()?.get(PAYLOAD_KEY)?.get("sha256")?.as_str()?;
    Sha256Hash::parse(hash)
}

/// Adds the hash of every string that `value` refers to.
pub fn collect_references(value: &Value, hashes: &mut Vec<Sha256Hash>) {
    if let Some(hash) = referred(value) {
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
        return;
    }
    match value {
        Value::Object(map) => map.values().for_each(|value| collect_references(value, hashes)),
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, hashes)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The strings that references stand for.
pub type Payloads = HashMap<Sha256Hash, Arc<str>>;

/// Serialises a value with the strings back in the places of their references.
#[derive(Debug)]
pub struct Inlined<'a> {
    /// The value with references.
    pub value: &'a Value,
    /// What they stand for; a reference that is not among them is left as it is.
    pub payloads: &'a Payloads,
}

impl Serialize for Inlined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = referred(self.value).and_then(|hash| self.payloads.get(&hash)) {
            return serializer.serialize_str(text);
        }
        let inlined = |value| Inlined { value, payloads: self.payloads };
        match self.value {
            Value::Object(map) => {
                let mut object = serializer.serialize_map(Some(map.len()))?;
                map.iter().try_for_each(|(key, value)| object.serialize_entry(key, &inlined(value)))?;
                object.end()
            }
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&inlined(item)))?;
                list.end()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => self.value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_long_string_goes_out_and_comes_back() {
        let long = "ñ".repeat(20);
        let original = json!({"a": [{"b": long}, long, "short"], "n": 1});
        let mut value = original.clone();
        let found = extract(ExecutionId(Uuid::nil()), &mut value, 39);
        assert_eq!(found.len(), 1, "the same string is kept once");
        let reference = &value["a"][1][PAYLOAD_KEY];
        assert_eq!(reference["bytes"], 40);
        assert_eq!(reference["url"], format!("/executions/{}/payloads/{}", Uuid::nil(), found[0].hash));
        let payloads = found.into_iter().map(|payload| (payload.hash, payload.text)).collect();
        let inlined = Inlined { value: &value, payloads: &payloads };
        assert_eq!(serde_json::to_value(inlined).unwrap(), original);
    }

    #[test]
    fn json_that_is_too_deep_to_be_kept_is_refused() {
        let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        assert!(refuse_references(&nested(JSON_DEPTH_MAX)).is_ok());
        let refused = refuse_references(&nested(JSON_DEPTH_MAX + 1)).unwrap_err();
        assert_eq!(refused.to_string(), "the body must not be nested deeper than 100 levels.");
    }

    #[test]
    fn a_reserved_key_is_found_however_deep() {
        let refused = refuse_references(&json!({"a/b": [1, {"$payload": {}}]})).unwrap_err();
        assert_eq!(refused.errors[0].pointer, "/a~1b/1/$payload");
    }
}
