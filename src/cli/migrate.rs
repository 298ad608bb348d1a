//! `discovery migrate`: brings a database up to date and ends.

use std::process::ExitCode;

use clap::Args;

use crate::journal::Journal;

/// What `discovery migrate` takes.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// The database: `sqlite://…` or `postgres://…`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://discovery.db?mode=rwc", hide_env_values = true)]
    database_url: String,
}

/// Applies what is pending and tells what that was.
pub(super) async fn run(args: MigrateArgs) -> anyhow::Result<ExitCode> {
    let applied = Journal::migrate(&args.database_url).await?;
    super::say(told(&applied));
    Ok(ExitCode::SUCCESS)
}

fn told(applied: &[String]) -> String {
    if applied.is_empty() {
        return "Nothing to do: the database is up to date.".to_owned();
    }
    applied.iter().map(|name| format!("Applied {name}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_applied_is_named_line_by_line() {
        assert_eq!(told(&["m1".to_owned(), "m2".to_owned()]), "Applied m1\nApplied m2");
        assert_eq!(told(&[]), "Nothing to do: the database is up to date.");
    }
}
