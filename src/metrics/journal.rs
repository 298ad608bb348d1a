//! Transactions.

use std::time::Duration;

use prometheus::{Histogram, IntCounter};

use super::meter::{MOMENTS, NUMBERS, counter, histogram};
use super::{Page, Told};

/// The meters of what is written; clones share them.
#[derive(Clone, Debug)]
pub struct JournalMeters {
    seconds: Histogram,
    changes: Histogram,
    rows: IntCounter,
}

impl Default for JournalMeters {
    fn default() -> Self {
        Self {
            seconds: histogram(
                "discovery_journal_commit_seconds",
                "How long a transaction took, from its first row until it was on disk.",
                &MOMENTS,
            ),
            changes: histogram(
                "discovery_journal_batch_changes",
                "Changes that one transaction carried: each is a commit of an execution, or of a definition.",
                &NUMBERS,
            ),
            rows: counter("discovery_journal_rows_total", "Rows that were written, roughly."),
        }
    }
}

impl JournalMeters {
    /// Counts a transaction that is on disk.
    pub fn count(&self, changes: usize, rows: usize, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
        self.changes.observe(changes as f64);
        self.rows.inc_by(rows as u64);
    }

    /// Transactions so far.
    pub fn batches(&self) -> u64 {
        self.seconds.get_sample_count()
    }

    /// What they carried.
    pub fn changes(&self) -> u64 {
        // A sum of whole numbers, which a double holds up to 2^53.
        self.changes.get_sample_sum() as u64
    }

    /// Rows that they wrote, roughly.
    pub fn rows(&self) -> u64 {
        self.rows.get()
    }

    /// How long they took in all.
    pub fn took(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds.get_sample_sum()).unwrap_or_default()
    }
}

impl Told for JournalMeters {
    fn tell(&self, page: &mut Page) {
        page.meter(&self.seconds);
        page.meter(&self.changes);
        page.meter(&self.rows);
    }
}
