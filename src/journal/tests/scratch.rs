//! Databases that live as long as a test.

use std::path::PathBuf;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions, Connection};
use tempfile::TempDir;
use uuid::Uuid;

/// Names the PostgreSQL server that tests may make databases on.
const POSTGRES: &str = "DISCOVERY_TEST_POSTGRES_URL";

pub(super) struct Scratch {
    url: String,
    place: Place,
}

enum Place {
    Directory(TempDir),
    /// A database of this name, dropped at the end.
    Server {
        options: Box<PgConnectOptions>,
        name: String,
    },
}

impl Scratch {
    pub(super) fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db?mode=rwc", directory.path().display());
        Self { url, place: Place::Directory(directory) }
    }

    /// A database on the PostgreSQL server, where there is one.
    pub(super) async fn postgres() -> Option<Self> {
        let server = std::env::var(POSTGRES).ok()?;
        let options: PgConnectOptions = server.parse().unwrap();
        let name = format!("discovery_journal_{}", Uuid::new_v4().simple());
        let mut connection = options.connect().await.unwrap();
        let create = format!("CREATE DATABASE {name}");
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        Some(Self { url: url.to_string(), place: Place::Server { options: Box::new(options), name } })
    }

    /// One on each database that there is.
    pub(super) async fn all() -> Vec<Self> {
        let mut all = vec![Self::sqlite()];
        all.extend(Self::postgres().await);
        all
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The file of an SQLite database.
    pub(super) fn path(&self) -> PathBuf {
        match &self.place {
            Place::Directory(directory) => directory.path().join("test.db"),
            Place::Server { name, .. } => panic!("{name} is no file"),
        }
    }

    /// Breaks every connection to a PostgreSQL database, as a restart of the server does.
    pub(super) async fn break_connections(&self) {
        let Place::Server { options, name } = &self.place else { return };
        let mut connection = options.connect().await.unwrap();
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        sqlx::query(sql).bind(name).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Place::Server { options, name } = &self.place else { return };
        let (options, drop_it) = (options.clone(), format!("DROP DATABASE {name} WITH (FORCE)"));
        // A drop cannot wait in the test's own event loop.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection: PgConnection = options.connect().await.unwrap();
                sqlx::query(sqlx::AssertSqlSafe(drop_it)).execute(&mut connection).await.unwrap();
            });
        });
        dropping.join().unwrap();
    }
}
