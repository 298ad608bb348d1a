//! One transaction: the commits of many executions as a few statements.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::sqlx::postgres::{PgConnection, PgTransaction};
use sea_orm::sqlx::{self, Error};
use uuid::Uuid;

use super::definition;
use super::keys::{self, StartedBefore};
use super::rows::{Events, Executions, Steps};
use super::settings;
use super::statements::Statements;
use crate::domain::Execution;
use crate::journal::commit::{Commit, RowChange, StepRow};
use crate::journal::sqlite::signed;
use crate::journal::store::Outcome;
use crate::journal::writer::{Job, Written};
use crate::journal::{JournalError, StartKey};
use crate::payload::Payload;

/// Commits of one execution, each going on where the one before ends.
pub(super) struct Chain<'a> {
    /// Their places in the batch.
    places: Vec<usize>,
    commits: Vec<&'a Commit>,
}

impl<'a> Chain<'a> {
    /// Where the log must end now.
    pub(super) fn after(&self) -> u64 {
        self.commits.first().map_or(0, |commit| commit.after)
    }

    /// The state behind all of them.
    pub(super) fn state(&self) -> &'a Execution {
        // A chain is made with its first commit.
        &self.commits[self.commits.len() - 1].state
    }

    /// The newest context that the row is to carry.
    pub(super) fn context(&self) -> Option<&'a str> {
        self.commits.iter().rev().find_map(|commit| commit.context.as_deref())
    }

    /// The newest row of each attempt that was touched.
    pub(super) fn step_rows(&self) -> impl Iterator<Item = &'a StepRow> + use<'a> {
        let newest: BTreeMap<usize, &StepRow> =
            self.commits.iter().flat_map(|commit| &commit.steps).map(|row| (row.place, row)).collect();
        newest.into_values()
    }

    /// What a new execution is started with.
    pub(super) fn key(&self) -> Option<&'a StartKey> {
        self.commits.first().and_then(|commit| commit.key.as_ref())
    }

    fn is_new(&self) -> bool {
        self.commits.first().is_some_and(|commit| matches!(commit.row, RowChange::New))
    }

    fn has_turned(&self) -> bool {
        self.commits.iter().any(|commit| matches!(commit.row, RowChange::Turned))
    }
}

/// Writes `jobs` in their order; a refused one has written nothing.
pub(super) async fn write(
    transaction: &mut PgTransaction<'_>,
    statements: &Statements,
    jobs: &[&Job],
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::with_capacity(jobs.len());
    let mut run = Vec::new();
    for job in jobs {
        match job {
            Job::Commit(commit) => run.push(commit),
            Job::Define(write) => {
                outcomes.extend(commit_all(transaction, statements, &std::mem::take(&mut run)).await?);
                outcomes.push(definition::write(transaction, statements, write).await?);
            }
            Job::Keep(write) => {
                outcomes.extend(commit_all(transaction, statements, &std::mem::take(&mut run)).await?);
                outcomes.push(settings::write(transaction, statements, write).await?);
            }
            Job::Barrier => {
                outcomes.extend(commit_all(transaction, statements, &std::mem::take(&mut run)).await?);
                outcomes.push(Ok(Written::Done));
            }
        }
    }
    outcomes.extend(commit_all(transaction, statements, &run).await?);
    Ok(outcomes)
}

fn chains<'a>(commits: &[&'a Commit]) -> Vec<Chain<'a>> {
    let mut known: HashMap<Uuid, usize> = HashMap::new();
    let mut chains: Vec<Chain<'a>> = Vec::new();
    for (place, commit) in commits.iter().enumerate() {
        let chain = *known.entry(commit.state.id().0).or_insert_with(|| {
            chains.push(Chain { places: Vec::new(), commits: Vec::new() });
            chains.len() - 1
        });
        chains[chain].places.push(place);
        chains[chain].commits.push(commit);
    }
    chains
}

async fn commit_all(
    connection: &mut PgConnection,
    statements: &Statements,
    commits: &[&Commit],
) -> Result<Vec<Outcome>, Error> {
    if commits.is_empty() {
        return Ok(Vec::new());
    }
    let mut outcomes: Vec<Outcome> = commits.iter().map(|_| Ok(Written::Done)).collect();
    let mut chains = chains(commits);
    // Before the workflow: what was started of it can be asked for when it is gone.
    let before = keys::started_before(connection, statements, &chains).await?;
    refuse_started(&mut chains, &before, &mut outcomes);
    let gone = changed_workflows(connection, statements, &chains).await?;
    chains.retain(|chain| {
        let refused = chain.is_new() && gone.contains(&chain.state().id().0);
        if refused {
            chain.places.iter().for_each(|place| outcomes[*place] = Err(JournalError::WorkflowChanged));
        }
        !refused
    });
    // Behind the workflow: one that is refused there leaves the key to the next.
    let before = keys::started_within(&chains);
    refuse_started(&mut chains, &before, &mut outcomes);
    let taken = write_executions(connection, statements, &chains).await?;
    let (accepted, left): (Vec<Chain<'_>>, Vec<Chain<'_>>) =
        chains.into_iter().partition(|chain| taken.contains(&chain.state().id().0));
    keys::write(connection, statements, &accepted).await?;
    write_events(connection, statements, &accepted).await?;
    write_steps(connection, statements, &accepted).await?;
    write_payloads(connection, statements, &accepted).await?;
    for place in unwritten(connection, statements, &left).await? {
        outcomes[place] = Err(JournalError::Conflict);
    }
    Ok(outcomes)
}

/// Takes the chains out that begin with a key of another execution.
fn refuse_started(chains: &mut Vec<Chain<'_>>, before: &StartedBefore, outcomes: &mut [Outcome]) {
    chains.retain(|chain| {
        let Some(first) = before.get(&chain.state().id().0) else { return true };
        chain.places.iter().for_each(|place| outcomes[*place] = Err(JournalError::AlreadyStarted(*first)));
        false
    });
}

/// The new executions whose workflow is not as it was when they were decided.
async fn changed_workflows(
    connection: &mut PgConnection,
    statements: &Statements,
    chains: &[Chain<'_>],
) -> Result<HashSet<Uuid>, Error> {
    let new = || chains.iter().filter(|chain| chain.is_new());
    let ids: HashSet<Uuid> = new().map(|chain| chain.state().workflow().id.0).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let rows: Vec<(Uuid, i64, bool)> =
        sqlx::query_as(sqlx::AssertSqlSafe(&*statements.workflow_states)).bind(ids).fetch_all(connection).await?;
    let present: HashMap<Uuid, (i64, bool)> =
        rows.into_iter().map(|(id, version, deleted)| (id, (version, deleted))).collect();
    let changed = new().filter(|chain| {
        let workflow = chain.state().workflow();
        present.get(&workflow.id.0) != Some(&(signed(workflow.version), false))
    });
    Ok(changed.map(|chain| chain.state().id().0).collect())
}

/// Writes the rows of the executions and gives the ids of those whose log ends where the chain goes on.
async fn write_executions(
    connection: &mut PgConnection,
    statements: &Statements,
    chains: &[Chain<'_>],
) -> Result<HashSet<Uuid>, Error> {
    let (mut new, mut moved, mut turned) = (Executions::default(), Executions::default(), Executions::default());
    for chain in chains {
        let rows = if chain.is_new() {
            &mut new
        } else if chain.has_turned() {
            &mut turned
        } else {
            &mut moved
        };
        rows.push(chain);
    }
    let mut taken = HashSet::with_capacity(chains.len());
    if !new.id.is_empty() {
        let insert = sqlx::query_scalar(sqlx::AssertSqlSafe(&*statements.insert_executions));
        let insert = insert.bind(new.id).bind(new.workflow_id).bind(new.workflow_version).bind(new.status);
        let insert = insert.bind(new.mode).bind(new.current_step_id).bind(new.context);
        let insert = insert.bind(new.additional_data).bind(new.custom_status);
        let insert = insert.bind(new.last_seq).bind(new.wake_at).bind(new.created_at).bind(new.updated_at);
        let ids: Vec<Uuid> = insert.bind(new.finished_at).fetch_all(&mut *connection).await?;
        taken.extend(ids);
    }
    if !moved.id.is_empty() {
        let update = sqlx::query_scalar(sqlx::AssertSqlSafe(&*statements.move_executions));
        let update = update.bind(moved.id).bind(moved.after).bind(moved.last_seq).bind(moved.current_step_id);
        let ids: Vec<Uuid> = update.bind(moved.updated_at).fetch_all(&mut *connection).await?;
        taken.extend(ids);
    }
    if !turned.id.is_empty() {
        let update = sqlx::query_scalar(sqlx::AssertSqlSafe(&*statements.turn_executions));
        let update = update.bind(turned.id).bind(turned.after).bind(turned.last_seq).bind(turned.current_step_id);
        let update = update.bind(turned.updated_at).bind(turned.status).bind(turned.context);
        let update = update.bind(turned.wake_at).bind(turned.finished_at);
        let update = update.bind(turned.additional_data).bind(turned.custom_status);
        let ids: Vec<Uuid> = update.fetch_all(connection).await?;
        taken.extend(ids);
    }
    Ok(taken)
}

async fn write_events(
    connection: &mut PgConnection,
    statements: &Statements,
    chains: &[Chain<'_>],
) -> Result<(), Error> {
    let mut rows = Events::default();
    chains.iter().flat_map(|chain| &chain.commits).for_each(|commit| rows.push(commit));
    if rows.seq.is_empty() {
        return Ok(());
    }
    let insert = sqlx::query(sqlx::AssertSqlSafe(&*statements.insert_events));
    let insert = insert.bind(rows.execution_id).bind(rows.seq).bind(rows.kind).bind(rows.body).bind(rows.private);
    insert.execute(connection).await.map(drop)
}

async fn write_steps(
    connection: &mut PgConnection,
    statements: &Statements,
    chains: &[Chain<'_>],
) -> Result<(), Error> {
    let mut rows = Steps::default();
    chains.iter().for_each(|chain| rows.push(chain));
    if rows.id.is_empty() {
        return Ok(());
    }
    let no_input: Vec<Option<String>> = vec![None; rows.id.len()];
    let put = sqlx::query(sqlx::AssertSqlSafe(&*statements.put_step_executions));
    let put = put.bind(rows.id).bind(rows.step_id).bind(rows.workflow_id).bind(rows.execution_id).bind(rows.step_name);
    let put = put.bind(rows.handler).bind(rows.status).bind(rows.attempt).bind(rows.visit).bind(no_input);
    let put = put.bind(rows.output).bind(rows.error).bind(rows.started_at).bind(rows.finished_at);
    put.execute(connection).await.map(drop)
}

/// In the order of the hashes over the whole batch, so that two writers cannot block each other.
async fn write_payloads(
    connection: &mut PgConnection,
    statements: &Statements,
    chains: &[Chain<'_>],
) -> Result<(), Error> {
    let commits = || chains.iter().flat_map(|chain| &chain.commits);
    let payloads: BTreeMap<[u8; 32], &Payload> =
        commits().flat_map(|commit| &commit.payloads).map(|payload| (payload.hash.0, payload)).collect();
    if payloads.is_empty() {
        return Ok(());
    }
    let hashes: Vec<&[u8]> = payloads.keys().map(|hash| &hash[..]).collect();
    let bytes: Vec<i64> = payloads.values().map(|payload| signed(payload.text.len() as u64)).collect();
    let bodies: Vec<&[u8]> = payloads.values().map(|payload| payload.text.as_bytes()).collect();
    let created_at = vec![chrono::Utc::now(); payloads.len()];
    let insert = sqlx::query(sqlx::AssertSqlSafe(&*statements.insert_payloads));
    insert.bind(hashes).bind(bytes).bind(bodies).bind(created_at).execute(&mut *connection).await?;
    let links =
        commits().flat_map(|commit| commit.payloads.iter().map(|payload| (commit.state.id().0, &payload.hash.0[..])));
    let (executions, hashes): (Vec<Uuid>, Vec<&[u8]>) = links.unzip();
    let link = sqlx::query(sqlx::AssertSqlSafe(&*statements.insert_execution_payloads));
    link.bind(executions).bind(hashes).execute(connection).await.map(drop)
}

/// Of the chains that were not taken, the places of the commits that the log does not hold.
///
/// It holds them where the connection broke at a commit that the server had made all the same.
async fn unwritten(
    connection: &mut PgConnection,
    statements: &Statements,
    chains: &[Chain<'_>],
) -> Result<Vec<usize>, Error> {
    let commits = || chains.iter().flat_map(|chain| chain.places.iter().zip(&chain.commits));
    let last = |commit: &Commit| commit.events.last().map(|event| (commit.state.id().0, signed(event.seq)));
    let (ids, seqs): (Vec<Uuid>, Vec<i64>) = commits().filter_map(|(_, commit)| last(commit)).unzip();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let find = sqlx::query_as(sqlx::AssertSqlSafe(&*statements.event_bodies));
    let rows: Vec<(Uuid, i64, String, Option<String>)> = find.bind(ids).bind(seqs).fetch_all(connection).await?;
    let stored: HashMap<(Uuid, i64), (String, Option<String>)> =
        rows.into_iter().map(|(id, seq, body, private)| ((id, seq), (body, private))).collect();
    // Of two that were decided in the same millisecond, only the private parts differ.
    let is_there = |commit: &Commit| {
        let own = commit.events.last().map(|event| (&*event.text, event.private.as_deref()));
        let found = last(commit).and_then(|key| stored.get(&key));
        found.map(|(body, private)| (body.as_str(), private.as_deref())) == own
    };
    Ok(commits().filter(|(_, commit)| !is_there(commit)).map(|(place, _)| *place).collect())
}
