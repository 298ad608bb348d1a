//! What is kept about Discovery itself, on PostgreSQL.

use chrono::{DateTime, Utc};
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Error};

use super::statements::Statements;
use crate::domain::{Outage, Timestamp};
use crate::journal::settings::{LAST_ALIVE, SettingWrite, outages_at};
use crate::journal::store::Outcome;
use crate::journal::writer::Written;

pub(super) async fn write(
    connection: &mut PgConnection,
    statements: &Statements,
    write: &SettingWrite,
) -> Result<Outcome, Error> {
    match write {
        SettingWrite::Once { name, value } => {
            let insert = sqlx::query(sqlx::AssertSqlSafe(&*statements.insert_setting));
            insert.bind(name).bind(value).execute(&mut *connection).await?;
            Ok(Ok(Written::Kept(setting(connection, statements, name).await?.unwrap_or_default())))
        }
        SettingWrite::BeginLife { at } => begin_life(connection, statements, *at).await,
        SettingWrite::Alive { at } => note_alive(connection, statements, *at).await,
    }
}

async fn setting(connection: &mut PgConnection, statements: &Statements, name: &str) -> Result<Option<String>, Error> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(&*statements.setting)).bind(name).fetch_optional(connection).await
}

async fn note_alive(connection: &mut PgConnection, statements: &Statements, at: Timestamp) -> Result<Outcome, Error> {
    let put = sqlx::query(sqlx::AssertSqlSafe(&*statements.put_setting));
    put.bind(LAST_ALIVE).bind(at.to_string()).execute(connection).await?;
    Ok(Ok(Written::Done))
}

async fn begin_life(connection: &mut PgConnection, statements: &Statements, at: Timestamp) -> Result<Outcome, Error> {
    let last_alive = setting(connection, statements, LAST_ALIVE).await?;
    let rows: Vec<(DateTime<Utc>, DateTime<Utc>)> =
        sqlx::query_as(sqlx::AssertSqlSafe(&*statements.outages)).fetch_all(&mut *connection).await?;
    let known = rows.into_iter().map(|(from, to)| Outage { from: Timestamp::new(from), to: Timestamp::new(to) });
    let outages = match outages_at(at, last_alive.as_deref(), known) {
        Ok(outages) => outages,
        Err(damaged) => return Ok(Err(damaged)),
    };
    sqlx::query(sqlx::AssertSqlSafe(&*statements.delete_outages)).execute(&mut *connection).await?;
    let spans = outages.as_slice().iter().map(|outage| (outage.from.as_datetime(), outage.to.as_datetime()));
    let (from, to): (Vec<DateTime<Utc>>, Vec<DateTime<Utc>>) = spans.unzip();
    let insert = sqlx::query(sqlx::AssertSqlSafe(&*statements.insert_outages));
    insert.bind(from).bind(to).execute(&mut *connection).await?;
    note_alive(connection, statements, at).await
}
