//! `discovery start`: starts an execution of a workflow, and watches it if asked to.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Map;

use super::api::{Start, Started, Workflow};
use super::args::ServerArgs;
use super::client::{Client, ClientError};
use super::exit::NotThere;
use super::text::one_line;
use super::watch::{WatchOptions, watch};
use super::{data, say};

/// As many workflows as a refusal names.
const NAMES_MAX: usize = 20;
/// As many as are looked through for a name.
const WORKFLOWS_MAX: usize = 10_000;

/// What `discovery start` takes.
#[derive(Debug, Args)]
pub(super) struct StartArgs {
    /// The workflow, by its name or its id.
    #[arg(value_name = "WORKFLOW")]
    workflow: String,
    /// What the steps get: a JSON object, @FILE for one in a file, or - for one on stdin.
    #[arg(long, value_name = "JSON|@FILE|-")]
    data: Option<String>,
    /// A document: it becomes `base64`, `mime` and `nombre_documento` in the data.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Whether each step follows by itself or waits for `next`; the workflow's own mode, if left out.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// The same key with the same data starts one execution only, however often it is sent.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Show the execution until it ends, and end as it does.
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    how: WatchOptions,
    /// Write the server's answer as JSON; with --watch, then each event, one a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Automatic,
    Manual,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        }
    }
}

/// Starts the execution.
pub(super) async fn run(args: StartArgs) -> anyhow::Result<ExitCode> {
    let mut data = args.data.as_deref().map_or_else(|| Ok(Map::new()), data::read)?;
    if let Some(file) = &args.file {
        data::add_file(&mut data, file)?;
    }
    let client = args.server.client()?;
    let workflow = find(&client, &args.workflow, &args.server).await?;
    let start = Start {
        workflow_id: &workflow.id,
        mode: args.mode.map(Mode::word),
        data,
        idempotency_key: args.idempotency_key.as_deref(),
    };
    let started = client.start(start).await?;
    if args.json {
        say(&started.text);
    }
    if args.watch {
        if started.is_replayed && !args.json {
            say("This key has started it before.");
        }
        return watch(&client, &args.server, &started.execution_id, &args.how, args.json).await;
    }
    if !args.json {
        tell(&started, &workflow, &client, &args.server);
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(started: &Started, workflow: &Workflow, client: &Client, server: &ServerArgs) {
    let id = &started.execution_id;
    let verb = if started.is_replayed { "This key has started before:" } else { "Started" };
    say(format!("{verb} {}, execution {id}", one_line(&workflow.name)));
    say(format!("  Watch   {}", server.command(&format!("watch {id}"))));
    say(format!("  Status  {}", client.url(&started.tracking_url)));
}

/// The workflow that `wanted` names, by its id or its name.
pub(super) async fn find(client: &Client, wanted: &str, server: &ServerArgs) -> anyhow::Result<Workflow> {
    if uuid::Uuid::try_parse(wanted).is_ok()
        && let Some(workflow) = client.workflow(wanted).await?
    {
        return Ok(workflow);
    }
    let all = all_workflows(client).await?;
    let same: Vec<&Workflow> = all.iter().filter(|workflow| workflow.name == wanted).collect();
    let alike: Vec<&Workflow> =
        all.iter().filter(|workflow| workflow.name.to_lowercase() == wanted.to_lowercase()).collect();
    match (&same[..], &alike[..]) {
        ([one], _) | ([], [one]) => Ok((*one).clone()),
        ([], []) => Err(NotThere(no_such_workflow(wanted, &all, server)).into()),
        (several @ [_, ..], _) | ([], several) => {
            let listed = listed(several.iter().copied());
            let sentence = format!("Several workflows are named '{}'; say which by its id:{listed}", one_line(wanted));
            Err(NotThere(sentence).into())
        }
    }
}

async fn all_workflows(client: &Client) -> Result<Vec<Workflow>, ClientError> {
    let mut all: Vec<Workflow> = Vec::new();
    while all.len() < WORKFLOWS_MAX {
        let page = client.workflows(all.len()).await?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    Ok(all)
}

fn no_such_workflow(wanted: &str, all: &[Workflow], server: &ServerArgs) -> String {
    let wanted = one_line(wanted);
    if all.is_empty() {
        let apply = server.command("apply FILE");
        return format!("There is no workflow '{wanted}', nor any other. Create one with `{apply}`.");
    }
    format!("There is no workflow '{wanted}'. There are:{}", listed(all.iter()))
}

/// A line for each workflow, as many as fit.
fn listed<'a>(workflows: impl ExactSizeIterator<Item = &'a Workflow>) -> String {
    let more = workflows.len().saturating_sub(NAMES_MAX);
    let lines = workflows.take(NAMES_MAX).map(|workflow| format!("\n  {}  {}", workflow.id, one_line(&workflow.name)));
    let more = if more > 0 { format!("\n  … and {more} more") } else { String::new() };
    lines.collect::<String>() + &more
}
