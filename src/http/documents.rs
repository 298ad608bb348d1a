//! Long strings, taken out of what clients and workers send.

use serde_json::Value;

use crate::domain::ExecutionId;
use crate::payload::{Payload, extract};

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
