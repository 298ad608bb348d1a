//! Reads for those who follow a log.

use entity::{execution_event, workflow_execution};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Journal, JournalError};
use crate::domain::{ExecutionId, Status};

/// Where the log of an execution ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogEnd {
    /// The newest event.
    pub seq: u64,
    /// The status that it led to.
    pub status: Status,
}

/// An event as those see it who follow the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    /// Its place in the log.
    pub seq: u64,
    /// Its public JSON text.
    pub text: String,
}

impl Journal {
    /// Where the log ends; `None` for an unknown execution.
    pub async fn log_end(&self, id: ExecutionId) -> Result<Option<LogEnd>, JournalError> {
        use workflow_execution::Column;
        let row: Option<(i64, String)> = workflow_execution::Entity::find_by_id(id.0)
            .select_only()
            .columns([Column::LastSeq, Column::Status])
            .into_tuple()
            .one(&self.0.reads)
            .await?;
        let Some((seq, word)) = row else { return Ok(None) };
        let unknown = || JournalError::Database(format!("execution {id} has the unknown status {word}"));
        let status = Status::parse(&word).ok_or_else(unknown)?;
        Ok(Some(LogEnd { seq: seq.unsigned_abs(), status }))
    }

    /// At most `limit` events behind `after`, oldest first.
    pub async fn log(&self, id: ExecutionId, after: u64, limit: u64) -> Result<Vec<LoggedEvent>, JournalError> {
        use execution_event::Column;
        let rows: Vec<(i64, String)> = execution_event::Entity::find()
            .select_only()
            .columns([Column::Seq, Column::Body])
            .filter(Column::ExecutionId.eq(id.0))
            .filter(Column::Seq.gt(i64::try_from(after).unwrap_or(i64::MAX)))
            .order_by_asc(Column::Seq)
            .limit(limit)
            .into_tuple()
            .all(&self.0.reads)
            .await?;
        Ok(rows.into_iter().map(|(seq, text)| LoggedEvent { seq: seq.unsigned_abs(), text }).collect())
    }
}
