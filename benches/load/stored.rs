//! A database that has been used for a long time: so many copies of a finished execution.

use std::path::Path;

use anyhow::Context;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params_from_iter};
use uuid::Uuid;

/// Executions that one transaction holds.
const BATCH: u64 = 10_000;
/// The tables that hold an execution, and the columns that name it.
const TABLES: [(&str, &str); 3] = [
    ("discovery_workflow_executions", "id"),
    ("discovery_execution_events", "execution_id"),
    ("discovery_step_executions", "execution_id"),
];

/// The rows of one table.
struct Rows {
    insert: String,
    rows: Vec<Vec<Value>>,
}

/// The rows of an execution that has run, and the ids that are its own.
struct Template {
    tables: Vec<Rows>,
    ids: Vec<Uuid>,
}

impl Template {
    fn read(connection: &Connection) -> anyhow::Result<Self> {
        let newest =
            "SELECT id FROM discovery_workflow_executions WHERE status = 'completed' ORDER BY created_at DESC LIMIT 1";
        let id: Vec<u8> = connection.query_row(newest, [], |row| row.get(0)).context("no execution has run")?;
        let (mut tables, mut ids) = (Vec::new(), vec![Uuid::from_slice(&id)?]);
        for (table, key) in TABLES {
            let mut select = connection.prepare(&format!("SELECT * FROM {table} WHERE {key} = ?"))?;
            let columns: Vec<String> = select.column_names().iter().map(|name| format!("\"{name}\"")).collect();
            let width = columns.len();
            let rows = select.query_map([&id], |row| (0..width).map(|place| row.get(place)).collect())?;
            let rows: Vec<Vec<Value>> = rows.collect::<Result<_, _>>()?;
            let marks = vec!["?"; width].join(", ");
            let insert = format!("INSERT INTO {table} ({}) VALUES ({marks})", columns.join(", "));
            if table == "discovery_step_executions" {
                let own = rows.iter().filter_map(|row| row.first());
                ids.extend(own.filter_map(|id| match id {
                    Value::Blob(id) => Uuid::from_slice(id).ok(),
                    Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) => None,
                }));
            }
            tables.push(Rows { insert, rows });
        }
        Ok(Self { tables, ids })
    }

    /// Writes the execution once more, under ids of its own.
    fn copy(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let others: Vec<(Uuid, Uuid)> = self.ids.iter().map(|id| (*id, Uuid::now_v7())).collect();
        let texts: Vec<(String, String)> = others.iter().map(|(old, new)| (old.to_string(), new.to_string())).collect();
        for Rows { insert, rows } in &self.tables {
            let mut insert = transaction.prepare_cached(insert)?;
            for row in rows {
                insert.execute(params_from_iter(row.iter().map(|value| renamed(value, &others, &texts))))?;
            }
        }
        Ok(())
    }
}

fn renamed(value: &Value, ids: &[(Uuid, Uuid)], texts: &[(String, String)]) -> Value {
    match value {
        Value::Blob(blob) => {
            let other = ids.iter().find(|(old, _)| old.as_bytes() == blob.as_slice());
            Value::Blob(other.map_or_else(|| blob.clone(), |(_, new)| new.as_bytes().to_vec()))
        }
        Value::Text(text) => {
            let mut text = text.clone();
            for (old, new) in texts.iter().filter(|(old, _)| value_holds(value, old)) {
                text = text.replace(old, new);
            }
            Value::Text(text)
        }
        Value::Null | Value::Integer(_) | Value::Real(_) => value.clone(),
    }
}

fn value_holds(value: &Value, id: &str) -> bool {
    matches!(value, Value::Text(text) if text.contains(id))
}

/// Fills the database at `path`, which no process may have open, with `count` copies of the execution that ended last.
pub(crate) fn fill(path: &Path, count: u64) -> anyhow::Result<()> {
    let mut connection = Connection::open(path)?;
    // It can be made again; what is measured afterwards is as durable as ever.
    connection.pragma_update(None, "synchronous", "OFF")?;
    let template = Template::read(&connection)?;
    let mut left = count;
    while left > 0 {
        let transaction = connection.transaction()?;
        for _ in 0..left.min(BATCH) {
            template.copy(&transaction)?;
        }
        transaction.commit()?;
        left -= left.min(BATCH);
    }
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}
