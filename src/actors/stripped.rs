//! Events without contexts, for those who watch all executions.

use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The fields that hold contexts, and those in which they may be.
const CONTEXTS: [&str; 2] = ["context", "final_context"];
const HOLDERS: [&str; 1] = ["result"];

/// The fields of an object, in their order, as they were written.
struct Fields<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Vec<(&'de str, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor).map(Fields)
    }
}

/// The event `text` without the contexts in it, everything else byte for byte.
pub(super) fn without_contexts(text: &Arc<str>) -> Arc<str> {
    if !CONTEXTS.iter().any(|name| text.contains(&format!("\"{name}\":"))) {
        return Arc::clone(text);
    }
    stripped(text, &HOLDERS).map_or_else(|| Arc::clone(text), Arc::from)
}

/// `None` where it is no object with plain names, and so no event.
fn stripped(text: &str, holders: &[&str]) -> Option<String> {
    let Fields(fields) = serde_json::from_str(text).ok()?;
    let mut kept = String::with_capacity(text.len().min(1_024));
    for (name, value) in fields.into_iter().filter(|(name, _)| !CONTEXTS.contains(name)) {
        kept.push(if kept.is_empty() { '{' } else { ',' });
        let inner = if holders.contains(&name) { stripped(value.get(), &[]) } else { None };
        kept.push_str(&format!("\"{name}\":"));
        kept.push_str(inner.as_deref().unwrap_or(value.get()));
    }
    kept.push_str(if kept.is_empty() { "{}" } else { "}" });
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_left_out_and_the_rest_stays_as_it_was() {
        let cases = [
            (r#"{"event":"a","context":{"x":[1,{}]},"n":1.50}"#, r#"{"event":"a","n":1.50}"#),
            (r#"{"final_context":{},"error":{"context":1}}"#, r#"{"error":{"context":1}}"#),
            (r#"{"result":{"data":{"context":1},"context":{"a":1}}}"#, r#"{"result":{"data":{"context":1}}}"#),
            (r#"{"result":{"context":{}}}"#, r#"{"result":{}}"#),
            (r#"{"step":"\"context\":"}"#, r#"{"step":"\"context\":"}"#),
        ];
        for (text, expected) in cases {
            assert_eq!(&*without_contexts(&Arc::from(text)), expected);
        }
    }
}
