//! What is in a database, as text that can be compared.

use std::collections::BTreeMap;

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Connection};
use serde_json::Value;

pub(super) async fn lines(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(connection).await.unwrap()
}

/// Every table, column, constraint, index and type.
pub(super) async fn schema(connection: &mut PgConnection) -> Vec<String> {
    let sql = "
SELECT format('column %s.%s %s %s %s %s', table_name, column_name,
    CASE WHEN column_name = 'id_consecutivo' THEN 0 ELSE ordinal_position END, data_type, is_nullable, column_default)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT format('type %s %s', t.typname, (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum
    WHERE enumtypid = t.oid)) FROM pg_type AS t WHERE t.typnamespace = 'public'::regnamespace AND typtype = 'e'
ORDER BY 1";
    lines(connection, sql).await
}

/// The schema, and a hash of the rows of every table.
pub(super) async fn everything(connection: &mut PgConnection) -> Vec<String> {
    let mut all = schema(connection).await;
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
    for table in lines(connection, tables).await {
        let rows = format!("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) || count(*) FROM {table} AS t");
        let sql = format!("SELECT COALESCE(({rows}), 'empty')");
        all.push(format!("rows of {table}: {}", lines(connection, &sql).await.concat()));
    }
    all
}

/// The rows of a table by their ids; times in milliseconds.
pub(super) async fn rows(connection: &mut PgConnection, table: &str) -> BTreeMap<String, Value> {
    let times = ["created_at", "updated_at", "started_at", "finished_at"];
    let columns = format!("SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'");
    let columns = lines(connection, &columns).await.into_iter().map(|name| {
        if times.contains(&name.as_str()) {
            return format!("floor(extract(epoch FROM {name}) * 1000)::bigint AS {name}");
        }
        format!("\"{name}\"")
    });
    let columns: Vec<String> = columns.collect();
    let sql = format!("SELECT to_json(t)::text FROM (SELECT {} FROM {table}) AS t", columns.join(", "));
    let rows = lines(connection, &sql).await.into_iter().map(|text| serde_json::from_str::<Value>(&text).unwrap());
    rows.map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect()
}

pub(super) async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}
