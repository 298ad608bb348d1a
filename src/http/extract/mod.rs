//! What handlers are given: bodies, ids and query parameters, read in one way everywhere.

mod body;
mod header;
mod path;
mod query;

pub(super) use body::{BodyLimit, Definition, Json};
pub(super) use header::StepToken;
pub(super) use path::{Id, PayloadName, StepOf};
pub(super) use query::{Query, event_limit, list_limit};
