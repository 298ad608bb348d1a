//! The database of one test: an SQLite file, or one on the PostgreSQL server that `DISCOVERY_TEST_POSTGRES_URL` names.

use std::path::{Path, PathBuf};

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions};
use url::Url;
use uuid::Uuid;

/// An empty database that goes away with the test.
#[derive(Debug)]
pub(crate) enum TestDatabase {
    File(PathBuf),
    Server { url: Url, server: Box<PgConnectOptions>, name: String },
}

impl TestDatabase {
    /// On PostgreSQL where the environment names a server, or else a file in `directory`.
    pub(super) fn new(directory: &Path) -> Self {
        match std::env::var("DISCOVERY_TEST_POSTGRES_URL") {
            Ok(server) => Self::on_server(&server),
            Err(_) => Self::file(directory),
        }
    }

    pub(super) fn file(directory: &Path) -> Self {
        Self::File(directory.join("discovery.db"))
    }

    pub(super) fn on_server(server: &str) -> Self {
        let name = format!("discovery_it_{}", Uuid::new_v4().simple());
        let mut url: Url = server.parse().unwrap();
        url.set_path(&name);
        let server: PgConnectOptions = server.parse().unwrap();
        run(&server, format!("CREATE DATABASE {name}"));
        Self::Server { url, server: Box::new(server), name }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite://{}?mode=rwc", path.display()),
            Self::Server { url, .. } => url.to_string(),
        }
    }

    /// The file; tests that look into it ask for SQLite.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Server { name, .. } => panic!("{name} is no file: the test must ask for SQLite"),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Self::Server { server, name, .. } = self {
            run(server, format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// Runs `sql` on the server, in an event loop of its own: a drop cannot wait in the test's.
fn run(server: &PgConnectOptions, sql: String) {
    let server = server.clone();
    let running = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection: PgConnection = server.connect().await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
    });
    running.join().unwrap();
}
