//! The shape of the replaced service's database, and how another one differs from it.

use super::catalog::{Catalog, FoundColumn};

/// Its tables, each behind those that it refers to.
pub(super) const TABLES: [&str; 4] =
    ["discovery_workflows", "discovery_steps", "discovery_workflow_executions", "discovery_step_executions"];

/// Tables that it did not have and that Discovery makes.
const NEW_TABLES: [&str; 4] =
    ["discovery_workflow_versions", "discovery_execution_events", "discovery_payloads", "discovery_execution_payloads"];

/// The column that only the newest installations have, and that is kept as it is.
pub(super) const KEPT_COLUMN: &str = "id_consecutivo";

/// Its enum types, with their labels in the order of the alphabet.
pub(super) const ENUMS: [(&str, &str); 3] = [
    ("discovery_mode", "automatic, manual"),
    ("discovery_step_status", "failed, pending, running, skipped, success"),
    ("discovery_exec_status", "completed, failed, paused, running"),
];

/// What the types of a column may be, by the catalogue's names.
const UUID: &[&str] = &["uuid"];
const TEXT: &[&str] = &["text", "varchar"];
const INTEGER: &[&str] = &["int4"];
const TIME: &[&str] = &["timestamptz"];
const JSON: &[&str] = &["jsonb", "json"];
const MODE: &[&str] = &["discovery_mode"];
const STEP_STATUS: &[&str] = &["discovery_step_status"];
const EXECUTION_STATUS: &[&str] = &["discovery_exec_status"];

#[derive(Clone, Copy, PartialEq)]
enum Presence {
    /// Never without a value.
    Filled,
    /// There, perhaps without a value.
    Nullable,
    /// Not in all installations.
    Optional,
}
use Presence::{Filled, Nullable, Optional};

type Column = (&'static str, &'static [&'static str], Presence);

const WORKFLOWS: &[Column] = &[
    ("id", UUID, Filled),
    ("name", TEXT, Filled),
    ("mode", MODE, Filled),
    ("created_at", TIME, Nullable),
    ("updated_at", TIME, Nullable),
];
const STEPS: &[Column] = &[
    ("id", UUID, Filled),
    ("workflow_id", UUID, Nullable),
    ("name", TEXT, Filled),
    ("order", INTEGER, Filled),
    ("max_visits", INTEGER, Filled),
    ("created_at", TIME, Nullable),
    ("updated_at", TIME, Nullable),
];
const EXECUTIONS: &[Column] = &[
    ("id", UUID, Filled),
    ("workflow_id", UUID, Nullable),
    ("status", EXECUTION_STATUS, Filled),
    ("mode", MODE, Filled),
    ("current_step_id", UUID, Nullable),
    ("context", JSON, Nullable),
    ("additional_data", JSON, Optional),
    ("custom_status", TEXT, Optional),
    (KEPT_COLUMN, TEXT, Optional),
    ("created_at", TIME, Nullable),
    ("updated_at", TIME, Nullable),
];
const STEP_EXECUTIONS: &[Column] = &[
    ("id", UUID, Filled),
    ("step_id", UUID, Nullable),
    ("workflow_id", UUID, Nullable),
    ("execution_id", UUID, Nullable),
    ("status", STEP_STATUS, Filled),
    ("attempt", INTEGER, Filled),
    ("input_payload", JSON, Nullable),
    ("output_payload", JSON, Nullable),
    ("started_at", TIME, Nullable),
    ("finished_at", TIME, Nullable),
];
const COLUMNS: [&[Column]; 4] = [WORKFLOWS, STEPS, EXECUTIONS, STEP_EXECUTIONS];

/// Which column of a table refers to the `id` of which other.
const REFERENCES: [(&str, &str, &str); 6] = [
    ("discovery_steps", "workflow_id", "discovery_workflows"),
    ("discovery_workflow_executions", "workflow_id", "discovery_workflows"),
    ("discovery_workflow_executions", "current_step_id", "discovery_steps"),
    ("discovery_step_executions", "step_id", "discovery_steps"),
    ("discovery_step_executions", "workflow_id", "discovery_workflows"),
    ("discovery_step_executions", "execution_id", "discovery_workflow_executions"),
];

/// Whether any of the old tables is there.
pub(super) fn has_tables(catalog: &Catalog) -> bool {
    TABLES.iter().any(|table| columns_of(catalog, table).next().is_some())
}

fn columns_of<'a>(catalog: &'a Catalog, table: &str) -> impl Iterator<Item = &'a FoundColumn> {
    catalog.columns.iter().filter(move |column| column.table_name == table)
}

/// The column of this name, if the table has it.
pub(super) fn column<'a>(catalog: &'a Catalog, table: &str, name: &str) -> Option<&'a FoundColumn> {
    columns_of(catalog, table).find(|column| column.name == name)
}

/// How the database differs from the replaced service's, one sentence for each difference; none where it is one.
pub(super) fn differences(catalog: &Catalog) -> Vec<String> {
    let mut found = Vec::new();
    for (table, columns) in TABLES.iter().zip(COLUMNS) {
        if columns_of(catalog, table).next().is_none() {
            found.push(format!("the table {table} is missing"));
            continue;
        }
        compare_columns(catalog, table, columns, &mut found);
        compare_primary_key(catalog, table, &mut found);
    }
    compare_references(catalog, &mut found);
    compare_enums(catalog, &mut found);
    let extra = NEW_TABLES.iter().filter(|table| columns_of(catalog, table).next().is_some());
    found.extend(extra.map(|table| format!("the table {table} is there already")));
    found.extend(catalog.dependents.iter().cloned());
    found
}

fn compare_columns(catalog: &Catalog, table: &str, columns: &[Column], found: &mut Vec<String>) {
    for (name, kinds, presence) in columns {
        let Some(column) = column(catalog, table, name) else {
            if *presence != Optional {
                found.push(format!("{table} has no column `{name}`"));
            }
            continue;
        };
        if !kinds.contains(&column.kind.as_str()) {
            let (is, expected) = (&column.sql_type, kinds.join(" or "));
            found.push(format!("the column `{name}` of {table} is {is}, not {expected}"));
        } else if *presence == Filled && !column.not_null {
            found.push(format!("the column `{name}` of {table} may be null"));
        } else if *presence == Optional && column.not_null {
            found.push(format!("the column `{name}` of {table} may not be null"));
        }
    }
    let known = |column: &&FoundColumn| columns.iter().any(|(name, _, _)| *name == column.name);
    for column in columns_of(catalog, table).filter(|column| !known(column)) {
        let (name, is) = (&column.name, &column.sql_type);
        let required = if column.not_null { ", which is required" } else { "" };
        found.push(format!("{table} has one more column, `{name}` ({is}{required})"));
    }
}

fn compare_primary_key(catalog: &Catalog, table: &str, found: &mut Vec<String>) {
    let mut keys = catalog.keys.iter().filter(|key| key.table_name == table && key.target.is_none());
    match keys.next() {
        Some(key) if key.columns == "id" => {}
        Some(key) => found.push(format!("the primary key of {table} is ({}), not (id)", key.columns)),
        None => found.push(format!("{table} has no primary key")),
    }
}

fn compare_references(catalog: &Catalog, found: &mut Vec<String>) {
    for (table, name, target) in REFERENCES {
        if column(catalog, table, name).is_none() || columns_of(catalog, target).next().is_none() {
            continue;
        }
        let refers = catalog.keys.iter().any(|key| {
            key.table_name == table
                && key.columns == name
                && key.target.as_deref() == Some(target)
                && key.target_columns.as_deref() == Some("id")
        });
        if !refers {
            found.push(format!("the column `{name}` of {table} does not refer to {target}"));
        }
    }
}

fn compare_enums(catalog: &Catalog, found: &mut Vec<String>) {
    for (name, labels) in ENUMS {
        let mut columns = catalog.columns.iter().filter(|column| TABLES.contains(&column.table_name.as_str()));
        let Some(column) = columns.find(|column| column.kind == name) else { continue };
        match column.labels.as_deref() {
            Some(is) if is == labels => {}
            Some(is) => found.push(format!("the enum type {name} has the labels {is} instead of {labels}")),
            None => found.push(format!("the type {name} is no enum")),
        }
    }
}
