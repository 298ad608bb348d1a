//! What a client calls a start by, so that it happens once.

/// The longest key, in characters.
const KEY_CHARS_MAX: usize = 255;

/// A client's name for one start of a workflow: 1 to 255 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Takes `key` if it is fit; the error says what it must be.
    pub fn new(key: impl Into<String>) -> Result<Self, String> {
        let key = key.into();
        let chars = key.chars().count();
        if chars == 0 || chars > KEY_CHARS_MAX {
            return Err(format!("must have 1 to {KEY_CHARS_MAX} characters"));
        }
        if key.chars().any(char::is_control) {
            return Err("must not contain control characters".to_owned());
        }
        Ok(Self(key))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_can_be_shown() {
        for good in ["a", " ", "ñ/%\"", &"ñ".repeat(255)] {
            assert_eq!(IdempotencyKey::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\tb", "\u{7f}", "\u{85}", &"a".repeat(256)] {
            assert!(IdempotencyKey::new(bad).is_err(), "{bad:?}");
        }
    }
}
