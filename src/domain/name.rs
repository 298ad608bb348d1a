//! Names that are fit to be shown, stored and put into a URL.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 128;

fn check_name(name: &str) -> Result<(), String> {
    let chars = name.chars().count();
    if chars == 0 || chars > NAME_CHARS_MAX {
        return Err(format!("must have 1 to {NAME_CHARS_MAX} characters"));
    }
    if name.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(())
}

/// What people see of a workflow or a step: 1 to 128 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// Takes `name` if it is fit; the error says what it must be.
    pub fn new(name: impl Into<String>) -> Result<Self, String> {
        let name = name.into();
        check_name(&name)?;
        Ok(Self(name))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What Pioneer is asked to run: a name that is also one segment of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Handler(String);

impl Handler {
    /// Takes `handler` if it is fit; the error says what it must be.
    pub fn new(handler: impl Into<String>) -> Result<Self, String> {
        let handler = handler.into();
        check_name(&handler)?;
        if handler == "." || handler == ".." || handler.contains('/') {
            return Err("must not be `.` or `..` and must not contain `/`, because it is part of a URL".to_owned());
        }
        Ok(Self(handler))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Handler {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_one_segment_of_a_path() {
        for bad in ["", ".", "..", "a/b", "a\nb", &"x".repeat(129)] {
            assert!(Handler::new(bad).is_err(), "{bad:?}");
        }
        for good in ["fetch_user", "Validación Usuario", "...", &"ñ".repeat(128)] {
            assert!(Handler::new(good).is_ok(), "{good:?}");
        }
    }
}
