//! Somebody else who holds the database for themselves.

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions, Executor};

use crate::support::Discovery;

const TABLES: &str = "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE tablename LIKE 'discovery%'";

/// Nobody else writes the database (on PostgreSQL: nor reads it) until this is released.
pub(super) enum Lock {
    File(rusqlite::Connection),
    Tables(PgConnection),
}

impl Lock {
    pub(super) async fn of(discovery: &Discovery) -> Self {
        let url = discovery.database_url();
        if url.starts_with("sqlite:") {
            let connection = rusqlite::Connection::open(discovery.database()).unwrap();
            connection.busy_timeout(crate::support::PATIENCE).unwrap();
            connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
            return Self::File(connection);
        }
        let mut connection = url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
        let tables: String = sqlx::query_scalar(TABLES).fetch_one(&mut connection).await.unwrap();
        connection.execute("BEGIN").await.unwrap();
        let lock = format!("LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE");
        connection.execute(sqlx::AssertSqlSafe(lock)).await.unwrap();
        Self::Tables(connection)
    }

    pub(super) async fn release(self) {
        match self {
            Self::File(connection) => connection.execute_batch("ROLLBACK").unwrap(),
            Self::Tables(mut connection) => drop(connection.execute("ROLLBACK").await.unwrap()),
        }
    }
}
