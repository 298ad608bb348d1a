//! The actors: one for each live execution, the registry that wakes and supervises them, the pool that they live on.
//!
//! Supervision is the registry's own, because actix restarts neither an actor that panicked nor from a fresh state:
//! a guard inside each actor tells of its death, and the registry starts a new one from the journal.

mod admin;
mod calls;
mod directory;
mod execution;
mod feed;
mod inspect;
mod line;
mod message;
mod outbox;
mod pool;
mod progress;
mod registry;
mod rest;
mod runtime;
mod sessions;
mod stripped;
mod subscribers;
#[cfg(test)]
mod tests;
mod turn;
mod vitals;
mod waiters;
mod waker;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::Addr;
use chrono::Utc;
use uuid::Uuid;

use crate::domain::{ExecutionId, Given, Outages, Rejection, Timestamp};
use crate::journal::{Journal, JournalError};
use crate::limits::Limits;
use crate::pioneer::{CallGate, PioneerClient};

use admin::{Counted, Traffic};
use directory::Directory;
use pool::Pool;
use registry::RegistryActor;
use sessions::Sessions;
use vitals::Vitals;
use waker::Waker;

pub use admin::{ActorKind, ActorLook, Stats};
pub use feed::{Feed, FeedItem};
pub use inspect::Inspection;
pub use line::Line;
pub use outbox::{News, Subscription};
pub use runtime::{Runtime, RuntimeOptions, StartExecution};
pub use sessions::{Session, SessionCounts, SessionKind};
pub use subscribers::Published;
pub use vitals::Handled;
pub use waiters::Expected;

/// Why an execution did not do what it was asked.
#[derive(Clone, Debug)]
pub enum AskError {
    /// There is no such execution.
    Unknown,
    /// Its state forbids it.
    Rejected(Rejection),
    /// A bound was reached; the same may be asked again after this time.
    Overloaded {
        /// When to come back.
        retry_after: Duration,
        /// Which bound, as a sentence.
        detail: String,
    },
    /// The workflow was changed or deleted while the execution was being started: read it again.
    WorkflowChanged,
    /// The key that the execution was to be started with has started this one.
    AlreadyStarted(ExecutionId),
    /// The journal did not take it or did not answer in time.
    Unavailable(String),
    /// What is stored of the execution cannot be read; asking again does not help.
    Unreadable(String),
}

impl From<&JournalError> for AskError {
    fn from(error: &JournalError) -> Self {
        match error {
            JournalError::WorkflowChanged => Self::WorkflowChanged,
            JournalError::AlreadyStarted(first) => Self::AlreadyStarted(*first),
            JournalError::Damaged(_) => Self::Unreadable(error.to_string()),
            JournalError::Conflict | JournalError::Unavailable(_) | JournalError::Database(_) => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}

impl From<JournalError> for AskError {
    fn from(error: JournalError) -> Self {
        Self::from(&error)
    }
}

/// What all actors of one server share.
#[derive(Debug)]
pub(crate) struct Shared {
    journal: Journal,
    directory: Arc<Directory>,
    gate: CallGate,
    pioneer: PioneerClient,
    /// When no process was there: such time counts for no timeout.
    outages: Arc<Outages>,
    limits: Limits,
    pool: Pool,
    registry: OnceLock<Addr<RegistryActor>>,
    waker: Waker,
    registry_vitals: Vitals,
    traffic: Traffic,
    counted: Counted,
    sessions: Arc<Sessions>,
    generations: AtomicU64,
    stopping: AtomicBool,
    #[cfg(test)]
    faults: tests::Faults,
}

impl Shared {
    /// What a decision of this moment is made with.
    fn given(&self) -> Given<'_> {
        Given { now: now(), new_id: Uuid::now_v7(), draw: rand::random(), outages: &self.outages }
    }

    fn next_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

fn now() -> Timestamp {
    Timestamp::new(Utc::now())
}
