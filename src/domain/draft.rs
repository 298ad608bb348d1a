//! How definitions are read: every field that is wrong is named with its JSON pointer.

use std::collections::HashMap;
use std::hash::Hash;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::context::{JSON_DEPTH_MAX, PAYLOAD_KEY, contains_payload, is_deeper_than};
use super::definition::Mode;
use super::fields::{self, Fields};
use super::id::WorkflowId;
use super::invalid::{FieldError, Invalid};
use super::name::{Handler, Name};
use super::retry::RetryPolicy;
use super::time::Seconds;

/// The most steps that a workflow may have.
const STEPS_MAX: usize = 1_000;
/// The longest description, in bytes of UTF-8.
const DESCRIPTION_BYTES_MAX: usize = 64 * 1024;
/// The largest `order`.
const ORDER_MAX: u32 = 1_000_000;
/// The largest `max_visits`.
const VISITS_MAX: u32 = 1_000_000;
/// What one attempt may take where the definition does not say.
const STEP_TIMEOUT_SECONDS: f64 = 3_600.0;

/// A workflow as a client wrote it, found valid.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkflowDraft {
    /// The id that the client asks for.
    pub id: Option<WorkflowId>,
    /// See [`super::Workflow`], as for all that follows.
    pub name: Name,
    #[allow(missing_docs, reason = "as in `Workflow`")]
    pub description: Option<String>,
    #[allow(missing_docs, reason = "as in `Workflow`")]
    pub mode: Mode,
    #[allow(missing_docs, reason = "as in `Workflow`")]
    pub timeout_seconds: Option<Seconds>,
    #[allow(missing_docs, reason = "as in `Workflow`")]
    pub steps: Vec<StepDraft>,
}

/// A step as a client wrote it, found valid, with the defaults in place.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of `Step`")]
pub struct StepDraft {
    pub name: Name,
    pub handler: Handler,
    pub order: u32,
    pub max_visits: u32,
    pub config: Map<String, Value>,
    pub timeout_seconds: Seconds,
    pub heartbeat_timeout_seconds: Option<Seconds>,
    pub retry: RetryPolicy,
    pub end: bool,
}

/// Reads the name of a mode.
pub fn parse_mode(value: &Value) -> Result<Mode, String> {
    match value.as_str() {
        Some("automatic") => Ok(Mode::Automatic),
        Some("manual") => Ok(Mode::Manual),
        _ => Err("must be `automatic` or `manual`".to_owned()),
    }
}

pub(super) fn check_step_count(count: usize) -> Result<(), String> {
    if count > STEPS_MAX { Err(format!("must have at most {STEPS_MAX} steps")) } else { Ok(()) }
}

impl WorkflowDraft {
    /// Reads a workflow's definition. What Discovery sets itself may stand in it and is ignored.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        let mut fields = Fields::open("", body)?;
        let id = fields.optional("id", parse_id);
        let name = fields.required("name", |v| Name::new(fields::string(v)?));
        let description = fields.optional("description", parse_description);
        let mode = fields.optional("mode", parse_mode);
        let timeout_seconds = fields.optional("timeout_seconds", parse_seconds);
        let list = fields.optional("steps", |v| v.as_array().ok_or_else(|| "must be a list".to_owned()));
        let steps = fields.absorb(parse_steps(list.map_or(&[], Vec::as_slice)));
        fields.ignore(&["version", "created_at", "updated_at"]);
        fields.refuse_unknown();
        fields.finish()?;
        match (name, steps) {
            (Some(name), Some(steps)) => {
                Ok(Self { id, name, description, mode: mode.unwrap_or_default(), timeout_seconds, steps })
            }
            // Whatever is missing here was noted above; this only satisfies the types.
            (None, _) => Err(Invalid::one("/name", "is required")),
            (_, None) => Err(Invalid::one("/steps", "must be a list")),
        }
    }
}

impl StepDraft {
    /// Reads a step at `pointer`; `order` is its position where it names none.
    pub fn parse(pointer: &str, body: &Value, order: u32) -> Result<Self, Invalid> {
        let mut fields = Fields::open(pointer, body)?;
        let name = fields.required("name", |v| Name::new(fields::string(v)?));
        let handler = fields.optional("handler", |v| Handler::new(fields::string(v)?));
        let given_order = fields.optional("order", |v| fields::integer(v, 0, ORDER_MAX));
        let max_visits = fields.optional("max_visits", |v| fields::integer(v, 1, VISITS_MAX));
        let config = fields.optional("config", parse_config);
        let timeout_seconds = fields.optional("timeout_seconds", parse_seconds);
        let heartbeat_timeout_seconds = fields.optional("heartbeat_timeout_seconds", parse_seconds);
        let retry_pointer = fields.pointer_to("retry");
        let retry = fields.value("retry").map(|value| RetryPolicy::parse(&retry_pointer, value));
        let retry = retry.and_then(|read| fields.absorb(read));
        let end = fields.optional("end", fields::boolean);
        fields.ignore(&["id", "workflow_id", "created_at", "updated_at"]);
        if order > ORDER_MAX && fields.value("order").is_none() {
            fields.wrong("order", format!("must be given, because a step has the largest order, {ORDER_MAX}, already"));
        }
        fields.refuse_unknown();
        let handler = handler.or_else(|| handler_from_name(&mut fields, name.as_ref()));
        fields.finish()?;
        let (Some(name), Some(handler)) = (name, handler) else {
            return Err(Invalid::one(format!("{pointer}/name"), "is required"));
        };
        Ok(Self {
            name,
            handler,
            order: given_order.unwrap_or(order),
            max_visits: max_visits.unwrap_or(1),
            config: config.unwrap_or_default(),
            timeout_seconds: timeout_seconds.map_or_else(default_timeout, Ok)?,
            heartbeat_timeout_seconds,
            retry: retry.unwrap_or_default(),
            end: end.unwrap_or(false),
        })
    }
}

fn default_timeout() -> Result<Seconds, Invalid> {
    Seconds::new(STEP_TIMEOUT_SECONDS).map_err(|detail| Invalid::one("/timeout_seconds", detail))
}

fn handler_from_name(fields: &mut Fields<'_>, name: Option<&Name>) -> Option<Handler> {
    match Handler::new(name?.as_str()) {
        Ok(handler) => Some(handler),
        Err(detail) => {
            fields.wrong("handler", format!("is the name where it is not given, and {detail}"));
            None
        }
    }
}

fn parse_steps(list: &[Value]) -> Result<Vec<StepDraft>, Invalid> {
    check_step_count(list.len()).map_err(|detail| Invalid::one("/steps", detail))?;
    let mut steps = Vec::with_capacity(list.len());
    let mut errors = Vec::new();
    for (order, (place, body)) in (1u32..).zip(list.iter().enumerate()) {
        match StepDraft::parse(&format!("/steps/{place}"), body, order) {
            Ok(step) => steps.push(step),
            Err(invalid) => errors.extend(invalid.errors),
        }
    }
    if errors.is_empty() {
        refuse_repeated(&steps, "name", |step| step.name.as_str(), &mut errors);
        refuse_repeated(&steps, "order", |step| step.order, &mut errors);
    }
    if errors.is_empty() { Ok(steps) } else { Err(Invalid { errors }) }
}

fn refuse_repeated<'a, K: Eq + Hash>(
    steps: &'a [StepDraft],
    field: &str,
    key: impl Fn(&'a StepDraft) -> K,
    errors: &mut Vec<FieldError>,
) {
    let mut first_with = HashMap::new();
    for (place, step) in steps.iter().enumerate() {
        if let Some(first) = first_with.insert(key(step), place) {
            let detail = format!("is the same as the {field} of /steps/{first}");
            errors.push(FieldError::new(format!("/steps/{place}/{field}"), detail));
        }
    }
}

fn parse_id(value: &Value) -> Result<WorkflowId, String> {
    let id = Uuid::parse_str(fields::string(value)?).map_err(|_| "must be a UUID".to_owned())?;
    Ok(WorkflowId(id))
}

fn parse_seconds(value: &Value) -> Result<Seconds, String> {
    Seconds::new(fields::number(value)?)
}

fn parse_description(value: &Value) -> Result<String, String> {
    let description = fields::string(value)?;
    if description.len() > DESCRIPTION_BYTES_MAX {
        return Err(format!("must have at most {DESCRIPTION_BYTES_MAX} bytes"));
    }
    Ok(description.to_owned())
}

fn parse_config(value: &Value) -> Result<Map<String, Value>, String> {
    let config = fields::object(value)?;
    if contains_payload(value) {
        return Err(format!("must not contain the key `{PAYLOAD_KEY}`"));
    }
    if is_deeper_than(JSON_DEPTH_MAX, value) {
        return Err(format!("must not be nested deeper than {JSON_DEPTH_MAX} levels"));
    }
    Ok(config.clone())
}
