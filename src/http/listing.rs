//! Lists of executions: newest first, filtered, a page at a time.

use std::sync::Arc;

use actix_web::web::Data;
use futures_util::future::join_all;
use url::form_urlencoded;

use super::answer::{Answer, read as answer_read};
use super::cursor::ListCursor;
use super::definitions::unknown_workflow;
use super::extract::{Id, Query, list_limit};
use super::problem::Problem;
use super::view::{ExecutionListView, ExecutionView, Links, Pagination};
use super::{Edge, params};
use crate::domain::{Execution, WorkflowId};
use crate::journal::{Cursor, ExecutionFilter, ExecutionPage, ExecutionRow, PageStart};

/// Lists the executions, newest first.
#[utoipa::path(
    get, path = "/executions", tag = "executions",
    params(params::Filter, params::OfWorkflow, params::Page, params::Payloads),
    responses(
        (status = 200, description = "A page of executions", body = ExecutionListView),
        (status = 400, description = "A bad query parameter"),
    )
)]
pub(super) async fn all(edge: Data<Edge>, query: Query) -> Answer {
    let page = Page::read("/executions".to_owned(), &query, query.id("workflow_id")?)?;
    answer_page(&edge, &query, &page).await
}

/// Lists the executions of a workflow, of a deleted one too, newest first.
#[utoipa::path(
    get, path = "/workflows/{id}/executions", tag = "executions",
    params(("id" = Uuid, Path), params::Filter, params::Page, params::Payloads),
    responses(
        (status = 200, description = "A page of executions", body = ExecutionListView),
        (status = 400, description = "The id is not a UUID, or a bad query parameter"),
        (status = 404, description = "No such workflow"),
    )
)]
pub(super) async fn of_workflow(edge: Data<Edge>, id: Id<WorkflowId>, query: Query) -> Answer {
    let page = Page::read(format!("/workflows/{}/executions", id.0), &query, Some(id.0))?;
    edge.journal.workflow_even_deleted(id.0).await?.ok_or_else(unknown_workflow)?;
    answer_page(&edge, &query, &page).await
}

/// Which page of which list is asked for.
struct Page {
    path: String,
    /// The query that every link repeats.
    kept: Vec<(&'static str, String)>,
    filter: ExecutionFilter,
    cursor: Option<(String, ListCursor)>,
    offset: u64,
    limit: u64,
}

impl Page {
    fn read(path: String, query: &Query, workflow_id: Option<WorkflowId>) -> Result<Self, Problem> {
        let filter = ExecutionFilter {
            workflow_id,
            status: query.status()?,
            created_after: query.time("created_after")?,
            created_before: query.time("created_before")?,
        };
        query.wants_inline_payloads()?;
        let offset = query.number("offset")?.unwrap_or(0);
        let cursor = query.cursor()?.map(|cursor| (cursor.encode(), cursor));
        let offset = cursor.as_ref().map_or(offset, |(_, cursor)| cursor.offset);
        let limit = list_limit(query)?;
        let mut kept = Vec::new();
        for name in ["status", "workflow_id", "created_after", "created_before", "payloads"] {
            if let Some(value) = query.text(name)? {
                kept.push((name, value.to_owned()));
            }
        }
        kept.push(("limit", limit.to_string()));
        Ok(Self { path, kept, filter, cursor, offset, limit })
    }

    fn start(&self) -> PageStart {
        match &self.cursor {
            Some((_, cursor)) => PageStart::Behind(cursor.behind),
            None => PageStart::Offset(self.offset),
        }
    }

    fn link(&self, place: Option<(&str, &str)>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.kept.iter());
        query.extend_pairs(place);
        format!("{}?{}", self.path, query.finish())
    }

    fn link_to_offset(&self, offset: u64) -> String {
        if offset == 0 { self.link(None) } else { self.link(Some(("offset", &offset.to_string()))) }
    }

    fn links(&self, last: Option<&ExecutionRow>, has_more: bool) -> Links {
        let this = match &self.cursor {
            Some((text, _)) => self.link(Some(("cursor", text))),
            None => self.link_to_offset(self.offset),
        };
        let next = last.filter(|_| has_more).map(|last| {
            let behind = Cursor { created_at: last.created_at, id: last.id };
            let offset = self.offset.saturating_add(self.limit);
            self.link(Some(("cursor", &ListCursor { behind, offset }.encode())))
        });
        let prev = (self.offset > 0).then(|| self.link_to_offset(self.offset.saturating_sub(self.limit)));
        Links { this, next, prev }
    }
}

async fn answer_page(edge: &Edge, query: &Query, page: &Page) -> Answer {
    let found = edge.journal.executions(&page.filter, page.start(), page.limit).await?;
    let live = join_all(found.rows.iter().map(|row| live(edge, row))).await;
    answer_read(edge, query, list_view(page, &found, &live)).await
}

/// The state of an execution that may have moved on since its row was written.
async fn live(edge: &Edge, row: &ExecutionRow) -> Option<Arc<Execution>> {
    if row.status.is_ended() {
        return None;
    }
    // A list is worth more than the last word on one of its rows.
    edge.runtime.view(row.id).await.ok()
}

fn list_view<'a>(page: &Page, found: &'a ExecutionPage, live: &'a [Option<Arc<Execution>>]) -> ExecutionListView<'a> {
    let rows = found.rows.iter().zip(live);
    let executions = rows.map(|(row, live)| match live {
        Some(execution) => ExecutionView::from(&**execution),
        None => ExecutionView::from(row),
    });
    ExecutionListView {
        executions: executions.collect(),
        pagination: Pagination { total: found.total, limit: page.limit, offset: page.offset, has_more: found.has_more },
        links: page.links(found.rows.last(), found.has_more),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{ExecutionId, Status, Timestamp};

    fn row() -> ExecutionRow {
        let at = Timestamp::new(chrono::DateTime::from_timestamp_millis(1_755_858_600_000).unwrap());
        ExecutionRow {
            id: ExecutionId(Uuid::max()),
            workflow_id: WorkflowId(Uuid::nil()),
            status: Status::Completed,
            mode: "automatic".to_owned(),
            context: json!({"a": 1}),
            additional_data: None,
            custom_status: None,
            current_step_id: None,
            created_at: at,
            updated_at: at,
        }
    }

    fn page(query: &str) -> Page {
        Page::read("/executions".to_owned(), &Query::parse(query), None).unwrap()
    }

    #[test]
    fn a_next_link_goes_on_behind_the_last_row_and_keeps_the_offset_true() {
        let first = page("status=completed&limit=2&offset=4");
        let links = first.links(Some(&row()), true);
        assert_eq!(links.this, "/executions?status=completed&limit=2&offset=4");
        assert_eq!(links.prev.as_deref(), Some("/executions?status=completed&limit=2&offset=2"));
        let next = links.next.unwrap();
        let second = page(next.split_once('?').unwrap().1);
        assert_eq!(second.offset, 6);
        assert_eq!(second.start(), PageStart::Behind(Cursor { created_at: row().created_at, id: row().id }));
        let links = second.links(Some(&row()), false);
        assert_eq!((links.this, links.next), (next, None));
        assert_eq!(page("").links(None, false).prev, None);
    }

    #[test]
    fn a_list_is_shown_as_the_contract_says() {
        let found = ExecutionPage { rows: vec![row()], total: 1, has_more: false };
        let shown = serde_json::to_value(list_view(&page(""), &found, &[None])).unwrap();
        let time = "2025-08-22T10:30:00.000Z";
        let expected = json!({
            "executions": [{
                "id": Uuid::max(), "workflow_id": Uuid::nil(), "status": "completed", "mode": "automatic",
                "context": {"a": 1}, "additional_data": {}, "custom_status": null, "current_step_id": null,
                "created_at": time, "updated_at": time,
            }],
            "pagination": {"total": 1, "limit": 20, "offset": 0, "has_more": false},
            "links": {"self": "/executions?limit=20", "next": null, "prev": null},
        });
        assert_eq!(shown, expected);
    }
}
