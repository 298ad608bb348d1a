//! Adopting the PostgreSQL database of the service that Discovery replaces.
//!
//! All in one transaction: the old tables step aside under other names, the migrations make ours, every workflow becomes
//! a first version, every execution the log that it would have left behind with the rows that follow from it, and the
//! old tables go away. Whatever goes wrong leaves the database as it was.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `catalog.rs`, `shape.rs` | what is there, and how it differs from the database that we know |
//! | `survey.rs` | what will change, told beforehand |
//! | `source.rs`, `reading.rs` | the old rows in bounded batches, and the JSON in them |
//! | `definition.rs`, `history.rs` | workflows and executions as ours |
//! | `write.rs` | the new rows |

mod catalog;
mod definition;
mod history;
mod reading;
mod shape;
mod source;
mod survey;
mod write;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    TransactionTrait,
};

use super::error::{JournalError, OpenError};
use catalog::Catalog;
use reading::Reader;
use shape::{ENUMS, KEPT_COLUMN, TABLES};
use source::{OldAttempt, OldStep, Range, Source};
use write::{Rows, Workflows};

pub use survey::Adoption;

/// What the old tables' names begin with, and what they begin with while they stand aside.
const PREFIX: &str = "discovery_";
const ASIDE: &str = "discovery_replaced_";
/// The notes on single executions that are told; more are counted.
const NOTES_MAX: usize = 100;

/// What came of adopting a database.
#[derive(Debug)]
pub(super) struct Adopted {
    /// Migrations that its new schema counts as applied.
    pub(super) migrations: Vec<String>,
    /// What was not taken over as it was, one line for each execution.
    pub(super) notes: Vec<String>,
}

/// Whether `db` has tables of the old names and has never been ours.
pub(super) async fn is_due(db: &DatabaseConnection) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres || !migration::is_new(db).await? {
        return Ok(false);
    }
    Ok(shape::has_tables(&catalog::read(db, TABLES).await?))
}

/// Tells what adopting `db` would change, and finds out what would not be taken over as it is. Changes nothing.
pub(super) async fn rehearse(
    db: &DatabaseConnection,
    tell: &mut (dyn FnMut(&Adoption) + Send),
) -> Result<Vec<String>, OpenError> {
    let known = known_shape(db).await?;
    let level = Some(IsolationLevel::RepeatableRead);
    let transaction = db.begin_with_config(level, Some(AccessMode::ReadOnly)).await?;
    let takeover = Takeover::new(&transaction, PREFIX, &known, false);
    tell(&takeover.survey(&known).await?);
    let notes = takeover.run().await?;
    transaction.rollback().await?;
    Ok(notes)
}

/// Tells what adopting `db` changes and changes it, or nothing.
pub(super) async fn adopt(
    db: &DatabaseConnection,
    tell: &mut (dyn FnMut(&Adoption) + Send),
) -> Result<Adopted, OpenError> {
    known_shape(db).await?;
    let transaction = db.begin().await?;
    lock(&transaction).await?;
    // Again, because somebody may have changed it before the lock.
    let known = known_shape(&transaction).await?;
    tell(&Takeover::new(&transaction, PREFIX, &known, false).survey(&known).await?);
    let grants = catalog::grants(&transaction, TABLES).await?;
    step_aside(&transaction).await?;
    let migrations = migration::apply_within(&transaction).await?;
    let notes = Takeover::new(&transaction, ASIDE, &known, true).run().await?;
    keep_column(&transaction, &known).await?;
    drop_old(&transaction).await?;
    run_all(&transaction, &grants).await?;
    transaction.commit().await?;
    Ok(Adopted { migrations, notes })
}

async fn known_shape(db: &impl ConnectionTrait) -> Result<Catalog, OpenError> {
    let catalog = catalog::read(db, TABLES).await?;
    let differences = shape::differences(&catalog);
    if differences.is_empty() {
        return Ok(catalog);
    }
    let lines: Vec<String> = differences.iter().map(|difference| format!("\n  {difference}")).collect();
    Err(OpenError::ForeignTables(lines.concat()))
}

/// Keeps everybody else away from the old tables until the end of the transaction.
async fn lock(db: &DatabaseTransaction) -> Result<(), OpenError> {
    let settings = "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = 0; \
                    SET LOCAL idle_in_transaction_session_timeout = 0";
    db.execute_unprepared(settings).await?;
    let sql = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", TABLES.join(", "));
    if let Err(error) = db.execute_unprepared(&sql).await {
        return Err(OpenError::StillInUse(error.to_string()));
    }
    Ok(db.execute_unprepared("SET LOCAL lock_timeout = 0").await.map(drop)?)
}

/// Renames the old tables and their indexes, so that ours can have the names.
async fn step_aside(db: &DatabaseTransaction) -> Result<(), DbErr> {
    for (number, index) in catalog::indexes(db, TABLES).await?.iter().enumerate() {
        db.execute_unprepared(&format!("ALTER INDEX {index} RENAME TO {ASIDE}index_{number}")).await?;
    }
    for table in TABLES {
        db.execute_unprepared(&format!("ALTER TABLE {table} RENAME TO {}", aside(table))).await?;
    }
    Ok(())
}

fn aside(table: &str) -> String {
    table.replacen(PREFIX, ASIDE, 1)
}

/// Gives the executions the column that the newest installations have, with its values.
async fn keep_column(db: &DatabaseTransaction, known: &Catalog) -> Result<(), DbErr> {
    let table = TABLES[2];
    let Some(column) = shape::column(known, table, KEPT_COLUMN) else { return Ok(()) };
    let add = format!("ALTER TABLE {table} ADD COLUMN {KEPT_COLUMN} {}", column.sql_type);
    db.execute_unprepared(&add).await?;
    let copy = format!(
        "UPDATE {table} AS new SET {KEPT_COLUMN} = old.{KEPT_COLUMN} FROM {} AS old \
         WHERE old.id = new.id AND old.{KEPT_COLUMN} IS NOT NULL",
        aside(table)
    );
    db.execute_unprepared(&copy).await.map(drop)
}

async fn drop_old(db: &DatabaseTransaction) -> Result<(), DbErr> {
    for table in TABLES.iter().rev() {
        db.execute_unprepared(&format!("DROP TABLE {}", aside(table))).await?;
    }
    for (name, _) in ENUMS {
        // Somebody else's table or function may use the type; then it stays.
        let attempt = db.begin().await?;
        match attempt.execute_unprepared(&format!("DROP TYPE IF EXISTS {name}")).await {
            Ok(_) => attempt.commit().await?,
            Err(_) => attempt.rollback().await?,
        }
    }
    Ok(())
}

async fn run_all(db: &DatabaseTransaction, statements: &[String]) -> Result<(), DbErr> {
    for statement in statements {
        db.execute_unprepared(statement).await?;
    }
    Ok(())
}

/// Takes rows over, or only finds out whether it could.
struct Takeover<'a> {
    source: Source<'a>,
    writes: bool,
    now: DateTime<Utc>,
}

impl<'a> Takeover<'a> {
    fn new(db: &'a DatabaseTransaction, prefix: &'static str, known: &Catalog, writes: bool) -> Self {
        let has = |name: &str| shape::column(known, TABLES[2], name).is_some();
        let (has_additional_data, has_custom_status) = (has("additional_data"), has("custom_status"));
        let source = Source { db, prefix, has_additional_data, has_custom_status };
        Self { source, writes, now: Utc::now() }
    }

    /// What will change.
    async fn survey(&self, known: &Catalog) -> Result<Adoption, OpenError> {
        let mut adoption = Adoption::survey(&self.source, known).await?;
        self.each_workflow(async |defined| {
            adoption.changed_definitions.extend(defined.changes.iter().cloned());
            Ok(())
        })
        .await?;
        Ok(adoption)
    }

    async fn each_workflow(
        &self,
        mut take: impl AsyncFnMut(&definition::Defined) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let mut after = None;
        loop {
            let page = self.source.workflows(after).await?;
            let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(()) };
            let mut steps = self.source.steps((first.id, last.id)).await?;
            after = Some(last.id);
            for old in &page {
                let own: Vec<OldStep> = steps.extract_if(.., |step| step.workflow_id == old.id).collect();
                let defined = definition::define(old, own, self.now).map_err(OpenError::NotAdopted)?;
                take(&defined).await?;
            }
        }
    }

    /// Takes everything over; gives what could not be taken as it was.
    async fn run(&self) -> Result<Vec<String>, OpenError> {
        let workflows = self.take_workflows().await?;
        let (mut notes, mut more) = (Vec::new(), 0);
        let mut after = None;
        loop {
            let ranges = self.source.ranges(after).await?;
            let Some((_, last)) = ranges.last() else { break };
            after = Some(*last);
            for range in ranges {
                let mut found = self.take_executions(range, &workflows).await?;
                let room = NOTES_MAX.saturating_sub(notes.len());
                more += found.len().saturating_sub(room);
                found.truncate(room);
                notes.append(&mut found);
            }
        }
        if more > 0 {
            notes.push(format!("and {more} more of the kind"));
        }
        Ok(notes)
    }

    async fn take_workflows(&self) -> Result<Workflows, OpenError> {
        let mut workflows = Workflows::new();
        self.each_workflow(async |defined| {
            let workflow = &defined.workflow;
            workflows.insert(workflow.id.0, Arc::new(workflow.clone()));
            let mut rows = Rows::default();
            rows.push_workflow(workflow)?;
            self.write(rows).await
        })
        .await?;
        Ok(workflows)
    }

    async fn take_executions(&self, range: Range, workflows: &Workflows) -> Result<Vec<String>, OpenError> {
        let executions = self.source.executions(range).await?;
        let mut attempts = self.source.attempts(range).await?;
        attempts.sort_by_key(|attempt| attempt.execution_id);
        let mut attempts = attempts.into_iter().peekable();
        let (mut rows, mut notes) = (Rows::default(), Vec::new());
        for old in executions {
            // In the same order; those of executions that were left out are passed over.
            while attempts.next_if(|attempt| attempt.execution_id < old.id).is_some() {}
            let own: Vec<OldAttempt> =
                std::iter::from_fn(|| attempts.next_if(|attempt| attempt.execution_id == old.id)).collect();
            let Some(workflow) = workflows.get(&old.workflow_id) else {
                return Err(OpenError::NotAdopted(format!("the workflow of execution {} is missing", old.id)));
            };
            let mut reader = Reader::new(crate::domain::ExecutionId(old.id));
            let history = history::history(&mut reader, &old, own, workflow, self.now)
                .map_err(|error| OpenError::NotAdopted(format!("execution {}: {error}", old.id)))?;
            notes.extend(rows.push_execution(&old, history, reader)?);
        }
        self.write(rows).await?;
        Ok(notes)
    }

    async fn write(&self, rows: Rows) -> Result<(), OpenError> {
        if self.writes {
            rows.write(self.source.db).await?;
        }
        Ok(())
    }
}

impl From<DbErr> for OpenError {
    fn from(error: DbErr) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<JournalError> for OpenError {
    fn from(error: JournalError) -> Self {
        Self::Database(error.to_string())
    }
}
