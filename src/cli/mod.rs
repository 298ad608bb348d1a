//! The commands: each a thin caller of the rest, and but for `serve` and `migrate` a client of the API like any other.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `serve.rs`, `migrate.rs`, `apply.rs`, `health.rs`, `dev.rs` | the commands of whoever runs a server |
//! | `start.rs`, `watch.rs`, `list.rs`, `status.rs`, `events.rs`, `completions.rs` | the commands of whoever uses one |
//! | `client.rs`, `api.rs`, `sse.rs`, `problem.rs`, `event.rs` | the API as a client sees it: calls, streams, refusals, events |
//! | `follow.rs` | the events of an execution in order, whatever becomes of the connection |
//! | `progress.rs` | watching an execution: `board.rs` gathers its events, `bars.rs` and `lines.rs` show them |
//! | `args.rs`, `data.rs` | what several commands take, and the data of an execution |
//! | `ending.rs`, `exit.rs` | how an execution ended, and exit codes |
//! | `result.rs`, `text.rs` | what the example found, and how figures and foreign words are written |
//! | `signals.rs`, `logging.rs` | what ends a command, and where log lines go |

mod api;
mod apply;
mod args;
mod bars;
mod board;
mod client;
mod completions;
mod data;
mod dev;
mod ending;
mod event;
mod events;
mod exit;
mod follow;
mod health;
mod lines;
mod list;
mod logging;
mod migrate;
mod problem;
mod progress;
mod result;
mod serve;
mod signals;
mod sse;
mod start;
mod status;
mod text;
mod watch;

use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::Config;

/// Runs workflows that people can watch: step by step, by calling your services.
#[derive(Debug, Parser)]
#[command(name = "discovery", version, after_help = "New here? `discovery dev` shows it all on an example.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and run workflows, until SIGINT (Ctrl-C) or SIGTERM.
    Serve(Box<Config>),
    /// Bring the database up to date, and end.
    Migrate(migrate::MigrateArgs),
    /// Create or replace workflows from YAML or JSON files, over the API.
    Apply(apply::ApplyArgs),
    /// Start an execution of a workflow, and watch it if asked to.
    #[command(after_help = exit::EXIT_CODES)]
    Start(Box<start::StartArgs>),
    /// Watch an execution until it ends, with a bar for each step.
    #[command(after_help = exit::EXIT_CODES)]
    Watch(watch::WatchArgs),
    /// List executions, newest first.
    #[command(after_help = exit::EXIT_CODES)]
    Ls(list::ListArgs),
    /// Tell how an execution stands.
    #[command(after_help = exit::EXIT_CODES)]
    Status(status::StatusArgs),
    /// Write the events of an execution, oldest first.
    #[command(after_help = exit::EXIT_CODES)]
    Events(events::EventsArgs),
    /// Write what a shell needs to complete these commands, such as `discovery completions bash`.
    Completions(completions::CompletionsArgs),
    /// Ask the server on this machine whether it is alive: exit code 0 or 1, for the probes of containers.
    Health(health::HealthArgs),
    /// Try it: the server, an example service and an example workflow, run once before your eyes.
    Dev(Box<dev::DevArgs>),
}

/// Runs the command that the program was started with. A failure is one sentence on stderr.
pub async fn run() -> ExitCode {
    let matches = command().get_matches();
    let done = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.command.run(&matches).await,
        Err(error) => error.exit(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

impl Command {
    async fn run(self, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(config) => serve::run(*config).await,
            Self::Migrate(args) => migrate::run(args).await,
            Self::Apply(args) => apply::run(args).await,
            Self::Start(args) => coded(start::run(*args).await),
            Self::Watch(args) => coded(watch::run(args).await),
            Self::Ls(args) => coded(list::run(args).await),
            Self::Status(args) => coded(status::run(args).await),
            Self::Events(args) => coded(events::run(args).await),
            Self::Completions(args) => Ok(completions::run(&args, command())),
            Self::Health(args) => health::run(args).await,
            Self::Dev(args) => dev::run(*args, pioneer_is_given(matches)).await,
        }
    }
}

/// Tells an error by its own exit code, rather than as any failure.
fn coded(done: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    done.or_else(|error| Ok(exit::told(&error)))
}

/// The commands with what help says of them: `-h` leaves the bounds out, and `dev` has defaults of its own.
fn command() -> clap::Command {
    let bounds_in_long_help_only = |command: clap::Command| {
        command.mut_args(|arg| {
            let is_bound = arg.get_help_heading().is_some_and(|heading| heading.starts_with("Bounds"));
            arg.hide_short_help(is_bound)
        })
    };
    Cli::command().mut_subcommand("serve", bounds_in_long_help_only).mut_subcommand("dev", |dev| {
        bounds_in_long_help_only(dev).mut_arg("log", |log| log.default_value("warn")).mut_arg("pioneer_url", |url| {
            url.help("Where steps run; by default in an example service inside this process").hide_default_value(true)
        })
    })
}

fn pioneer_is_given(matches: &ArgMatches) -> bool {
    let source = matches.subcommand_matches("dev").and_then(|dev| dev.value_source("pioneer_url"));
    source.is_some_and(|source| source != ValueSource::DefaultValue)
}

/// Writes a line to stdout. That nobody reads it (`| head`) is no reason to stop.
fn say(line: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<(Command, ArgMatches), clap::Error> {
        let matches = command().try_get_matches_from([&["discovery"], arguments].concat())?;
        Ok((Cli::from_arg_matches(&matches)?.command, matches))
    }

    #[test]
    fn the_commands_are_consistent() {
        command().debug_assert();
    }

    #[test]
    fn serve_takes_the_configuration() {
        let (command, _) = parse(&["serve", "--port", "0", "--no-migrate"]).unwrap();
        let Command::Serve(config) = command else { panic!("{command:?}") };
        assert_eq!((config.port, config.no_migrate), (0, true));
    }

    #[test]
    fn dev_takes_the_configuration_too_and_is_quieter() {
        let (command, matches) = parse(&["dev", "--once", "--port", "0", "--database-url", "sqlite::memory:"]).unwrap();
        let Command::Dev(args) = command else { panic!("{command:?}") };
        assert!(args.once && !pioneer_is_given(&matches));
        assert_eq!((args.config.log.as_str(), args.config.database_url.as_str()), ("warn", "sqlite::memory:"));
        let (_, matches) = parse(&["dev", "--pioneer-url", "http://localhost:8000"]).unwrap();
        assert!(pioneer_is_given(&matches));
    }

    #[test]
    fn apply_needs_a_file() {
        assert_eq!(parse(&["apply"]).unwrap_err().exit_code(), 2);
        assert!(parse(&["apply", "a.yaml", "b.json", "--url", "http://h/discovery"]).is_ok());
    }

    #[test]
    fn short_help_leaves_the_bounds_out_and_long_help_does_not() {
        let mut serve = command().find_subcommand("serve").unwrap().clone();
        assert!(!serve.render_help().to_string().contains("--calls-max"));
        assert!(serve.render_long_help().to_string().contains("--calls-max"));
    }
}
