//! The writing connection to SQLite: one transaction for all that is waiting.

mod keys;
mod places;
mod settings;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use chrono::SecondsFormat;
use rusqlite::types::Value as Sql;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, ToSql, TransactionBehavior, params, params_from_iter,
};
use uuid::Uuid;

use self::places::{Key, Places};

use super::commit::{Commit, RowChange, StepRow, property_columns, wake_at};
use super::statements::Statements;
use super::store::{Outcome, Store, WriteError};
use super::writer::{DefinitionWrite, Job, Written};
use super::{DefinitionRefusal, JournalError};
use crate::domain::{Execution, Mode, Status, Step, Timestamp, Workflow, WorkflowId};
use crate::payload::Payload;

/// How long a statement waits for a lock that somebody else holds before the writer hears of it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Statements that are kept prepared: all of the writer's.
const PREPARED_STATEMENTS: usize = 32;

/// When SQLite calls `fsync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Synchronous {
    /// At every commit: what was acknowledged survives a power cut.
    #[default]
    Full,
    /// At checkpoints: what was acknowledged survives a crash of the process, not always one of the machine.
    Normal,
}

impl fmt::Display for Synchronous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Normal => "normal",
        })
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        let transient = matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::OutOfMemory
                    | ErrorCode::FileLockingProtocolFailed
            )
        );
        if transient { Self::Transient(error.to_string()) } else { Self::Final(error.to_string()) }
    }
}

/// The one connection that writes.
#[derive(Debug)]
pub(super) struct SqliteWriter {
    connection: Connection,
    statements: Statements,
    places: Places,
}

impl SqliteWriter {
    /// Opens the database at `path` for writing; makes the file where `create` allows it.
    pub(super) fn open(path: &Path, create: bool, synchronous: Synchronous) -> rusqlite::Result<Self> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", synchronous.to_string())?;
        // Whatever refers to a row is written with that row, or where the same transaction has just found it.
        connection.pragma_update(None, "foreign_keys", "OFF")?;
        connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
        Ok(Self { connection, statements: Statements::new(), places: Places::default() })
    }
}

#[cfg(test)]
impl SqliteWriter {
    /// Lets the database have so many pages and no more: SQLite then answers as it does on a full disk (`SQLITE_FULL`).
    pub(super) fn bound_pages(&self, pages_max: i64) {
        self.connection.query_row(&format!("PRAGMA max_page_count = {pages_max}"), [], |_| Ok(())).unwrap();
    }
}

impl Store for SqliteWriter {
    fn write(&mut self, jobs: &[&Job]) -> Result<Vec<Outcome>, WriteError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut batch = Batch { connection: &transaction, statements: &self.statements, places: &mut self.places };
        let outcomes = jobs.iter().map(|job| batch.write(job)).collect::<Result<Vec<_>, _>>()?;
        transaction.commit()?;
        Ok(outcomes)
    }
}

/// A transaction that is being filled. A refused job has written nothing.
struct Batch<'a> {
    connection: &'a Connection,
    statements: &'a Statements,
    places: &'a mut Places,
}

impl Batch<'_> {
    fn write(&mut self, job: &Job) -> rusqlite::Result<Outcome> {
        match job {
            Job::Commit(commit) => self.commit(commit),
            Job::Define(DefinitionWrite::Put { workflow, after }) => self.put_workflow(workflow, *after),
            Job::Define(DefinitionWrite::Delete { id, version, at }) => self.delete_workflow(*id, *version, *at),
            Job::Keep(write) => self.keep(write),
            Job::Barrier => Ok(Ok(Written::Done)),
        }
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(sql)?.execute(values)
    }

    /// Updates the row of `id`: `at_place` has one value more, the row id, than `by_key`.
    fn update(&self, id: Key, at_place: &str, by_key: &str, values: &[&dyn ToSql]) -> rusqlite::Result<usize> {
        if let Some(row_id) = self.places.get(&id) {
            let all = values.iter().copied().chain([&row_id as &dyn ToSql]);
            let written = self.run(at_place, params_from_iter(all))?;
            if written > 0 {
                return Ok(written);
            }
        }
        self.run(by_key, values)
    }

    fn commit(&mut self, commit: &Commit) -> rusqlite::Result<Outcome> {
        let id = blob(commit.state.id().0);
        if let Some(first) = self.started_before(commit)? {
            return Ok(Err(JournalError::AlreadyStarted(first)));
        }
        if let Err(refused) = self.write_execution(commit)? {
            let written = matches!(refused, JournalError::Conflict) && self.is_there_already(commit)?;
            return Ok(if written { Ok(Written::Done) } else { Err(refused) });
        }
        self.write_key(commit)?;
        for event in &commit.events {
            let values = params![id, signed(event.seq), event.kind, &*event.text, event.private];
            self.run(&self.statements.insert_event, values)?;
        }
        for row in &commit.steps {
            self.write_step(&commit.state, row)?;
        }
        let mut payloads: Vec<&Payload> = commit.payloads.iter().collect();
        payloads.sort_by_key(|payload| payload.hash);
        for payload in payloads {
            let body = payload.text.as_bytes();
            let at = time(commit.state.updated_at());
            self.run(
                &self.statements.insert_payload,
                params![&payload.hash.0[..], signed(body.len() as u64), body, at],
            )?;
            self.run(&self.statements.insert_execution_payload, params![id, &payload.hash.0[..]])?;
        }
        Ok(Ok(Written::Done))
    }

    fn write_execution(&mut self, commit: &Commit) -> rusqlite::Result<Result<(), JournalError>> {
        let state = &commit.state;
        let current_step = state.current_step().map(|step| blob(step.id.0));
        let (seq, updated_at) = (signed(state.last_seq()), time(state.updated_at()));
        let id = blob(state.id().0);
        let (wake_at, finished_at) = (wake_at(state).map(time), state.finished_at().map(time));
        let (data, custom_status) = property_columns(state);
        let written = match commit.row {
            RowChange::New => {
                let workflow = state.workflow();
                if self.workflow_state(workflow.id)? != Some((workflow.version, false)) {
                    return Ok(Err(JournalError::WorkflowChanged));
                }
                let values = params![
                    id,
                    blob(workflow.id.0),
                    signed(workflow.version),
                    state.status().as_str(),
                    mode(state.mode()),
                    current_step,
                    commit.context,
                    data,
                    custom_status,
                    seq,
                    wake_at,
                    time(state.created_at()),
                    updated_at,
                    finished_at,
                ];
                let written = self.run(&self.statements.insert_execution, values)?;
                if written == 1 {
                    self.places.keep(id, self.connection);
                }
                written
            }
            RowChange::Moved => {
                let values = params![seq, current_step, updated_at, id, signed(commit.after)];
                self.update(id, &self.statements.move_execution_at, &self.statements.move_execution, values)?
            }
            RowChange::Turned => {
                let values = params![
                    seq,
                    current_step,
                    updated_at,
                    state.status().as_str(),
                    commit.context,
                    wake_at,
                    finished_at,
                    data,
                    custom_status,
                    id,
                    signed(commit.after),
                ];
                self.update(id, &self.statements.turn_execution_at, &self.statements.turn_execution, values)?
            }
        };
        Ok(if written == 1 { Ok(()) } else { Err(JournalError::Conflict) })
    }

    /// Whether the log holds these very events: the commit was written before, though that was not known.
    fn is_there_already(&self, commit: &Commit) -> rusqlite::Result<bool> {
        let Some(last) = commit.events.last() else { return Ok(true) };
        let mut statement = self.connection.prepare_cached(&self.statements.event_body)?;
        let values = params![blob(commit.state.id().0), signed(last.seq)];
        let stored: Option<(String, Option<String>)> =
            statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        // Of two that were decided in the same millisecond, only the private parts differ.
        Ok(stored.is_some_and(|(body, private)| *body == *last.text && private == last.private))
    }

    fn write_step(&mut self, state: &Execution, row: &StepRow) -> rusqlite::Result<()> {
        let attempt = &state.attempts()[row.place];
        let (id, status) = (blob(attempt.id.0), attempt.status.as_str());
        let finished_at = attempt.finished_at.map(time);
        if !row.is_new {
            let values = params![status, row.output, row.error, finished_at, id];
            self.update(id, &self.statements.end_step_execution_at, &self.statements.end_step_execution, values)?;
            return Ok(());
        }
        let step = state.step_of(attempt);
        let values = params![
            id,
            blob(step.id.0),
            blob(step.workflow_id.0),
            blob(state.id().0),
            step.name.as_str(),
            step.handler.as_str(),
            status,
            attempt.attempt,
            attempt.visit,
            None::<String>,
            row.output,
            row.error,
            time(attempt.started_at),
            finished_at,
        ];
        self.run(&self.statements.insert_step_execution, values)?;
        self.places.keep(id, self.connection);
        Ok(())
    }

    fn workflow_state(&self, id: WorkflowId) -> rusqlite::Result<Option<(u64, bool)>> {
        let mut statement = self.connection.prepare_cached(&self.statements.workflow_state)?;
        let row = statement.query_row([blob(id.0)], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
        Ok(row.map(|(version, deleted)| (version.unsigned_abs(), deleted)))
    }

    fn put_workflow(&self, workflow: &Workflow, after: u64) -> rusqlite::Result<Outcome> {
        let present = self.workflow_state(workflow.id)?.map_or(0, |(version, _)| version);
        if present != after {
            return Ok(Ok(Written::Refused(DefinitionRefusal::Changed)));
        }
        let values = params![
            blob(workflow.id.0),
            workflow.name.as_str(),
            workflow.description,
            mode(workflow.mode),
            workflow.timeout_seconds.map(|seconds| seconds.as_f64()),
            signed(workflow.version),
            time(workflow.created_at),
            time(workflow.updated_at),
            None::<String>,
        ];
        self.run(&self.statements.put_workflow, values)?;
        self.run(&self.statements.delete_steps, [blob(workflow.id.0)])?;
        for step in &workflow.steps {
            self.run(&self.statements.insert_step, params_from_iter(step_values(step)))?;
        }
        let values = params![blob(workflow.id.0), signed(workflow.version), json(workflow), time(workflow.updated_at)];
        self.run(&self.statements.insert_version, values)?;
        Ok(Ok(Written::Done))
    }

    fn delete_workflow(&self, id: WorkflowId, version: u64, at: Timestamp) -> rusqlite::Result<Outcome> {
        if self.workflow_state(id)? != Some((version, false)) {
            return Ok(Ok(Written::Refused(DefinitionRefusal::Changed)));
        }
        let live = params![blob(id.0), Status::Running.as_str(), Status::Paused.as_str()];
        if self.connection.prepare_cached(&self.statements.live_execution)?.exists(live)? {
            return Ok(Ok(Written::Refused(DefinitionRefusal::LiveExecutions)));
        }
        self.run(&self.statements.hide_workflow, params![time(at), blob(id.0)])?;
        Ok(Ok(Written::Done))
    }
}

/// In the order of the entity's columns.
fn step_values(step: &Step) -> [Sql; 13] {
    [
        Sql::Blob(blob(step.id.0).to_vec()),
        Sql::Blob(blob(step.workflow_id.0).to_vec()),
        text(step.name.as_str()),
        text(step.handler.as_str()),
        Sql::Integer(i64::from(step.order)),
        Sql::Integer(i64::from(step.max_visits)),
        Sql::Text(json(&step.config)),
        Sql::Real(step.timeout_seconds.as_f64()),
        step.heartbeat_timeout_seconds.map_or(Sql::Null, |seconds| Sql::Real(seconds.as_f64())),
        Sql::Text(json(&step.retry)),
        Sql::Integer(i64::from(step.end)),
        Sql::Text(time(step.created_at)),
        Sql::Text(time(step.updated_at)),
    ]
}

fn text(text: &str) -> Sql {
    Sql::Text(text.to_owned())
}

/// Ids are kept as their 16 bytes.
fn blob(id: Uuid) -> Key {
    id.into_bytes()
}

/// The very form in which the reading side writes its comparisons, so that the texts sort as the times do.
fn time(at: Timestamp) -> String {
    at.as_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// SQLite's integers are signed; a log or a version never comes near 2^63.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Automatic => "automatic",
        Mode::Manual => "manual",
    }
}

/// Our own definitions: maps with string keys and finite numbers, which serialise without fail.
pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
