//! What can be told of an input from outside: an input that leads to something new is worth to be varied further.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

/// How much of a sentence counts, in characters.
const SENTENCE_CHARS_MAX: usize = 60;

/// What an input led to, each thing as a hash.
#[derive(Clone, Debug, Default)]
pub struct Signs(HashSet<u64>);

impl Signs {
    /// Notes that something was seen.
    pub(crate) fn see(&mut self, thing: impl Hash) {
        let mut hasher = DefaultHasher::new();
        thing.hash(&mut hasher);
        self.0.insert(hasher.finish());
    }

    /// Notes what an answer says: the fields that it has, and the sentence, but not what was quoted in it.
    pub(crate) fn see_answer(&mut self, asked: impl Hash + Copy, status: u16, body: &Value) {
        self.see((asked, status));
        for (key, value) in body.as_object().into_iter().flatten() {
            let kind = match value {
                Value::Null => 0,
                Value::Bool(_) => 1,
                Value::Number(_) => 2,
                Value::String(_) => 3,
                Value::Array(items) => 4 + items.len().min(3),
                Value::Object(map) => 8 + map.len().min(3),
            };
            self.see((asked, status, key, kind));
        }
        for key in ["detail", "status", "waiting_for", "event"] {
            self.see((asked, key, body[key].as_str().map(gist)));
        }
    }

    /// Notes the kind of sentence that this is.
    pub(crate) fn see_sentence(&mut self, sentence: &str) {
        self.see(gist(sentence));
    }

    /// What was seen.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }
}

/// The letters of a sentence without what is quoted in it.
fn gist(sentence: &str) -> String {
    let plain = sentence.split(['`', '"', '\'']).step_by(2).flat_map(str::chars);
    plain.filter(char::is_ascii_alphabetic).take(SENTENCE_CHARS_MAX).collect()
}
