//! The writing connections to PostgreSQL: a few, each with the executions that hash to it.

mod batch;
mod definition;
mod keys;
mod rows;
mod settings;
mod statements;

use std::str::FromStr;
use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions, Connection, Error};
use tokio::runtime::{Builder, Runtime};

use super::error::{OpenError, is_transient};
use super::store::{Outcome, Store, WriteError};
use super::writer::Job;
use statements::Statements;

/// Writers of one journal. Four were slower than two: they wait for the same disk.
const WRITERS: usize = 2;
/// The first of the advisory locks that make a database ours, one for each writer ("discover" in ASCII).
const LOCK_KEY: i64 = 0x6469_7363_6f76_6572;
/// How long an open waits for the locks of a process that has just died, and whose end the server has yet to notice.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// How often it asks meanwhile.
const LOCK_LOOK: Duration = Duration::from_millis(50);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// One connection that writes, made anew when it breaks; it writes only while it holds its lock.
///
/// It drives its own event loop, so it must be used, and dropped, on a thread that may block.
#[derive(Debug)]
pub(super) struct PostgresWriter {
    options: PgConnectOptions,
    lane: i64,
    connection: Option<PgConnection>,
    statements: Statements,
    runtime: Runtime,
}

/// Connects the writers to the database at `url` and takes their locks. Blocks.
pub(super) fn open(url: &str) -> Result<Vec<PostgresWriter>, OpenError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| OpenError::BadUrl(format!("DATABASE_URL is no URL of a PostgreSQL database: {error}.")))?;
    let options = options.application_name("discovery-journal").disable_statement_logging();
    (0..WRITERS as i64).map(|lane| PostgresWriter::open(&options, lane)).collect()
}

impl PostgresWriter {
    fn open(options: &PgConnectOptions, lane: i64) -> Result<Self, OpenError> {
        let refused = |error: &dyn std::fmt::Display| OpenError::Database(error.to_string());
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| refused(&error))?;
        let since = Instant::now();
        let connection = loop {
            match runtime.block_on(connect(options, lane)).map_err(|error| refused(&error))? {
                Some(connection) => break connection,
                None if since.elapsed() < LOCK_PATIENCE => std::thread::sleep(LOCK_LOOK),
                None => {
                    let database = options.get_database().unwrap_or_else(|| options.get_username());
                    return Err(OpenError::Locked(format!("{database} on {}", options.get_host())));
                }
            }
        };
        let statements = Statements::new();
        Ok(Self { options: options.clone(), lane, connection: Some(connection), statements, runtime })
    }
}

/// A connection that holds the lock of this lane, or `None` where somebody else holds it.
async fn connect(options: &PgConnectOptions, lane: i64) -> Result<Option<PgConnection>, Error> {
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, options.connect());
    let mut connection = connecting.await.map_err(|_| Error::PoolTimedOut)??;
    let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK_KEY + lane);
    if lock.fetch_one(&mut connection).await? {
        return Ok(Some(connection));
    }
    connection.close().await?;
    Ok(None)
}

impl Store for PostgresWriter {
    fn write(&mut self, jobs: &[&Job]) -> Result<Vec<Outcome>, WriteError> {
        let Self { options, lane, connection, statements, runtime } = self;
        let written = runtime.block_on(async {
            let connected = match connection.take() {
                Some(connected) => connected,
                None => connect(options, *lane).await?.ok_or_else(|| {
                    WriteError::Transient("another process holds the lock of the database".to_owned())
                })?,
            };
            let connected = connection.insert(connected);
            let mut transaction = connected.begin().await?;
            let outcomes = batch::write(&mut transaction, statements, jobs).await?;
            transaction.commit().await?;
            Ok(outcomes)
        });
        if let Err(WriteError::Transient(_)) = &written {
            // Whatever was wrong may have been wrong with the connection.
            *connection = None;
        }
        written
    }
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        if is_transient(&error) { Self::Transient(error.to_string()) } else { Self::Final(error.to_string()) }
    }
}
