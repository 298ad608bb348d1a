//! Long strings, taken out of what clients and workers send.

use serde_json::Value;

use super::Edge;
use super::problem::Problem;
use crate::domain::ExecutionId;
use crate::payload::{Payload, extract, refuse_references};

/// Takes the strings longer than `longest` bytes out of `values`, each once, in the order of their hashes.
pub(super) fn take_out<'a>(
    execution: ExecutionId,
    values: impl Iterator<Item = &'a mut Value>,
    longest: usize,
) -> Vec<Payload> {
    let mut payloads: Vec<Payload> = values.flat_map(|value| extract(execution, value, longest)).collect();
    payloads.sort_by_key(|payload| payload.hash);
    payloads.dedup_by_key(|payload| payload.hash);
    payloads
}

/// Takes long strings out of the fields of `body`, save those of which `stays` is true.
pub(super) fn without_long_strings(
    edge: &Edge,
    execution: ExecutionId,
    mut body: Value,
    stays: impl Fn(&str) -> bool,
) -> Result<(Value, Vec<Payload>), Problem> {
    refuse_references(&body)?;
    let longest = edge.config.limits.payload_bytes;
    let fields = body.as_object_mut().into_iter().flatten().filter(|(key, _)| !stays(key));
    let payloads = take_out(execution, fields.map(|(_, value)| value), longest);
    Ok((body, payloads))
}
