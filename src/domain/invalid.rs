//! What is wrong with a well-formed body, and where.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong: `pointer` says where (RFC 6901), `detail` what, as a sentence's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer of the field, for example `/steps/2/name`; empty for the whole body.
    pub pointer: String,
    /// What the field must be, for example `must be a string`.
    pub detail: String,
}

impl FieldError {
    /// Says that the field at `pointer` is wrong because of `detail`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// A body that is well-formed and cannot be accepted; it names every field that is wrong, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong, in the order of the body.
    pub errors: Vec<FieldError>,
}

impl Invalid {
    /// One field is wrong.
    pub fn one(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { errors: vec![FieldError::new(pointer, detail)] }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.errors.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            let field = if error.pointer.is_empty() { "the body" } else { &error.pointer };
            write!(f, "{separator}{field} {}", error.detail)?;
        }
        f.write_str(".")
    }
}

impl std::error::Error for Invalid {}
