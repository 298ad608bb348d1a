//! `discovery dev`: everything at once for somebody who is new: the server, the example's service and workflow, and one
//! execution on the example's document, with its progress and its result.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use indicatif::MultiProgress;
use serde_json::{Map, Value};

use super::api::{Start, Started};
use super::client::Client;
use super::event::{Completed, End};
use super::follow::Follower;
use super::progress::{Outcome, Progress, screen};
use super::signals::Signals;
use super::text::{count, terminal_width};
use super::{apply, ending, result, say};
use crate::config::Config;
use crate::example;
use crate::startup::{self, Application};
use crate::worker::RunningPioneer;

const WORKFLOW: &str = include_str!("../../examples/workflows/procesamiento_de_documentos.yaml");
const DOCUMENT: &[u8] = include_bytes!("../../examples/documento.pdf");
/// The server is this process: where it does not answer, it is not coming back.
const PATIENCE: Duration = Duration::from_secs(30);
const DOCUMENT_NAME: &str = "documento.pdf";

/// What `discovery dev` takes.
#[derive(Debug, Args)]
pub(super) struct DevArgs {
    /// End after the example: with 0 if it completed, else with 1.
    #[arg(long)]
    pub(super) once: bool,
    #[command(flatten)]
    pub(super) config: Config,
}

/// Serves, runs the example once, and serves on until a signal comes.
pub(super) async fn run(args: DevArgs, pioneer_is_given: bool) -> anyhow::Result<ExitCode> {
    let DevArgs { once, mut config } = args;
    let screen = screen();
    super::logging::start(&config.log, config.log_format, screen.clone())?;
    let mut signals = Signals::listen()?;
    let pioneer = if pioneer_is_given { None } else { Some(start_pioneer()?) };
    if let Some(pioneer) = &pioneer {
        config.pioneer_url = pioneer.url();
    }
    let introduction = introduction(&config, pioneer.is_some());
    let application = startup::start(config).await?;
    say(format!("Discovery listens on {}\n{introduction}", application.url()));

    let outcome = tokio::select! {
        outcome = run_example(&application, screen.as_ref()) => Some(outcome),
        _ = signals.next() => None,
    };
    if matches!(outcome, Some(Ok(_))) && !once {
        say("\nDiscovery serves on. Ctrl-C ends it.");
        signals.next().await;
    }
    signals.stop(application).await;
    if let Some(pioneer) = pioneer {
        // Nothing runs there any more.
        pioneer.handle().stop(false).await;
        pioneer.until_stopped().await?;
    }
    match outcome {
        Some(Ok(completed)) if once && !completed => Ok(ExitCode::FAILURE),
        // Interrupted before the end that was asked for.
        None if once => Ok(ExitCode::FAILURE),
        Some(Ok(_)) | None => Ok(ExitCode::SUCCESS),
        Some(Err(error)) => Err(error),
    }
}

fn start_pioneer() -> anyhow::Result<RunningPioneer> {
    example::pioneer()?.workers(1).bind("127.0.0.1:0").context("The example service cannot listen on 127.0.0.1")
}

/// Runs the example and says whether it completed.
async fn run_example(application: &Application, screen: Option<&MultiProgress>) -> anyhow::Result<bool> {
    let client = Client::new(&application.url())?;
    let (change, workflow) = apply::apply(&client, &apply::parse(WORKFLOW)?).await?;
    say(format!("  Workflow  {}", apply::told(change, &workflow)));
    let start = Start { workflow_id: &workflow.id, data: example_data(), ..Start::default() };
    let started = client.start(start).await?;
    let document = format!("{DOCUMENT_NAME} ({} bytes)", count(DOCUMENT.len() as u64));
    say(format!("\nRuns it on {document}, execution {}\n", started.execution_id));
    let mut follower = Follower::new(&client, &started.execution_id, 0, PATIENCE);
    let outcome = Progress::new(&workflow.steps, screen).watch(&mut follower).await?;
    say(format!("\n{}", ending::outcome(&outcome, "").1));
    if let Outcome::Ended(End::Completed(Completed { final_context, .. })) = &outcome {
        let text = result::render(final_context, terminal_width(), |path| client.url(path));
        say(format!("\nResult\n{text}"));
    }
    say(addresses(&client, &started));
    Ok(matches!(outcome, Outcome::Ended(End::Completed(_))))
}

fn example_data() -> Map<String, Value> {
    Map::from_iter([
        ("base64".to_owned(), Value::from(STANDARD.encode(DOCUMENT))),
        ("mime".to_owned(), Value::from("application/pdf")),
        ("nombre_documento".to_owned(), Value::from(DOCUMENT_NAME)),
    ])
}

fn introduction(config: &Config, has_own_pioneer: bool) -> String {
    let inside = if has_own_pioneer { " (the example's steps, in this process)" } else { "" };
    format!(
        "  Database  {}\n  Pioneer   {}{inside}",
        without_password(&config.database_url),
        without_password(&config.pioneer_url)
    )
}

fn addresses(client: &Client, started: &Started) -> String {
    let id = &started.execution_id;
    let (monitor, events) = (format!("/monitor#/executions/{id}"), format!("/executions/{id}/events"));
    format!(
        "Look at it\n  Monitor   {}\n  Status    {}\n  Events    {}\n  API       {}",
        client.url(&monitor),
        client.url(&started.tracking_url),
        client.url(&events),
        client.url("/docs")
    )
}

/// A URL as it may be shown.
fn without_password(text: &str) -> String {
    let Ok(mut url) = url::Url::parse(text) else { return text.to_owned() };
    if url.password().is_none() || url.set_password(Some("***")).is_err() {
        return text.to_owned();
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("postgres://me:secret@h/db"), "postgres://me:***@h/db");
        assert_eq!(without_password("sqlite://discovery.db?mode=rwc"), "sqlite://discovery.db?mode=rwc");
    }

    #[test]
    fn the_example_is_what_its_steps_expect() {
        let data = example_data();
        assert_eq!(data.keys().collect::<Vec<_>>(), ["base64", "mime", "nombre_documento"]);
    }
}
