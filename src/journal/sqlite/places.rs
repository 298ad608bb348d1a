//! Where the rows lie that were inserted a while ago: they are soon updated, which then needs no look-up of their key.

use std::fmt;

use quick_cache::unsync::Cache;
use rusqlite::Connection;

/// The bytes of an id.
pub(super) type Key = [u8; 16];

/// Rows whose place is known; a row that is updated later than after so many others is found by its key.
const PLACES_MAX: usize = 8 * 1024;

/// The row ids of the newest rows. They are hints: a transaction that was rolled back, or a `VACUUM` by somebody else, makes
/// them wrong.
pub(super) struct Places(Cache<Key, i64>);

impl Default for Places {
    fn default() -> Self {
        Self(Cache::new(PLACES_MAX))
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("rows", &self.0.len()).finish()
    }
}

impl Places {
    /// Keeps the place of the row that `connection` has just inserted.
    pub(super) fn keep(&mut self, id: Key, connection: &Connection) {
        self.0.insert(id, connection.last_insert_rowid());
    }

    pub(super) fn get(&self, id: &Key) -> Option<i64> {
        self.0.get(id).copied()
    }
}
