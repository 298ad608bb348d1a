//! What a writer's thread needs of a database.

use super::JournalError;
use super::writer::{Job, Written};

/// What became of one job of a batch that was written.
pub(super) type Outcome = Result<Written, JournalError>;

/// Why a batch was not written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// It will pass: a lock, a full disk, a server that restarts. The same batch can be tried again.
    Transient(String),
    /// Something in the batch can never be written.
    Final(String),
}

/// A connection that writes; it belongs to one thread.
pub(super) trait Store: Send + 'static {
    /// Writes `jobs` in one transaction; a refusal of one says nothing about the others.
    ///
    /// A batch whose fate is not known, because the connection broke at the commit, may be written again: what is
    /// there already is found and left as it is.
    fn write(&mut self, jobs: &[&Job]) -> Result<Vec<Outcome>, WriteError>;
}
