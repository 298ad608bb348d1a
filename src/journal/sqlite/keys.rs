//! Keys of starts, on SQLite.

use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::{Batch, blob};
use crate::domain::ExecutionId;
use crate::journal::commit::Commit;

impl Batch<'_> {
    /// The other execution that the key of `commit` has started already.
    pub(super) fn started_before(&self, commit: &Commit) -> rusqlite::Result<Option<ExecutionId>> {
        let Some(start) = &commit.key else { return Ok(None) };
        let values = params![blob(commit.state.workflow().id.0), start.key.as_str()];
        let mut statement = self.connection.prepare_cached(&self.statements.started_with)?;
        let id: Option<[u8; 16]> = statement.query_row(values, |row| row.get(0)).optional()?;
        let found = id.map(|id| ExecutionId(Uuid::from_bytes(id)));
        // Its own: the commit was written before, though that was not known.
        Ok(found.filter(|found| *found != commit.state.id()))
    }

    pub(super) fn write_key(&self, commit: &Commit) -> rusqlite::Result<()> {
        let Some(start) = &commit.key else { return Ok(()) };
        let workflow = blob(commit.state.workflow().id.0);
        let values = params![workflow, start.key.as_str(), &start.request.0[..], blob(commit.state.id().0)];
        self.run(&self.statements.insert_key, values).map(drop)
    }
}
