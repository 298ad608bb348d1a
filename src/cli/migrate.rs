//! `discovery migrate`: brings a database up to date and ends.

use std::process::ExitCode;

use clap::Args;

use crate::journal::{Journal, Migrated};

/// What `discovery migrate` takes.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// The database: `sqlite://…` or `postgres://…`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://discovery.db?mode=rwc", hide_env_values = true)]
    database_url: String,
    /// Only tell what would change.
    #[arg(long)]
    dry_run: bool,
}

/// Applies what is pending, or takes over the database of the replaced service, and tells what that changes.
pub(super) async fn run(args: MigrateArgs) -> anyhow::Result<ExitCode> {
    let migrated = Journal::migrate(&args.database_url, args.dry_run, &mut |adoption| super::say(adoption)).await?;
    super::say(told(&migrated, args.dry_run));
    Ok(ExitCode::SUCCESS)
}

fn told(migrated: &Migrated, dry_run: bool) -> String {
    let mut lines = Vec::new();
    if let Some(notes) = &migrated.adopted {
        lines.extend(notes.iter().map(|note| format!("Note: {note}.")));
        lines.push(if dry_run { "Nothing was changed." } else { "The database was taken over." }.to_owned());
    }
    let done = if dry_run { "Would apply" } else { "Applied" };
    lines.extend(migrated.migrations.iter().map(|name| format!("{done} {name}")));
    if lines.is_empty() {
        return "Nothing to do: the database is up to date.".to_owned();
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_applied_is_named_line_by_line() {
        let migrated = |names: &[&str]| Migrated {
            migrations: names.iter().map(|name| (*name).to_owned()).collect(),
            adopted: None,
        };
        assert_eq!(told(&migrated(&["m1", "m2"]), false), "Applied m1\nApplied m2");
        assert_eq!(told(&migrated(&["m1"]), true), "Would apply m1");
        assert_eq!(told(&migrated(&[]), false), "Nothing to do: the database is up to date.");
    }

    #[test]
    fn what_was_taken_over_comes_before_the_migrations() {
        let migrated = Migrated { migrations: vec!["m1".to_owned()], adopted: Some(vec!["one".to_owned()]) };
        assert_eq!(told(&migrated, false), "Note: one.\nThe database was taken over.\nApplied m1");
        assert_eq!(told(&migrated, true), "Note: one.\nNothing was changed.\nWould apply m1");
    }
}
