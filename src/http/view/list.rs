//! Pages of executions.

use serde::Serialize;
use utoipa::ToSchema;

use super::ExecutionView;

/// A page of executions, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionList)]
pub(in crate::http) struct ExecutionListView<'a> {
    pub(in crate::http) executions: Vec<ExecutionView<'a>>,
    pub(in crate::http) pagination: Pagination,
    pub(in crate::http) links: Links,
}

/// Which part of a list a page is.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(in crate::http) struct Pagination {
    /// How many there are in all.
    pub(in crate::http) total: u64,
    /// How many a page holds at most.
    pub(in crate::http) limit: u64,
    /// How many come before this page.
    pub(in crate::http) offset: u64,
    /// Whether more follow.
    pub(in crate::http) has_more: bool,
}

/// Where this page and its neighbours are.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(in crate::http) struct Links {
    /// This page.
    #[serde(rename = "self")]
    pub(in crate::http) this: String,
    /// The page after it.
    pub(in crate::http) next: Option<String>,
    /// The page before it.
    pub(in crate::http) prev: Option<String>,
}
