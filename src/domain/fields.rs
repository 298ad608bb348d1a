//! Reads the fields of a JSON object one by one and collects everything that is wrong with them.

use serde_json::{Map, Value};

use super::invalid::{FieldError, Invalid};

/// A JSON object on its way into a type: each field is asked for once, what was not asked for is unknown.
pub(super) struct Fields<'a> {
    pointer: String,
    object: &'a Map<String, Value>,
    asked: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Opens the object at `pointer`; anything but an object is an error.
    pub(super) fn open(pointer: impl Into<String>, value: &'a Value) -> Result<Self, Invalid> {
        let pointer = pointer.into();
        match value.as_object() {
            Some(object) => Ok(Self { pointer, object, asked: Vec::new(), errors: Vec::new() }),
            None => Err(Invalid::one(pointer, "must be an object")),
        }
    }

    /// The pointer of the field `name`.
    pub(super) fn pointer_to(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }

    /// The field `name`, unless it is missing or null.
    pub(super) fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.asked.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Notes that the field `name` is wrong.
    pub(super) fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = self.pointer_to(name);
        self.errors.push(FieldError::new(pointer, detail));
    }

    /// Notes what was found wrong deeper down.
    pub(super) fn absorb<T>(&mut self, read: Result<T, Invalid>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.errors.extend(invalid.errors);
                None
            }
        }
    }

    /// The field `name` as `parse` reads it; what `parse` refuses is noted.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(name)?;
        match parse(value) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.wrong(name, detail);
                None
            }
        }
    }

    /// As [`Fields::optional`], and a missing field is an error too.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        if self.object.get(name).is_none_or(Value::is_null) {
            self.asked.push(name);
            self.wrong(name, "is required");
            return None;
        }
        self.optional(name, parse)
    }

    /// Marks fields that may be there and mean nothing, because Discovery sets them.
    pub(super) fn ignore(&mut self, names: &[&'static str]) {
        self.asked.extend_from_slice(names);
    }

    /// Notes every field that nobody asked for.
    pub(super) fn refuse_unknown(&mut self) {
        let unknown: Vec<&String> = self.object.keys().filter(|key| !self.asked.contains(&key.as_str())).collect();
        for key in unknown {
            let pointer = self.pointer_to(key);
            self.errors.push(FieldError::new(pointer, format!("is not a known field (`{key}`)")));
        }
    }

    /// The errors so far, if any.
    pub(super) fn finish(self) -> Result<(), Invalid> {
        if self.errors.is_empty() { Ok(()) } else { Err(Invalid { errors: self.errors }) }
    }
}

/// Reads a string.
pub(super) fn string(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "must be a string".to_owned())
}

/// Reads `true` or `false`.
pub(super) fn boolean(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// Reads a number, which JSON keeps finite.
pub(super) fn number(value: &Value) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| "must be a number".to_owned())
}

/// Reads a whole number from `min` to `max`; `3.0` is whole too.
pub(super) fn integer(value: &Value, min: u32, max: u32) -> Result<u32, String> {
    let whole = value.as_f64().filter(|number| number.fract() == 0.0);
    match whole {
        // The range check makes the cast exact.
        Some(number) if number >= f64::from(min) && number <= f64::from(max) => Ok(number as u32),
        _ => Err(format!("must be a whole number from {min} to {max}")),
    }
}

/// Reads an object.
pub(super) fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| "must be an object".to_owned())
}
