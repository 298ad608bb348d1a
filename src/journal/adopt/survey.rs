//! What adopting a database changes, told before it is changed.

use std::fmt;

use sea_orm::DbErr;

use super::catalog::Catalog;
use super::shape::{ENUMS, KEPT_COLUMN, column};
use super::source::Source;
use super::write::new_columns;

/// What adopting the replaced service's database changes. `Display` gives it line by line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adoption {
    /// Workflows that are taken over.
    pub workflows: u64,
    /// Steps that are taken over.
    pub steps: u64,
    /// Executions, by the status that they have.
    pub executions: Vec<(String, u64)>,
    /// Step executions, by the status that they have.
    pub step_executions: Vec<(String, u64)>,
    /// Executions that run and become paused.
    pub becoming_paused: u64,
    /// What is renamed, renumbered or made fit in definitions, one line each.
    pub changed_definitions: Vec<String>,
    /// What is not taken over, one line each.
    pub left_out: Vec<String>,
    /// What changes in the schema, one line each.
    pub schema: Vec<String>,
}

/// What has no place in the new tables: how it is told, and how it is counted.
const LEFT_OUT: [(&str, &str); 5] = [
    ("steps of no workflow", "SELECT count(*) FROM {p}steps WHERE workflow_id IS NULL"),
    ("executions of no workflow", "SELECT count(*) FROM {p}workflow_executions WHERE workflow_id IS NULL"),
    (
        "step executions of no execution",
        "SELECT count(*) FROM {p}step_executions AS a LEFT JOIN {p}workflow_executions AS e ON e.id = a.execution_id \
         WHERE e.workflow_id IS NULL",
    ),
    (
        "step executions of a step that their workflow does not have",
        "SELECT count(*) FROM {p}step_executions AS a JOIN {p}workflow_executions AS e ON e.id = a.execution_id \
         LEFT JOIN {p}steps AS s ON s.id = a.step_id \
         WHERE e.workflow_id IS NOT NULL AND s.workflow_id IS DISTINCT FROM e.workflow_id",
    ),
    (
        "step executions that were pending, so that nothing had happened yet",
        "SELECT count(*) FROM {p}step_executions AS a JOIN {p}workflow_executions AS e ON e.id = a.execution_id \
         JOIN {p}steps AS s ON s.id = a.step_id AND s.workflow_id = e.workflow_id \
         WHERE a.status::text = 'pending' AND a.started_at IS NULL",
    ),
];

impl Adoption {
    /// Counts what there is. Definitions are not looked at yet.
    pub(super) async fn survey(source: &Source<'_>, catalog: &Catalog) -> Result<Self, DbErr> {
        let mut left_out = Vec::new();
        for (what, sql) in LEFT_OUT {
            let count = source.count(sql).await?;
            if count > 0 {
                left_out.push(format!("{count} {what}"));
            }
        }
        let executions = by_status(source, "workflow_executions", ENUMS[2].1).await?;
        let running = executions.iter().find(|(status, _)| status == "running");
        Ok(Self {
            workflows: source.count("SELECT count(*) FROM {p}workflows").await?,
            steps: source.count("SELECT count(*) FROM {p}steps WHERE workflow_id IS NOT NULL").await?,
            becoming_paused: running.map_or(0, |(_, count)| *count),
            executions,
            step_executions: by_status(source, "step_executions", ENUMS[1].1).await?,
            changed_definitions: Vec::new(),
            left_out,
            schema: schema(catalog),
        })
    }
}

async fn by_status(source: &Source<'_>, table: &str, statuses: &str) -> Result<Vec<(String, u64)>, DbErr> {
    let mut counts = Vec::new();
    for status in statuses.split(", ") {
        let count = source.count(&format!("SELECT count(*) FROM {{p}}{table} WHERE status::text = '{status}'")).await?;
        if count > 0 {
            counts.push((status.to_owned(), count));
        }
    }
    Ok(counts)
}

fn schema(catalog: &Catalog) -> Vec<String> {
    let mut lines = Vec::new();
    for (table, columns) in new_columns() {
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for (name, kind) in &columns {
            match column(catalog, table, name) {
                None => new.push(name.as_str()),
                Some(old) if old.sql_type != *kind => changed.push(format!("{name} {} -> {kind}", old.sql_type)),
                Some(_) => {}
            }
        }
        if !changed.is_empty() {
            lines.push(format!("{table}: changes {}", changed.join(", ")));
        }
        if !new.is_empty() {
            lines.push(format!("{table}: adds {}", new.join(", ")));
        }
        if column(catalog, table, KEPT_COLUMN).is_some() {
            lines.push(format!("{table}: keeps {KEPT_COLUMN} as it is"));
        }
    }
    let tables = "discovery_workflow_versions, discovery_execution_events, discovery_payloads, \
                  discovery_execution_payloads and seaql_migrations";
    lines.push(format!("new tables: {tables}"));
    let types: Vec<&str> = ENUMS.iter().map(|(name, _)| *name).collect();
    lines.push(format!("types that go away: {}", types.join(", ")));
    lines.push("indexes are those of a new database".to_owned());
    lines
}

fn counted(counts: &[(String, u64)]) -> String {
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let each: Vec<String> = counts.iter().map(|(status, count)| format!("{count} {status}")).collect();
    if each.is_empty() { all.to_string() } else { format!("{all} ({})", each.join(", ")) }
}

impl fmt::Display for Adoption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The database is that of the service that Discovery replaces. Taken over:")?;
        writeln!(f, "  workflows: {}, with {} steps", self.workflows, self.steps)?;
        writeln!(f, "  executions: {}", counted(&self.executions))?;
        writeln!(f, "  step executions: {}", counted(&self.step_executions))?;
        writeln!(f, "Executions that are running and become paused, to be resumed: {}", self.becoming_paused)?;
        let lists = [
            ("Changed in definitions:", &self.changed_definitions),
            ("Left out:", &self.left_out),
            ("Changed in the schema:", &self.schema),
        ];
        for (title, lines) in lists.into_iter().filter(|(_, lines)| !lines.is_empty()) {
            writeln!(f, "{title}")?;
            lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        write!(f, "Times are kept to the millisecond; long strings in contexts are kept once, by their SHA-256.")
    }
}
