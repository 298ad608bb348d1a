//! Keys of starts, on PostgreSQL: both writers may come upon the same key at once.

use std::collections::HashMap;

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Error};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::batch::Chain;
use super::statements::Statements;
use crate::domain::ExecutionId;
use crate::journal::StartKey;

/// Locks by two halves of a number, in the order of the rows. They are others than those of one number, by which a
/// database belongs to a process.
const LOCK_KEYS: &str = "SELECT pg_advisory_xact_lock(u.a, u.b) FROM UNNEST($1::integer[], $2::integer[]) AS u(a, b)";

/// By the id of a new execution: the other one that its key has started.
pub(super) type StartedBefore = HashMap<Uuid, ExecutionId>;

/// The keys of new executions, as one array for each column.
#[derive(Default)]
struct Keys<'a> {
    workflow_id: Vec<Uuid>,
    key: Vec<&'a str>,
    request_hash: Vec<&'a [u8]>,
    execution_id: Vec<Uuid>,
}

impl<'a> Keys<'a> {
    fn of(chains: &[Chain<'a>]) -> Self {
        let mut keys = Self::default();
        for (chain, start) in with_keys(chains) {
            keys.workflow_id.push(chain.state().workflow().id.0);
            keys.key.push(start.key.as_str());
            keys.request_hash.push(&start.request.0);
            keys.execution_id.push(chain.state().id().0);
        }
        keys
    }

    /// What each key is locked by, sorted, so that two writers lock them alike.
    fn locks(&self) -> (Vec<i32>, Vec<i32>) {
        let lock = |(workflow, key): (&Uuid, &&str)| {
            let hash = Sha256::new_with_prefix(workflow.as_bytes()).chain_update(key.as_bytes()).finalize();
            let part = |from: usize| i32::from_be_bytes([hash[from], hash[from + 1], hash[from + 2], hash[from + 3]]);
            (part(0), part(4))
        };
        let mut locks: Vec<(i32, i32)> = self.workflow_id.iter().zip(&self.key).map(lock).collect();
        locks.sort_unstable();
        locks.dedup();
        locks.into_iter().unzip()
    }
}

fn with_keys<'a, 'b>(chains: &'b [Chain<'a>]) -> impl Iterator<Item = (&'b Chain<'a>, &'a StartKey)> {
    chains.iter().filter_map(|chain| Some((chain, chain.key()?)))
}

/// Of the new executions, those whose key has started another one; until the end of the transaction nobody else writes
/// a key that is asked for here.
pub(super) async fn started_before(
    connection: &mut PgConnection,
    statements: &Statements,
    chains: &[Chain<'_>],
) -> Result<StartedBefore, Error> {
    let keys = Keys::of(chains);
    if keys.key.is_empty() {
        return Ok(StartedBefore::new());
    }
    let (first, second) = keys.locks();
    let lock = sqlx::query(LOCK_KEYS);
    lock.bind(first).bind(second).execute(&mut *connection).await?;
    // A statement of its own, which sees what the one who held the locks has committed.
    let find = sqlx::query_as(sqlx::AssertSqlSafe(&*statements.started_with));
    let rows: Vec<(Uuid, String, Uuid)> = find.bind(keys.workflow_id).bind(keys.key).fetch_all(connection).await?;
    let present: HashMap<(Uuid, String), Uuid> =
        rows.into_iter().map(|(workflow, key, execution)| ((workflow, key), execution)).collect();
    let found = with_keys(chains).filter_map(|(chain, start)| {
        let id = chain.state().id().0;
        let found = present.get(&(chain.state().workflow().id.0, start.key.as_str().to_owned()))?;
        // Its own: the commit was written before, though that was not known.
        (*found != id).then_some((id, ExecutionId(*found)))
    });
    Ok(found.collect())
}

/// Of several new executions with one key, all but the first.
pub(super) fn started_within(chains: &[Chain<'_>]) -> StartedBefore {
    let mut first: HashMap<(Uuid, &str), ExecutionId> = HashMap::new();
    let mut later = StartedBefore::new();
    for (chain, start) in with_keys(chains) {
        let id = chain.state().id();
        let owner = *first.entry((chain.state().workflow().id.0, start.key.as_str())).or_insert(id);
        if owner != id {
            later.insert(id.0, owner);
        }
    }
    later
}

/// Writes the keys of executions that were just written.
pub(super) async fn write(
    connection: &mut PgConnection,
    statements: &Statements,
    chains: &[Chain<'_>],
) -> Result<(), Error> {
    let keys = Keys::of(chains);
    if keys.key.is_empty() {
        return Ok(());
    }
    let insert = sqlx::query(sqlx::AssertSqlSafe(&*statements.insert_keys));
    let insert = insert.bind(keys.workflow_id).bind(keys.key).bind(keys.request_hash).bind(keys.execution_id);
    insert.execute(connection).await.map(drop)
}
