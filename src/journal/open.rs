//! Opening a database: its URL, the lock that makes it ours, its schema.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, Executor};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use super::Migrated;
use super::adopt::{self, Adopted, Adoption};
use super::error::OpenError;
use super::postgres::{self, PostgresWriter};

/// Connections that read at the same time.
const READ_CONNECTIONS_MAX: u32 = 4;
/// How long a read waits for one of them.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// A database that this process has to itself.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) reads: DatabaseConnection,
    pub(super) writers: Writers,
}

/// What will write, and what keeps others from writing.
#[derive(Debug)]
pub(super) enum Writers {
    /// One file; the lock is held until the process ends, or the journal is closed.
    Sqlite { path: PathBuf, create: bool, lock: File },
    /// Connections that hold a lock each.
    Postgres(Vec<PostgresWriter>),
}

/// Locks the database at `url` and connects to it; the schema is as it was.
pub(super) async fn open(url: &str) -> Result<Opened, OpenError> {
    let writers = if is_postgres(url) {
        let url = url.to_owned();
        let opening = tokio::task::spawn_blocking(move || postgres::open(&url)).await;
        Writers::Postgres(opening.map_err(|error| OpenError::Database(error.to_string()))??)
    } else {
        open_sqlite(url)?
    };
    let reads = match Database::connect(read_options(url)).await {
        Ok(reads) => reads,
        Err(error) => {
            writers.drop_blocking().await;
            return Err(OpenError::Database(error.to_string()));
        }
    };
    Ok(Opened { reads, writers })
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

fn read_options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(READ_CONNECTIONS_MAX).min_connections(1).sqlx_logging(false);
    options.acquire_timeout(ACQUIRE_TIMEOUT);
    options
}

/// Has no read on PostgreSQL take longer than `timeout`; not before the migrations, which may.
pub(super) async fn bound_reads(
    reads: DatabaseConnection,
    url: &str,
    timeout: Option<Duration>,
) -> Result<DatabaseConnection, OpenError> {
    let Some(timeout) = timeout.filter(|_| is_postgres(url)) else { return Ok(reads) };
    reads.close().await?;
    // Zero would mean for ever.
    let set = format!("SET statement_timeout = {}", timeout.as_millis().clamp(1, i32::MAX as u128));
    let mut options = read_options(url);
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let set = set.clone();
        pool.after_connect(move |connection, _| {
            let set = set.clone();
            // Made of a number alone.
            Box::pin(async move { connection.execute(sqlx::AssertSqlSafe(set)).await.map(drop) })
        })
    });
    Ok(Database::connect(options).await?)
}

impl Writers {
    /// Drops them where blocking is allowed: they have event loops of their own.
    pub(super) async fn drop_blocking(self) {
        // The task only drops.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

fn open_sqlite(url: &str) -> Result<Writers, OpenError> {
    let (path, create) = sqlite_path(url)?;
    if !create && !path.exists() {
        let detail = format!("the file {} does not exist (add ?mode=rwc to have it made)", path.display());
        return Err(OpenError::Database(detail));
    }
    let lock = lock(&path)?;
    Ok(Writers::Sqlite { path, create, lock })
}

/// The file that `url` names, and whether it may be made.
fn sqlite_path(url: &str) -> Result<(PathBuf, bool), OpenError> {
    let bad = |why: &dyn std::fmt::Display| {
        OpenError::BadUrl(format!(
            "DATABASE_URL is no URL of a database (sqlite://FILE?mode=rwc or postgres://USER@HOST/NAME): {why}."
        ))
    };
    if !url.starts_with("sqlite:") {
        return Err(bad(&"it begins with neither `sqlite:` nor `postgres:`"));
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|error| bad(&error))?;
    let path = options.get_filename().to_path_buf();
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(bad(&"a database in memory would lose what was acknowledged"));
    }
    Ok((path, url.contains("mode=rwc")))
}

/// Takes the lock file beside the database. The kernel lets it go with the process, however that ends.
///
/// It is a file of its own, because closing any descriptor of the database itself would drop SQLite's own locks.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let unusable = |error: std::io::Error| {
        OpenError::Database(format!("its lock file {} cannot be used: {error}", name.display()))
    };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&name).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// Brings the schema up to date and names what was applied. A replaced service's database is refused.
pub(super) async fn migrate(db: &DatabaseConnection) -> Result<Vec<String>, OpenError> {
    refuse_newer(db).await?;
    refuse_replaced(db).await?;
    Ok(migration::apply(db).await?)
}

/// Brings the schema up to date, or only finds out what that would change. A replaced service's database is adopted.
pub(super) async fn migrate_or_adopt(
    db: &DatabaseConnection,
    dry_run: bool,
    tell: &mut (dyn FnMut(&Adoption) + Send),
) -> Result<Migrated, OpenError> {
    refuse_newer(db).await?;
    if !adopt::is_due(db).await? {
        let migrations = if dry_run { migration::pending(db).await? } else { migration::apply(db).await? };
        return Ok(Migrated { migrations, adopted: None });
    }
    if dry_run {
        let notes = adopt::rehearse(db, tell).await?;
        return Ok(Migrated { migrations: migration::pending(db).await?, adopted: Some(notes) });
    }
    let Adopted { migrations, notes } = adopt::adopt(db, tell).await?;
    Ok(Migrated { migrations, adopted: Some(notes) })
}

async fn refuse_replaced(db: &DatabaseConnection) -> Result<(), OpenError> {
    if adopt::is_due(db).await? { Err(OpenError::Replaced) } else { Ok(()) }
}

/// Refuses a schema that is not up to date.
pub(super) async fn require_migrated(db: &DatabaseConnection) -> Result<(), OpenError> {
    refuse_newer(db).await?;
    refuse_replaced(db).await?;
    let pending = migration::pending(db).await.map_err(|error| OpenError::Database(error.to_string()))?;
    if pending.is_empty() { Ok(()) } else { Err(OpenError::NotMigrated(pending.join(", "))) }
}

async fn refuse_newer(db: &DatabaseConnection) -> Result<(), OpenError> {
    let unknown = migration::unknown(db).await.map_err(|error| OpenError::Database(error.to_string()))?;
    if unknown.is_empty() { Ok(()) } else { Err(OpenError::NewerSchema(unknown.join(", "))) }
}
