//! `discovery watch`: shows an execution until it ends, and ends as it does.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::api::{Standing, execution_path};
use super::args::ServerArgs;
use super::client::{Client, ClientError};
use super::exit::{Exit, NotThere};
use super::follow::Follower;
use super::progress::{Outcome, Progress, screen};
use super::signals::Signals;
use super::text::one_line;
use super::{ending, say};

/// What `discovery watch` takes.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// The execution's id, as `discovery start` and `discovery ls` tell it.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    how: WatchOptions,
    /// Write each event as JSON, one a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// How an execution is watched.
#[derive(Clone, Debug, Args)]
pub(super) struct WatchOptions {
    /// End with exit code 4 once the execution is paused, rather than wait until somebody resumes it.
    #[arg(long)]
    pub(super) exit_when_paused: bool,
    /// How long Discovery may be away, while it restarts for example, before watching is given up.
    #[arg(long, default_value = "600", value_name = "SECONDS", value_parser = seconds)]
    pub(super) reconnect_for: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is no number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "it is no length of time".to_owned())
}

/// Watches the execution to its end.
pub(super) async fn run(args: WatchArgs) -> anyhow::Result<ExitCode> {
    let client = args.server.client()?;
    watch(&client, &args.server, &args.id, &args.how, args.json).await
}

/// Shows the execution `id` until it ends, and says how.
pub(super) async fn watch(
    client: &Client,
    server: &ServerArgs,
    id: &str,
    how: &WatchOptions,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let standing = client.standing(id).await.map_err(|error| no_such_execution(error, id, server))?;
    let progress = if json { Progress::json() } else { introduced(client, id, &standing).await? };
    let mut follower = Follower::new(client, id, 0, how.reconnect_for);
    let progress = progress.ending_when_paused(how.exit_when_paused);
    let outcome = tokio::select! {
        outcome = progress.watch(&mut follower) => outcome,
        _ = signals.next() => {
            eprintln!("\nThe execution goes on. To come back:\n  {}", server.command(&format!("watch {id}")));
            return Ok(Exit::Interrupted.into());
        }
    }?;
    let status = match outcome {
        Outcome::Unknown => client.standing(id).await?.status,
        Outcome::Ended(_) | Outcome::Paused => String::new(),
    };
    let (exit, sentence) = ending::outcome(&outcome, &status);
    if json {
        return Ok(exit.into());
    }
    say(format!("\n{sentence}"));
    match outcome {
        Outcome::Ended(_) | Outcome::Unknown => {
            say(format!("To see all of it:\n  {}", server.command(&format!("status {id}"))));
        }
        Outcome::Paused => {
            say(format!("To let it go on:\n  curl -X POST {}", client.url(&execution_path(id, "/resume"))));
        }
    }
    Ok(exit.into())
}

/// Says what is watched, and knows its steps.
async fn introduced(client: &Client, id: &str, standing: &Standing) -> Result<Progress, ClientError> {
    // A definition that changed meanwhile is another one; then steps show as they are entered.
    let workflow = client.workflow(&standing.workflow_id).await?;
    let steps = workflow.filter(|workflow| workflow.version == standing.workflow_version);
    let steps = steps.map(|workflow| workflow.steps).unwrap_or_default();
    say(format!("{}, execution {id}\n", one_line(&standing.workflow_name)));
    let next = format!(
        "It waits for your word. To run the next step:\n  curl -X POST {}",
        client.url(&execution_path(id, "/next"))
    );
    Ok(Progress::new(&steps, screen().as_ref()).telling_what_is_next(next))
}

/// Says where to look where there is no execution of this id.
pub(super) fn no_such_execution(error: ClientError, id: &str, server: &ServerArgs) -> anyhow::Error {
    let list = server.command("ls");
    match &error {
        ClientError::Refused(problem) if problem.status == 404 => {
            NotThere(format!("There is no execution '{}'. `{list}` shows those there are.", one_line(id))).into()
        }
        ClientError::Refused(problem) if problem.status == 400 => NotThere(format!(
            "'{}' is no id of an execution: it should look like 01a2058a-68aa-7073-a8bb-9b4478684cf0. `{list}` shows \
            those there are.",
            one_line(id)
        ))
        .into(),
        ClientError::Refused(_)
        | ClientError::BadUrl { .. }
        | ClientError::Unreachable { .. }
        | ClientError::Strange { .. } => error.into(),
    }
}
