//! What can go wrong with the journal.

use sea_orm::{DbErr, RuntimeErr, sqlx};
use thiserror::Error;

use crate::domain::{ExecutionId, FoldError};

/// Why a write or a read did not happen.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The log does not end where the commit goes on: somebody else wrote it.
    #[error("the log was changed by somebody else")]
    Conflict,
    /// The workflow was changed or deleted between its reading and the start of an execution.
    #[error("the workflow was changed or deleted in the meantime")]
    WorkflowChanged,
    /// The key that the execution is started with has started this one.
    #[error("execution {0} was started with this key before")]
    AlreadyStarted(ExecutionId),
    /// The journal is shutting down or does not answer.
    #[error("the journal is not available: {0}")]
    Unavailable(String),
    /// The database refused, for good.
    #[error("the database refused: {0}")]
    Database(String),
    /// What is stored cannot be read.
    #[error(transparent)]
    Damaged(#[from] FoldError),
}

/// Why a database cannot be used; each is a sentence for the operator.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URL is not one that Discovery can use.
    #[error("{0}")]
    BadUrl(String),
    /// Another process has it.
    #[error("The database {0} is in use by another process; a database belongs to one Discovery at a time.")]
    Locked(String),
    /// It was written by a newer binary.
    #[error("The database has a newer schema than this binary knows (unknown migrations: {0}); use a newer Discovery.")]
    NewerSchema(String),
    /// Migrations are pending and forbidden.
    #[error("The database lacks migrations ({0}) and --no-migrate forbids to run them; run `discovery migrate` first.")]
    NotMigrated(String),
    /// It is the replaced service's and was not adopted yet.
    #[error(
        "The database is that of the service that Discovery replaces; run `discovery migrate` to take it over \
         (`discovery migrate --dry-run` tells what that changes)."
    )]
    Replaced,
    /// It has tables of the replaced service's names that are not its own.
    #[error(
        "The database has tables of the service that Discovery replaces, but in another shape, so it was left as it is:{0}"
    )]
    ForeignTables(String),
    /// The replaced service, or somebody else, holds its tables.
    #[error(
        "The tables could not be had alone ({0}), so nothing was changed; stop the service that uses them and try again."
    )]
    StillInUse(String),
    /// Something in it has no place with us.
    #[error("The database cannot be taken over, so nothing was changed: {0}")]
    NotAdopted(String),
    /// It does not answer, or refuses.
    #[error("The database cannot be opened: {0}")]
    Database(String),
}

impl From<DbErr> for JournalError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's, and open")]
    fn from(error: DbErr) -> Self {
        let passes = match &error {
            DbErr::ConnectionAcquire(_) => true,
            DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause) => match cause {
                RuntimeErr::SqlxError(cause) => is_transient(cause),
                RuntimeErr::Internal(_) => false,
            },
            _ => false,
        };
        if passes { Self::Unavailable(error.to_string()) } else { Self::Database(error.to_string()) }
    }
}

impl From<serde_json::Error> for JournalError {
    fn from(error: serde_json::Error) -> Self {
        Self::Database(format!("something cannot be written as JSON: {error}"))
    }
}

/// Whether the same may well succeed a little later (SQLSTATE classes of PostgreSQL's manual, appendix A).
pub(super) fn is_transient(error: &sqlx::Error) -> bool {
    if let Some(error) = error.as_database_error() {
        let code = error.code().unwrap_or_default();
        // SQLite's codes are numbers, the low byte of which tells the kind: busy, locked, read-only, I/O, full, no access.
        if let Ok(number) = code.parse::<u32>()
            && code.len() < 5
        {
            return matches!(number & 0xff, 5 | 6 | 8 | 10 | 13 | 14);
        }
        // Connection exceptions, transaction rollbacks (serialization, deadlock), insufficient resources, operator
        // intervention, and errors of the system itself.
        let classes = ["08", "40", "53", "57", "58"];
        // A lock that is not available; a server that is a standby for now.
        return classes.iter().any(|class| code.starts_with(class)) || code == "55P03" || code == "25006";
    }
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}
