//! What clients attach to executions, and how they change it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::event::Properties;
use super::fields::{self, Fields};
use super::invalid::Invalid;

/// The longest custom status, in bytes of UTF-8.
const CUSTOM_STATUS_BYTES_MAX: usize = 4 * 1024;

/// A change of properties: a field that is there is replaced whole, null clears it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertiesPatch {
    additional_data: Option<Arc<Map<String, Value>>>,
    custom_status: Option<Option<Arc<str>>>,
}

impl PropertiesPatch {
    /// Reads the body of a PATCH.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        let mut fields = Fields::open("", body)?;
        let is_there = |name: &str| body.get(name).is_some();
        let data = fields.optional("additional_data", |value| fields::object(value).cloned());
        let status = fields.optional("custom_status", parse_custom_status);
        fields.finish()?;
        Ok(Self {
            additional_data: is_there("additional_data").then(|| Arc::new(data.unwrap_or_default())),
            custom_status: is_there("custom_status").then_some(status),
        })
    }

    /// `properties` with this change.
    pub(super) fn applied_to(&self, properties: &Properties) -> Properties {
        let mut changed = properties.clone();
        if let Some(additional_data) = &self.additional_data {
            changed.additional_data = Arc::clone(additional_data);
        }
        if let Some(custom_status) = &self.custom_status {
            changed.custom_status.clone_from(custom_status);
        }
        changed
    }
}

fn parse_custom_status(value: &Value) -> Result<Arc<str>, String> {
    let status = fields::string(value)?;
    if status.len() > CUSTOM_STATUS_BYTES_MAX || status.contains('\0') {
        return Err(format!("must have at most {CUSTOM_STATUS_BYTES_MAX} bytes and no NUL character"));
    }
    Ok(Arc::from(status))
}
