//! What was written, and over which connections is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{DatabaseConnectionType, sqlx};

use super::Journal;
use crate::metrics::JournalMeters;

/// What a journal has written since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterCounts {
    /// Transactions.
    pub batches: u64,
    /// What they carried: commits of executions, and changes of definitions and settings.
    pub jobs: u64,
    /// Rows, roughly.
    pub rows: u64,
    /// How long the transactions took in all, in microseconds.
    pub micros: u64,
    /// What the newest transaction carried.
    pub last_batch_jobs: u64,
}

/// Counts what is written; the writers of a journal share one.
#[derive(Clone, Debug, Default)]
pub(super) struct WriterTally {
    meters: JournalMeters,
    last_batch_jobs: Arc<AtomicU64>,
}

impl WriterTally {
    /// Counts a transaction.
    pub(super) fn count(&self, jobs: usize, rows: usize, took: Duration) {
        self.meters.count(jobs, rows, took);
        self.last_batch_jobs.store(jobs as u64, Ordering::Relaxed);
    }
}

/// The connections that read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadConnections {
    /// Those that are open.
    pub open: usize,
    /// Those of them that nobody uses.
    pub idle: usize,
    /// How many there may be.
    pub max: usize,
}

impl ReadConnections {
    fn of<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> Self {
        // A few.
        let (open, max) = (pool.size() as usize, pool.options().get_max_connections() as usize);
        Self { open, idle: pool.num_idle().min(open), max }
    }
}

impl Journal {
    /// What was written since it was opened.
    pub fn counts(&self) -> WriterCounts {
        let WriterTally { meters, last_batch_jobs } = &self.0.tally;
        WriterCounts {
            batches: meters.batches(),
            jobs: meters.changes(),
            rows: meters.rows(),
            micros: u64::try_from(meters.took().as_micros()).unwrap_or(u64::MAX),
            last_batch_jobs: last_batch_jobs.load(Ordering::Relaxed),
        }
    }

    /// The meters of what is written.
    pub fn meters(&self) -> &JournalMeters {
        &self.0.tally.meters
    }

    /// The connections that read; `None` where there is no pool of them.
    pub fn read_connections(&self) -> Option<ReadConnections> {
        let reads = &self.0.reads;
        match reads.inner {
            DatabaseConnectionType::SqlxSqlitePoolConnection(_) => {
                Some(ReadConnections::of(reads.get_sqlite_connection_pool()))
            }
            DatabaseConnectionType::SqlxPostgresPoolConnection(_) => {
                Some(ReadConnections::of(reads.get_postgres_connection_pool()))
            }
            DatabaseConnectionType::Disconnected => None,
        }
    }
}
