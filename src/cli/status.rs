//! `discovery status`: how an execution stands, and why.

use std::process::ExitCode;

use awc::http::Method;
use clap::Args;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde::Deserialize;
use serde_json::Value;

use super::api::execution_path;
use super::args::ServerArgs;
use super::client::Client;
use super::event::StepError;
use super::say;
use super::text::{duration, local_time, one_line, shortened, terminal_width, whole_seconds};
use super::watch::no_such_execution;

/// As much of a message as is shown.
const NOTE_CHARS_MAX: usize = 300;
/// How wide the table is where nobody says how wide the terminal is.
const WIDTH: u16 = 120;

/// What `discovery status` takes.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The execution's id.
    #[arg(value_name = "ID")]
    id: String,
    /// Write the server's answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// As much of a status as is shown.
#[derive(Debug, Deserialize)]
struct Status {
    execution_id: String,
    workflow_name: String,
    workflow_version: u64,
    status: String,
    #[serde(default)]
    mode: String,
    created_at: String,
    #[serde(default)]
    finished_at: Option<String>,
    #[serde(default)]
    waiting_for: Option<String>,
    #[serde(default)]
    pause_requested: bool,
    #[serde(default)]
    custom_status: Option<String>,
    #[serde(default)]
    error: Option<StepError>,
    #[serde(default)]
    progress: Progress,
    #[serde(default)]
    steps_history: Vec<Attempt>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Progress {
    total_steps: u64,
    completed_steps: u64,
    skipped_steps: u64,
    overall_percentage: f64,
    estimated_remaining_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    step_name: String,
    status: String,
    #[serde(default)]
    attempt: u64,
    #[serde(default)]
    duration_seconds: f64,
    #[serde(default)]
    progress: Value,
    #[serde(default)]
    error: Option<StepError>,
}

/// Tells the status.
pub(super) async fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let client = args.server.client()?;
    let answer = client.answer(Method::GET, &execution_path(&args.id, "/status"), None, None).await;
    let answer = answer.map_err(|error| no_such_execution(error, &args.id, &args.server))?;
    if args.json {
        say(answer.text()?);
        return Ok(ExitCode::SUCCESS);
    }
    let status: Status = answer.read()?;
    let why = if status.finished_at.is_none() { why(&client, &args.id).await } else { None };
    say(facts(&status, why.as_deref()));
    if !status.steps_history.is_empty() {
        say(format!("\n{}", table(&status.steps_history, terminal_width())));
    }
    if status.finished_at.is_none() {
        say(format!("\nTo watch it:\n  {}", args.server.command(&format!("watch {}", status.execution_id))));
    }
    Ok(ExitCode::SUCCESS)
}

/// Why it is not moving, where the server can tell.
async fn why(client: &Client, id: &str) -> Option<String> {
    let why: Value = client.get(&execution_path(id, "/why")).await.ok()?;
    why.get("explanation")?.as_str().map(one_line)
}

fn facts(status: &Status, why: Option<&str>) -> String {
    let state = match (&status.waiting_for, status.pause_requested) {
        (_, true) => format!("{}, pauses when the running step has ended", status.status),
        (Some(what), false) => format!("{}, waits for {}", status.status, one_line(what)),
        (None, false) => status.status.clone(),
    };
    let progress = &status.progress;
    let skipped = match progress.skipped_steps {
        0 => String::new(),
        skipped => format!(", {skipped} skipped"),
    };
    let left = progress.estimated_remaining_seconds.filter(|left| *left > 0.0);
    let left = left.map(|left| format!(", about {} left", whole_seconds(left))).unwrap_or_default();
    let progress = format!(
        "{:.0} %, {} of {} steps{skipped}{left}",
        progress.overall_percentage, progress.completed_steps, progress.total_steps
    );
    let mode = if status.mode == "manual" { ", in manual mode" } else { "" };
    let error = status
        .error
        .as_ref()
        .map(|error| format!("{}: {}", one_line(&error.kind), shortened(&one_line(&error.message), NOTE_CHARS_MAX)));
    let facts = [
        ("Execution", Some(status.execution_id.clone())),
        ("Status", Some(one_line(&state))),
        ("Remark", status.custom_status.as_deref().map(one_line)),
        ("Why", why.map(str::to_owned)),
        ("Error", error),
        ("Progress", Some(progress)),
        ("Started", Some(local_time(&status.created_at))),
        ("Ended", status.finished_at.as_deref().map(|finished| ended(&status.created_at, finished))),
    ];
    let lines = facts.into_iter().filter_map(|(label, value)| Some(format!("\n  {label:<9}  {}", value?)));
    let head = format!("{}, version {}{mode}", one_line(&status.workflow_name), status.workflow_version);
    head + &lines.collect::<String>()
}

/// When it ended, and after which time.
fn ended(created: &str, finished: &str) -> String {
    let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    let took = time(created).zip(time(finished)).map(|(from, to)| (to - from).num_milliseconds() as f64 / 1_000.0);
    let took = took.map(|took| format!(", after {}", duration(took))).unwrap_or_default();
    local_time(finished) + &took
}

fn table(attempts: &[Attempt], width: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width.unwrap_or(WIDTH));
    table.set_header(["Step", "Status", "Attempt", "Time", "Note"]);
    for attempt in attempts {
        let is_skipped = attempt.status == "skipped";
        let text = |words: String| if is_skipped { String::new() } else { words };
        table.add_row([
            one_line(&attempt.step_name),
            one_line(&attempt.status),
            text(attempt.attempt.to_string()),
            text(duration(attempt.duration_seconds)),
            note(attempt),
        ]);
    }
    for column in table.column_iter_mut().skip(2).take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// Why it failed, or what it said last.
fn note(attempt: &Attempt) -> String {
    let error = attempt.error.as_ref().map(|error| format!("{}: {}", one_line(&error.kind), one_line(&error.message)));
    let said = || {
        let percentage = attempt.progress["percentage"].as_f64().filter(|_| attempt.status == "running");
        let percentage = percentage.map(|percentage| format!("{percentage:.0} %"));
        let message = attempt.progress["message"].as_str().or_else(|| attempt.progress["current_task"].as_str());
        percentage.into_iter().chain(message.map(one_line)).collect::<Vec<_>>().join(": ")
    };
    shortened(&error.unwrap_or_else(said), NOTE_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_reads_as_facts_and_a_table() {
        let status: Status = serde_json::from_value(json!({
            "execution_id": "e", "workflow_name": "Docs", "workflow_version": 2, "status": "running", "mode": "manual",
            "created_at": "soon", "waiting_for": "retry", "unknown": 1,
            "progress": {"total_steps": 5, "completed_steps": 2, "overall_percentage": 53.2,
                         "estimated_remaining_seconds": 45},
            "steps_history": [
                {"step_name": "Carga", "status": "success", "attempt": 1, "duration_seconds": 1.5,
                 "progress": {"percentage": 100.0, "message": "hecho"}, "error": null},
                {"step_name": "Validación", "status": "failed", "attempt": 2, "duration_seconds": 0.1, "progress": null,
                 "error": {"type": "HttpStatus", "message": "busy", "status": 503}},
            ],
        }))
        .unwrap();
        let expected = "Docs, version 2, in manual mode
  Execution  e
  Status     running, waits for retry
  Why        It is tried again in 12 s.
  Progress   53 %, 2 of 5 steps, about 45 s left
  Started    soon";
        assert_eq!(facts(&status, Some("It is tried again in 12 s.")), expected);
        let table = table(&status.steps_history, None);
        assert!(table.contains("Carga") && table.contains("1.5 s") && table.contains("hecho"), "{table}");
        assert!(table.contains("HttpStatus: busy"), "{table}");
    }
}
