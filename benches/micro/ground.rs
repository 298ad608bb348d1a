//! The databases that everything is measured on.

use std::fs;
use std::path::PathBuf;

use discovery::journal::{Journal, OpenOptions};

use crate::database::TestDatabase;
use crate::hand::new_id;

/// An empty database that goes away at the end.
pub(crate) struct Ground {
    database: TestDatabase,
    /// What holds it, where it is a file.
    directory: Option<PathBuf>,
}

impl Ground {
    /// A file of SQLite, on the disk that the build is on: the system's directory for such things may be in memory.
    pub(crate) fn sqlite() -> Self {
        let name = format!("micro-{}-{}", std::process::id(), new_id());
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&directory).unwrap();
        Self { database: TestDatabase::file(&directory), directory: Some(directory) }
    }

    /// A database on the PostgreSQL server that `DISCOVERY_TEST_POSTGRES_URL` names, where it names one.
    pub(crate) fn postgres() -> Option<Self> {
        let server = std::env::var("DISCOVERY_TEST_POSTGRES_URL").ok()?;
        Some(Self { database: TestDatabase::on_server(&server), directory: None })
    }

    /// The journal on it, with `synchronous=FULL`: a commit is on disk when it is answered.
    pub(crate) async fn journal(&self) -> Journal {
        Journal::open(&self.database.url(), &OpenOptions { migrate: true, ..OpenOptions::default() }).await.unwrap()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            // What is left costs nothing but room.
            let _ = fs::remove_dir_all(directory);
        }
    }
}
