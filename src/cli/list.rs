//! `discovery ls`: executions, newest first.

use std::collections::HashMap;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::api::encoded;
use super::args::ServerArgs;
use super::client::{Client, ClientError};
use super::text::{count, local_time, one_line, shortened, terminal_width};
use super::{say, start};

/// As many as a page of the server holds.
const PAGE_MAX: usize = 100;
/// As much of a workflow's name as is shown, and in a terminal that is narrow.
const NAME_CHARS_MAX: usize = 40;
const NAME_CHARS_MIN: usize = 8;
const NARROW_BELOW: u16 = 120;
/// What the other columns take: the id and the status, and the two times where they are shown.
const ID_AND_STATUS_CHARS: usize = 53;
const TIMES_CHARS: usize = 42;

/// What `discovery ls` takes.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only those that stand like this.
    #[arg(long, value_enum)]
    status: Option<StatusWord>,
    /// Only those of this workflow, by its name or its id.
    #[arg(long)]
    workflow: Option<String>,
    /// As many at most.
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Write an array of executions as JSON, as the server gives them.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StatusWord {
    Running,
    Paused,
    Completed,
    Failed,
    Cancelled,
}

impl StatusWord {
    fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One execution as it is listed.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    workflow_id: String,
    status: String,
    #[serde(default)]
    created_at: String,
    #[serde(default)]
    updated_at: String,
}

/// Lists them.
pub(super) async fn run(args: ListArgs) -> anyhow::Result<ExitCode> {
    let client = args.server.client()?;
    let workflow = match &args.workflow {
        Some(wanted) => Some(start::find(&client, wanted, &args.server).await?.id),
        None => None,
    };
    let (executions, total) = pages(&client, &args, workflow.as_deref()).await?;
    if args.json {
        say(serde_json::to_string(&executions)?);
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Result<Vec<Row>, _> = executions.iter().map(|execution| serde_json::from_str(execution.get())).collect();
    let rows = rows?;
    if rows.is_empty() {
        let filtered = args.status.is_some() || args.workflow.is_some();
        say(if filtered { "There is no such execution." } else { "There is no execution yet." });
        return Ok(ExitCode::SUCCESS);
    }
    let names = names(&client, &rows).await?;
    say(table(&rows, &names, terminal_width()));
    if total > rows.len() as u64 {
        say(format!("\n{} of {}; --limit shows more.", count(rows.len() as u64), count(total)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The executions, and how many there are in all.
async fn pages(
    client: &Client,
    args: &ListArgs,
    workflow: Option<&str>,
) -> Result<(Vec<Box<RawValue>>, u64), ClientError> {
    let mut path = format!("/executions?limit={}", args.limit.clamp(1, PAGE_MAX));
    if let Some(status) = args.status {
        path.push_str(&format!("&status={}", status.word()));
    }
    if let Some(workflow) = workflow {
        path.push_str(&format!("&workflow_id={}", encoded(workflow)));
    }
    let mut all = Vec::new();
    loop {
        let page = client.page(&path).await?;
        all.extend(page.executions);
        match page.links.next {
            Some(next) if all.len() < args.limit => path = next,
            Some(_) | None => {
                all.truncate(args.limit);
                return Ok((all, page.pagination.total));
            }
        }
    }
}

/// The names of the workflows by their ids; a deleted one has none.
async fn names(client: &Client, rows: &[Row]) -> Result<HashMap<String, String>, ClientError> {
    let mut names = HashMap::new();
    for row in rows {
        if !names.contains_key(&row.workflow_id) {
            let workflow = client.workflow(&row.workflow_id).await?;
            let name = workflow.map_or_else(|| "(deleted)".to_owned(), |workflow| one_line(&workflow.name));
            names.insert(row.workflow_id.clone(), name);
        }
    }
    Ok(names)
}

fn table(rows: &[Row], names: &HashMap<String, String>, width: Option<u16>) -> String {
    let narrow = width.is_some_and(|width| width < NARROW_BELOW);
    let mut table = Table::new();
    // Not by the terminal's width: an id that is broken over two lines cannot be copied.
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let columns = |cells: [String; 5]| {
        let [id, status, created, updated, workflow] = cells;
        if narrow { vec![id, status, workflow] } else { vec![id, status, created, updated, workflow] }
    };
    table.set_header(columns(["Execution", "Status", "Created", "Changed", "Workflow"].map(str::to_owned)));
    let others = ID_AND_STATUS_CHARS + if narrow { 0 } else { TIMES_CHARS };
    let name_chars = width.map_or(NAME_CHARS_MAX, |width| {
        usize::from(width).saturating_sub(others).clamp(NAME_CHARS_MIN, NAME_CHARS_MAX)
    });
    for row in rows {
        let name = names.get(&row.workflow_id).map(|name| shortened(name, name_chars)).unwrap_or_default();
        let cells =
            [one_line(&row.id), one_line(&row.status), local_time(&row.created_at), local_time(&row.updated_at), name];
        table.add_row(columns(cells));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_on_one_line_however_narrow_the_terminal_is() {
        let row = Row {
            id: "01a2058a-68aa-7073-a8bb-9b4478684cf0".to_owned(),
            workflow_id: "w".to_owned(),
            status: "completed".to_owned(),
            created_at: "2026-11-22T20:57:11.092Z".to_owned(),
            updated_at: "2026-11-22T20:57:12.092Z".to_owned(),
        };
        let names = HashMap::from([("w".to_owned(), "Procesamiento de Documentos".to_owned())]);
        let narrow = table(std::slice::from_ref(&row), &names, Some(60));
        assert!(narrow.lines().nth(1).unwrap().contains("01a2058a-68aa-7073-a8bb-9b4478684cf0"), "{narrow}");
        assert!(!narrow.contains("Created"), "{narrow}");
        for width in 62..160 {
            let table = table(std::slice::from_ref(&row), &names, Some(width));
            assert!(table.lines().all(|line| line.chars().count() < usize::from(width)), "{width}:\n{table}");
        }
        let wide = table(&[row], &names, Some(140));
        assert!(wide.contains("Created") && wide.contains("Procesamiento de Documentos"), "{wide}");
    }
}
