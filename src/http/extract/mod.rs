//! What handlers are given: bodies, ids and query parameters, read in one way everywhere.

mod body;
mod header;
mod path;
mod query;
mod same_site;

pub(super) use body::{BodyLimit, Definition, Json};
pub(super) use header::{KeyOfStart, StepToken};
pub(super) use path::{Id, PayloadName, StepOf};
pub(super) use query::{ACTOR_LIMIT, Query, actor_limit, event_limit, list_limit};
pub(super) use same_site::{SameSite, is_of_own_site};
