//! The only writer of execution state, and the reads.
//!
//! Actors and the edge hand over what they decided; a writer's thread (one for SQLite, a few for PostgreSQL) writes all
//! that is waiting in one transaction, so that many executions share one `fsync`, and answers once it is on disk. Reads go through a small pool of their own and
//! see only what is committed.

mod adopt;
mod cache;
mod commit;
mod courier;
mod definitions;
mod error;
mod keys;
mod log;
mod open;
mod postgres;
mod reads;
mod settings;
mod sqlite;
mod statements;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::DatabaseConnection;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::domain::ExecutionId;

use cache::Caches;
use open::{Opened, Writers};
use sqlite::SqliteWriter;
use store::Outcome;
use writer::{Job, Lane};

pub use adopt::Adoption;
pub use commit::{Commit, StoredEvent};
pub use courier::Courier;
pub use definitions::{DefinitionRefusal, WorkflowPage};
pub use error::{JournalError, OpenError};
pub use keys::{StartKey, StartedWithKey};
pub use log::{LogEnd, LoggedEvent};
pub use reads::{Cursor, DueExecution, ExecutionFilter, ExecutionPage, ExecutionRow, PageStart};
pub use sqlite::Synchronous;
pub use writer::WriterCounts;

/// How a database is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// Whether pending migrations are run; they are refused otherwise.
    pub migrate: bool,
    /// When SQLite calls `fsync`.
    pub synchronous: Synchronous,
    /// How long a read on PostgreSQL may take, locks that others hold included; SQLite's readers wait for nobody.
    pub read_timeout: Option<Duration>,
}

/// What became of a migration, or would.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Migrated {
    /// The migrations that were applied, or are pending, oldest first.
    pub migrations: Vec<String>,
    /// Where a replaced service's database was adopted: what was not taken over as it was, one line for each execution.
    pub adopted: Option<Vec<String>>,
}

/// A handle on the journal; clones share it.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Empty once closed.
    lanes: Mutex<Vec<Lane>>,
    stopped: Mutex<Vec<oneshot::Receiver<()>>>,
    reads: DatabaseConnection,
    caches: Caches,
    /// Makes an SQLite file ours; `None` once closed.
    lock: Mutex<Option<File>>,
}

impl Journal {
    /// Takes the database at `url` for this process and brings its schema up to date.
    pub async fn open(url: &str, options: &OpenOptions) -> Result<Self, OpenError> {
        let Opened { reads, writers } = open::open(url).await?;
        let ready = match options.migrate {
            true => open::migrate(&reads).await,
            false => open::require_migrated(&reads).await.map(|()| Vec::new()),
        };
        match ready {
            Ok(applied) => applied.iter().for_each(|name| tracing::info!(migration = name, "migrated the database")),
            Err(error) => {
                writers.drop_blocking().await;
                return Err(error);
            }
        }
        match open::bound_reads(reads, url, options.read_timeout).await {
            Ok(reads) => Self::start(reads, writers, options.synchronous),
            Err(error) => {
                writers.drop_blocking().await;
                Err(error)
            }
        }
    }

    fn start(reads: DatabaseConnection, writers: Writers, synchronous: Synchronous) -> Result<Self, OpenError> {
        let refused = |error: &dyn std::fmt::Display| OpenError::Database(error.to_string());
        let (mut lanes, mut stopped) = (Vec::new(), Vec::new());
        let lock = match writers {
            Writers::Sqlite { path, create, lock } => {
                let writer = SqliteWriter::open(&path, create, synchronous).map_err(|error| refused(&error))?;
                let (lane, end) = Lane::start(writer).map_err(|error| refused(&error))?;
                lanes.push(lane);
                stopped.push(end);
                Some(lock)
            }
            Writers::Postgres(writers) => {
                for writer in writers {
                    let (lane, end) = Lane::start(writer).map_err(|error| refused(&error))?;
                    lanes.push(lane);
                    stopped.push(end);
                }
                None
            }
        };
        Ok(Self(Arc::new(Inner {
            lanes: Mutex::new(lanes),
            stopped: Mutex::new(stopped),
            reads,
            caches: Caches::default(),
            lock: Mutex::new(lock),
        })))
    }

    /// Brings the schema of the database at `url` up to date, or with `dry_run` only finds out what that would change.
    ///
    /// A database of the service that Discovery replaces is adopted; `tell` is called with what changes before it does.
    pub async fn migrate(
        url: &str,
        dry_run: bool,
        tell: &mut (dyn FnMut(&Adoption) + Send),
    ) -> Result<Migrated, OpenError> {
        let Opened { reads, writers } = open::open(url).await?;
        let migrated = open::migrate_or_adopt(&reads, dry_run, tell).await;
        let closed = reads.close().await.map_err(OpenError::from);
        writers.drop_blocking().await;
        closed.and(migrated)
    }

    /// Makes `commit` durable if the log of its execution still ends where it goes on.
    ///
    /// Commits of one execution are written in the order of their calls; if one is refused, so are those behind it.
    /// The answer comes once it is on disk; a lock or a full disk is waited out. Where `courier` is to bring it, it comes
    /// to the tasks of that courier's thread only.
    pub fn commit(&self, commit: Commit, courier: Option<&Courier>) -> Ticket {
        self.0.caches.keep_payloads(&commit.payloads);
        let lane = commit.state().id().0;
        Ticket(self.submit(lane, Job::Commit(commit), courier))
    }

    /// Commits that are not answered yet.
    pub fn queue_length(&self) -> usize {
        self.lanes().iter().map(Lane::waiting).sum()
    }

    /// What was written since it was opened.
    pub fn counts(&self) -> WriterCounts {
        self.lanes().iter().map(Lane::counts).fold(WriterCounts::default(), |all, one| WriterCounts {
            batches: all.batches + one.batches,
            jobs: all.jobs + one.jobs,
            rows: all.rows + one.rows,
            micros: all.micros + one.micros,
            last_batch_jobs: all.last_batch_jobs.max(one.last_batch_jobs),
        })
    }

    /// Waits until all that was handed over for `execution` is written or refused.
    pub async fn settled(&self, execution: ExecutionId) -> Result<(), JournalError> {
        self.submitted(execution.0, Job::Barrier).await.map(drop)
    }

    /// Writes what is waiting, then lets go of the database. Later calls find it unavailable.
    pub async fn close(&self) {
        self.lanes().clear();
        let stopped = std::mem::take(&mut *self.0.stopped.lock().unwrap_or_else(PoisonError::into_inner));
        for end in stopped {
            // An error says that the thread is gone, which is what is waited for.
            let _ = end.await;
        }
        if let Err(error) = self.0.reads.close_by_ref().await {
            tracing::warn!(%error, "the reading connections did not close");
        }
        drop(self.0.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues `job` on the lane of `id`: jobs of one id are written in their order.
    fn submit(&self, id: Uuid, job: Job, courier: Option<&Courier>) -> oneshot::Receiver<Outcome> {
        let lanes = self.lanes();
        // The low half of a version 7 UUID is random. The remainder is below the length of a list.
        let place = id.as_u64_pair().1.checked_rem(lanes.len() as u64).map(|place| place as usize);
        match place.and_then(|place| lanes.get(place)) {
            Some(lane) => lane.submit(job, courier),
            None => {
                let (answer, answered) = oneshot::channel();
                // The receiver is right here.
                let _ = answer.send(Err(JournalError::Unavailable("it is closed".to_owned())));
                answered
            }
        }
    }

    async fn submitted(&self, id: Uuid, job: Job) -> Outcome {
        let answered = self.submit(id, job, None);
        answer(answered.await)
    }
}

fn answer(received: Result<Outcome, oneshot::error::RecvError>) -> Outcome {
    received.unwrap_or_else(|_| Err(JournalError::Unavailable("its writer has stopped".to_owned())))
}

/// A commit on its way to the disk.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Outcome>);

impl Ticket {
    /// Waits until the commit is durable or refused for good.
    pub async fn settled(self) -> Result<(), JournalError> {
        answer(self.0.await).map(drop)
    }
}
