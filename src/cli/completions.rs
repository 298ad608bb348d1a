//! `discovery completions`: what a shell needs to complete the commands and their flags.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use clap_complete::{Shell, generate};

/// What `discovery completions` takes.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell that they are for.
    #[arg(value_enum)]
    shell: KnownShell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KnownShell {
    Bash,
    Zsh,
    Fish,
}

/// Writes the completions to stdout.
pub(super) fn run(args: &CompletionsArgs, mut command: clap::Command) -> ExitCode {
    let shell = match args.shell {
        KnownShell::Bash => Shell::Bash,
        KnownShell::Zsh => Shell::Zsh,
        KnownShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut command, "discovery", &mut script);
    // Nobody may be reading (`| head`), which is no failure.
    let _ = std::io::stdout().write_all(&script);
    ExitCode::SUCCESS
}
