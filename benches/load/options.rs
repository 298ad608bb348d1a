//! What the driver can be told.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "Measures what Discovery bears.", args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,
    #[command(flatten)]
    pub(crate) load: Load,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// Drives any endpoint that answers once its work is done; prints one line of JSON.
    Drive(Drive),
    /// Kills a server with many open executions, and measures how soon all of them go on.
    Recover(Recover),
    /// Serves steps that do nothing.
    Worker(Worker),
}

/// A program to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Flags of its own for `serve`, behind the path.
    pub(crate) flags: Vec<String>,
}

impl Program {
    pub(crate) fn with_flags(mut self, flags: &[&String]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).clone()));
        self
    }
}

fn program(text: &str) -> Result<Program, String> {
    let (name, rest) = text.split_once('=').ok_or("it must be NAME=PATH, flags of `serve` may follow")?;
    let mut words = rest.split_whitespace().map(str::to_owned);
    let path = words.next().ok_or("the path is missing")?.into();
    Ok(Program { name: name.to_owned(), path, flags: words.collect() })
}

#[derive(Debug, Args)]
pub(crate) struct Load {
    /// Executions that are open at once; several levels are measured one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 500])]
    pub(crate) in_flight: Vec<usize>,
    /// How long a round is measured.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// How long each level runs before that.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) warm_up_seconds: f64,
    /// Rounds of each level, of which the median is told.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Steps of the workflow.
    #[arg(long, default_value_t = 5)]
    pub(crate) steps: usize,
    /// Bytes of data that an execution starts with; each has other ones.
    #[arg(long, default_value_t = 0)]
    pub(crate) payload: usize,
    /// Reports of progress that each step makes.
    #[arg(long, default_value_t = 0)]
    pub(crate) progress: usize,
    /// Measures each program a second time, with a database (SQLite) that holds so many finished executions before.
    #[arg(long, default_value_t = 0)]
    pub(crate) stored: u64,
    /// An empty database of PostgreSQL, in place of a new SQLite file. Measures one program only.
    #[arg(long)]
    pub(crate) database: Option<String>,
    /// Where the SQLite files are made: a real disk (default: the build's own directory).
    #[arg(long)]
    pub(crate) directory: Option<PathBuf>,
    /// A program to be measured, as NAME=PATH, and flags of its own; several take turns in each round (default: the one that is built here).
    #[arg(long, value_parser = program)]
    pub(crate) program: Vec<Program>,
}

#[derive(Debug, Args)]
pub(crate) struct Drive {
    /// Where runs are asked for (POST).
    #[arg(long)]
    pub(crate) url: String,
    /// The file that holds the body, which is JSON.
    #[arg(long)]
    pub(crate) body: PathBuf,
    /// More headers, as `Name: value`.
    #[arg(long)]
    pub(crate) header: Vec<String>,
    /// Requests that are open at once.
    #[arg(long)]
    pub(crate) in_flight: usize,
    /// How long it is measured.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// How long it runs before that.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) warm_up_seconds: f64,
    /// Steps of each run.
    #[arg(long, default_value_t = 5)]
    pub(crate) steps: usize,
    /// A process to be looked at with all its descendants, as NAME=PID.
    #[arg(long, value_parser = process)]
    pub(crate) pid: Vec<(String, u32)>,
}

fn process(text: &str) -> Result<(String, u32), String> {
    let (name, pid) = text.split_once('=').ok_or("it must be NAME=PID")?;
    Ok((name.to_owned(), pid.parse().map_err(|_| "the PID must be a number")?))
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// Executions whose call is open at the kill. Each is an open file of the server, and one of the worker: `ulimit -n`.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) open: usize,
    /// Where the SQLite file is made: a real disk (default: the build's own directory).
    #[arg(long)]
    pub(crate) directory: Option<PathBuf>,
    /// The program to be measured, as NAME=PATH, and flags of its own (default: the one that is built here).
    #[arg(long, value_parser = program)]
    pub(crate) program: Vec<Program>,
}

#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Reports of progress that each step makes.
    #[arg(long, default_value_t = 0)]
    pub(crate) progress: usize,
    /// Steps do not end.
    #[arg(long)]
    pub(crate) hold: bool,
    /// Threads that serve.
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
}
