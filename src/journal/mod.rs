//! The only writer of execution state, and the reads.
//!
//! Actors and the edge hand over what they decided; one thread writes all that is waiting in one transaction, so that
//! many executions share one `fsync`, and answers once it is on disk. Reads go through a small pool of their own and
//! see only what is committed.

mod cache;
mod commit;
mod definitions;
mod error;
mod open;
mod reads;
mod sqlite;
mod statements;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::DatabaseConnection;
use tokio::sync::oneshot;

use crate::domain::ExecutionId;

use cache::Caches;
use sqlite::SqliteWriter;
use writer::{Job, Lane, Written};

pub use commit::{Commit, StoredEvent};
pub use definitions::{DefinitionRefusal, WorkflowPage};
pub use error::{JournalError, OpenError};
pub use reads::{Cursor, DueExecution, ExecutionFilter, ExecutionPage, ExecutionRow, PageStart};
pub use sqlite::Synchronous;

/// How a database is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// Whether pending migrations are run; they are refused otherwise.
    pub migrate: bool,
    /// When SQLite calls `fsync`.
    pub synchronous: Synchronous,
}

/// A handle on the journal; clones share it.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` once closed.
    lane: Mutex<Option<Lane>>,
    stopped: Mutex<Option<oneshot::Receiver<()>>>,
    reads: DatabaseConnection,
    caches: Caches,
    /// Makes the database ours; `None` once closed.
    lock: Mutex<Option<File>>,
}

impl Journal {
    /// Takes the database at `url` for this process and brings its schema up to date.
    pub async fn open(url: &str, options: &OpenOptions) -> Result<Self, OpenError> {
        let opened = open::open(url).await?;
        if options.migrate {
            for name in open::migrate(&opened.reads).await? {
                tracing::info!(migration = name, "migrated the database");
            }
        } else {
            open::require_migrated(&opened.reads).await?;
        }
        let refused = |error: &dyn std::fmt::Display| OpenError::Database(error.to_string());
        let writer = SqliteWriter::open(&opened.path, opened.create, options.synchronous);
        let (tell_stopped, stopped) = oneshot::channel();
        let lane = Lane::start(writer.map_err(|error| refused(&error))?, tell_stopped);
        Ok(Self(Arc::new(Inner {
            lane: Mutex::new(Some(lane.map_err(|error| refused(&error))?)),
            stopped: Mutex::new(Some(stopped)),
            reads: opened.reads,
            caches: Caches::default(),
            lock: Mutex::new(Some(opened.lock)),
        })))
    }

    /// Runs the pending migrations of the database at `url` and names them.
    pub async fn migrate(url: &str) -> Result<Vec<String>, OpenError> {
        let opened = open::open(url).await?;
        let applied = open::migrate(&opened.reads).await?;
        opened.reads.close().await.map_err(|error| OpenError::Database(error.to_string()))?;
        Ok(applied)
    }

    /// Makes `commit` durable if the log of its execution still ends where it goes on.
    ///
    /// Commits of one execution are written in the order of their calls; if one is refused, so are those behind it.
    /// The answer comes once it is on disk; a lock or a full disk is waited out.
    pub fn commit(&self, commit: Commit) -> Ticket {
        self.0.caches.keep_payloads(&commit.payloads);
        Ticket(self.submit(Job::Commit(commit)))
    }

    /// Commits that are not answered yet.
    pub fn queue_length(&self) -> usize {
        self.lane().map_or(0, |lane| lane.waiting())
    }

    /// Waits until all that was handed over for `_execution` is written or refused.
    pub async fn settled(&self, _execution: ExecutionId) -> Result<(), JournalError> {
        self.submitted(Job::Barrier).await.map(drop)
    }

    /// Writes what is waiting, then lets go of the database. Later calls find it unavailable.
    pub async fn close(&self) {
        drop(self.0.lane.lock().unwrap_or_else(PoisonError::into_inner).take());
        let stopped = self.0.stopped.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(stopped) = stopped {
            // An error says that the thread is gone, which is what is waited for.
            let _ = stopped.await;
        }
        if let Err(error) = self.0.reads.close_by_ref().await {
            tracing::warn!(%error, "the reading connections did not close");
        }
        drop(self.0.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn lane(&self) -> Option<Lane> {
        self.0.lane.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn submit(&self, job: Job) -> oneshot::Receiver<Result<Written, JournalError>> {
        match self.lane() {
            Some(lane) => lane.submit(job),
            None => {
                let (answer, answered) = oneshot::channel();
                // The receiver is right here.
                let _ = answer.send(Err(JournalError::Unavailable("it is closed".to_owned())));
                answered
            }
        }
    }

    async fn submitted(&self, job: Job) -> Result<Written, JournalError> {
        answer(self.submit(job).await)
    }
}

fn answer(received: Result<Result<Written, JournalError>, oneshot::error::RecvError>) -> Result<Written, JournalError> {
    received.unwrap_or_else(|_| Err(JournalError::Unavailable("its writer has stopped".to_owned())))
}

/// A commit on its way to the disk.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Result<Written, JournalError>>);

impl Ticket {
    /// Waits until the commit is durable or refused for good.
    pub async fn settled(self) -> Result<(), JournalError> {
        answer(self.0.await).map(drop)
    }
}
