//! Reads of executions, their events and payloads: always of what is committed.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::{execution_event, execution_payload, payload, workflow_execution};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};
use serde_json::Value;
use uuid::Uuid;

use super::{Journal, JournalError};
use crate::domain::{Event, EventBody, Execution, ExecutionId, FoldError, Status, Timestamp, WorkflowId};
use crate::payload::{Payloads, Sha256Hash};

/// The event of which recovery reads only the newest.
const PROGRESS: &str = "step_progress";

/// Which executions a list shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecutionFilter {
    /// Only those of this workflow.
    pub workflow_id: Option<WorkflowId>,
    /// Only those with this status.
    pub status: Option<Status>,
    /// Only those created after this moment.
    pub created_after: Option<Timestamp>,
    /// Only those created before this moment.
    pub created_before: Option<Timestamp>,
}

/// The execution behind which a page begins: lists go from the newest to the oldest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    /// When it was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: ExecutionId,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PageStart {
    /// After so many executions.
    Offset(u64),
    /// Behind this one.
    Behind(Cursor),
}

/// An execution's row: all of it where it ended, and as of its last start, wait or pause where it lives.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionRow {
    /// The execution.
    pub id: ExecutionId,
    /// Its workflow.
    pub workflow_id: WorkflowId,
    /// Its status.
    pub status: Status,
    /// The wire's word for its mode.
    pub mode: String,
    /// Its data.
    pub context: Value,
    /// Set by clients.
    pub additional_data: Option<Value>,
    /// Set by clients.
    pub custom_status: Option<String>,
    /// The step that it is at.
    pub current_step_id: Option<Uuid>,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// A page of executions, newest first.
#[derive(Debug)]
pub struct ExecutionPage {
    /// The rows of the page.
    pub rows: Vec<ExecutionRow>,
    /// How many the filter lets through in all.
    pub total: u64,
    /// Whether more follow.
    pub has_more: bool,
}

/// An execution that must move, and its place in the order of waking.
#[derive(Clone, Copy, Debug)]
pub struct DueExecution {
    /// When it is to be woken.
    pub wake_at: Timestamp,
    /// Which one.
    pub id: ExecutionId,
}

impl Journal {
    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), JournalError> {
        Ok(self.0.reads.ping().await?)
    }

    /// The state of an execution as its committed log tells it; `None` for an unknown id.
    pub async fn load(&self, id: ExecutionId) -> Result<Option<Execution>, JournalError> {
        let rows = execution_event::Entity::find()
            .filter(execution_event::Column::ExecutionId.eq(id.0))
            .filter(
                Condition::any()
                    .add(execution_event::Column::Kind.ne(PROGRESS))
                    .add(execution_event::Column::Seq.in_subquery(newest_progress(id))),
            )
            .order_by_asc(execution_event::Column::Seq)
            .all(&self.0.reads)
            .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let events = rows.iter().map(read_event).collect::<Result<Vec<_>, _>>()?;
        let Some(EventBody::WorkflowStarted(started)) = events.first().map(|event| &event.body) else {
            let detail = "the log does not begin with workflow_started".to_owned();
            return Err(FoldError { seq: 1, detail }.into());
        };
        let (workflow_id, version) = (started.workflow_id, started.workflow_version);
        let workflow = self.workflow_version(workflow_id, version).await?.ok_or_else(|| FoldError {
            seq: 1,
            detail: format!("version {version} of workflow {workflow_id} is missing"),
        })?;
        Ok(Some(Execution::fold(id, workflow, &events)?))
    }

    /// Executions that must be woken at `until` at the latest, by the time of their waking, from behind `cursor` on.
    pub async fn due(
        &self,
        cursor: Option<DueExecution>,
        until: Timestamp,
        limit: u64,
    ) -> Result<Vec<DueExecution>, JournalError> {
        use workflow_execution::Column;
        let mut query = workflow_execution::Entity::find()
            .select_only()
            .columns([Column::WakeAt, Column::Id])
            .filter(Column::WakeAt.lte(until.as_datetime()));
        if let Some(DueExecution { wake_at, id }) = cursor {
            let wake_at = wake_at.as_datetime();
            let same_time = Condition::all().add(Column::WakeAt.eq(wake_at)).add(Column::Id.gt(id.0));
            query = query.filter(Condition::any().add(Column::WakeAt.gt(wake_at)).add(same_time));
        }
        let rows: Vec<(DateTime<Utc>, Uuid)> = query
            .order_by_asc(Column::WakeAt)
            .order_by_asc(Column::Id)
            .limit(limit)
            .into_tuple()
            .all(&self.0.reads)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(wake_at, id)| DueExecution { wake_at: Timestamp::new(wake_at), id: ExecutionId(id) })
            .collect())
    }

    /// How many executions there are of each status.
    pub async fn executions_by_status(&self) -> Result<Vec<(Status, u64)>, JournalError> {
        use workflow_execution::Column;
        let rows: Vec<(String, i64)> = workflow_execution::Entity::find()
            .select_only()
            .column(Column::Status)
            .column_as(Column::Id.count(), "executions")
            .group_by(Column::Status)
            .into_tuple()
            .all(&self.0.reads)
            .await?;
        let known = |(word, count): (String, i64)| Some((Status::parse(&word)?, count.unsigned_abs()));
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// A page of executions.
    pub async fn executions(
        &self,
        filter: &ExecutionFilter,
        start: PageStart,
        limit: u64,
    ) -> Result<ExecutionPage, JournalError> {
        use workflow_execution::Column;
        let matching = filtered(filter);
        let total = matching.clone().count(&self.0.reads).await?;
        let page = match start {
            PageStart::Offset(offset) => matching.offset(offset),
            PageStart::Behind(Cursor { created_at, id }) => {
                let created_at = created_at.as_datetime();
                let same_time = Condition::all().add(Column::CreatedAt.eq(created_at)).add(Column::Id.lt(id.0));
                matching.filter(Condition::any().add(Column::CreatedAt.lt(created_at)).add(same_time))
            }
        };
        let page = page.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(limit + 1);
        let mut rows = page.all(&self.0.reads).await?;
        let has_more = rows.len() as u64 > limit;
        if has_more {
            rows.pop();
        }
        let rows = rows.into_iter().map(read_execution).collect::<Result<_, _>>()?;
        Ok(ExecutionPage { rows, total, has_more })
    }

    /// The public texts of the events after `after`, oldest first; `None` for an unknown execution.
    pub async fn events(&self, id: ExecutionId, after: u64, limit: u64) -> Result<Option<Vec<String>>, JournalError> {
        // A number beyond the database's range lies behind every log.
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let texts: Vec<String> = execution_event::Entity::find()
            .select_only()
            .column(execution_event::Column::Body)
            .filter(execution_event::Column::ExecutionId.eq(id.0))
            .filter(execution_event::Column::Seq.gt(after))
            .order_by_asc(execution_event::Column::Seq)
            .limit(limit)
            .into_tuple()
            .all(&self.0.reads)
            .await?;
        if texts.is_empty() && workflow_execution::Entity::find_by_id(id.0).count(&self.0.reads).await? == 0 {
            return Ok(None);
        }
        Ok(Some(texts))
    }

    /// A long string that belongs to this execution.
    pub async fn payload(&self, id: ExecutionId, hash: Sha256Hash) -> Result<Option<Arc<str>>, JournalError> {
        let linked = execution_payload::Entity::find_by_id((id.0, hash.0.to_vec()));
        if linked.count(&self.0.reads).await? == 0 {
            return Ok(None);
        }
        Ok(self.payloads(&[hash]).await?.remove(&hash))
    }

    /// The long strings of these names, as far as they are there.
    pub async fn payloads(&self, hashes: &[Sha256Hash]) -> Result<Payloads, JournalError> {
        let mut found = HashMap::with_capacity(hashes.len());
        for hash in hashes {
            let cached = self.0.caches.payload(hash);
            let text = match cached {
                Some(text) => Some(text),
                None => self.read_payload(*hash).await?,
            };
            found.extend(text.map(|text| (*hash, text)));
        }
        Ok(found)
    }

    async fn read_payload(&self, hash: Sha256Hash) -> Result<Option<Arc<str>>, JournalError> {
        let Some(row) = payload::Entity::find_by_id(hash.0.to_vec()).one(&self.0.reads).await? else {
            return Ok(None);
        };
        let text =
            String::from_utf8(row.body).map_err(|_| JournalError::Database(format!("payload {hash} is not UTF-8")))?;
        let text: Arc<str> = Arc::from(text);
        self.0.caches.keep_payload(hash, &text);
        Ok(Some(text))
    }
}

fn newest_progress(id: ExecutionId) -> SelectStatement {
    Query::select()
        .expr(Expr::col(execution_event::Column::Seq).max())
        .from(execution_event::Entity)
        .and_where(execution_event::Column::ExecutionId.eq(id.0))
        .and_where(execution_event::Column::Kind.eq(PROGRESS))
        .to_owned()
}

fn read_event(row: &execution_event::Model) -> Result<Event, FoldError> {
    Event::from_stored(row.seq.unsigned_abs(), &row.body, row.private.as_deref())
}

fn filtered(filter: &ExecutionFilter) -> Select<workflow_execution::Entity> {
    use workflow_execution::Column;
    workflow_execution::Entity::find()
        .apply_if(filter.workflow_id, |query, id| query.filter(Column::WorkflowId.eq(id.0)))
        .apply_if(filter.status, |query, status| query.filter(Column::Status.eq(status.as_str())))
        .apply_if(filter.created_after, |query, at| query.filter(Column::CreatedAt.gt(at.as_datetime())))
        .apply_if(filter.created_before, |query, at| query.filter(Column::CreatedAt.lt(at.as_datetime())))
}

fn read_execution(row: workflow_execution::Model) -> Result<ExecutionRow, JournalError> {
    let status = Status::parse(&row.status)
        .ok_or_else(|| JournalError::Database(format!("execution {} has the unknown status {}", row.id, row.status)))?;
    Ok(ExecutionRow {
        id: ExecutionId(row.id),
        workflow_id: WorkflowId(row.workflow_id),
        status,
        mode: row.mode,
        context: row.context,
        additional_data: row.additional_data,
        custom_status: row.custom_status,
        current_step_id: row.current_step_id,
        created_at: Timestamp::new(row.created_at),
        updated_at: Timestamp::new(row.updated_at),
    })
}
