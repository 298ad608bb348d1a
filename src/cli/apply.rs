//! `discovery apply`: creates or replaces workflows from files, over the API.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;
use serde_json::Value;

use super::api::Workflow;
use super::args::ServerArgs;
use super::client::Client;
use super::text::{io_reason, one_line};

/// What `discovery apply` takes.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// Workflows, one a file, as YAML or JSON; one with an `id` is created or replaced, one without is created.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// What became of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Created,
    Replaced,
    Unchanged,
}

/// Applies every file, also after one that failed, and tells what became of each.
pub(super) async fn run(args: ApplyArgs) -> anyhow::Result<ExitCode> {
    let client = args.server.client()?;
    let mut failed = false;
    for file in &args.files {
        match apply_file(&client, file).await {
            Ok((change, workflow)) => super::say(told(change, &workflow)),
            Err(error) => {
                failed = true;
                eprintln!("{}: {error:#}", file.display());
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn apply_file(client: &Client, file: &Path) -> anyhow::Result<(Change, Workflow)> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| anyhow!("The file cannot be read: {}.", io_reason(&error)))?;
    apply(client, &parse(&text)?).await
}

/// Creates or replaces the workflow that `definition` describes.
pub(super) async fn apply(client: &Client, definition: &Value) -> anyhow::Result<(Change, Workflow)> {
    let Some(id) = definition.get("id").and_then(Value::as_str) else {
        return Ok((Change::Created, client.post_workflow(definition).await?));
    };
    let before = client.workflow(id).await?;
    let after = client.put_workflow(id, definition).await?;
    let change = match before {
        None => Change::Created,
        Some(before) if before.version == after.version => Change::Unchanged,
        Some(_) => Change::Replaced,
    };
    Ok((change, after))
}

/// Reads a definition; JSON is YAML too.
pub(super) fn parse(text: &str) -> anyhow::Result<Value> {
    let definition: Value = serde_saphyr::from_str(text).map_err(|error| {
        let what = error.without_snippet().to_string();
        // The place comes first, so it need not stand in the sentence again; nor is this the one who sets options.
        let what = [" at line ", ", set DuplicateKeyPolicy"]
            .iter()
            .fold(what.as_str(), |what, end| what.split_once(end).map_or(what, |(before, _)| before));
        let what = one_line(what);
        match error.location() {
            Some(place) => anyhow!("line {}, column {}: {what}", place.line(), place.column()),
            None => anyhow!(what),
        }
    })?;
    if !definition.is_object() {
        bail!("The file holds no workflow: it must be a mapping with `name` and `steps`.");
    }
    Ok(definition)
}

/// `created Documentos 123e… version 1`.
pub(super) fn told(change: Change, workflow: &Workflow) -> String {
    let change = match change {
        Change::Created => "created",
        Change::Replaced => "replaced",
        Change::Unchanged => "unchanged",
    };
    format!("{change} {}, {}, version {}", one_line(&workflow.name), workflow.id, workflow.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../examples/workflows/procesamiento_de_documentos.yaml");

    #[test]
    fn a_definition_may_be_yaml_or_json() {
        let example = parse(EXAMPLE).unwrap();
        assert_eq!(example["id"], "123e4567-e89b-12d3-a456-426614174000");
        assert_eq!(example["steps"][4]["end"], true);
        assert_eq!(parse(&example.to_string()).unwrap(), example);
    }

    #[test]
    fn a_slip_in_the_yaml_is_named_with_its_place() {
        let slip = parse("name: A\nsteps:\n  - name: [a\n").unwrap_err().to_string();
        assert!(slip.starts_with("line "), "{slip}");
        assert!(!slip.contains('\n'), "{slip}");
        let twice = parse("name: A\nname: B\n").unwrap_err().to_string();
        assert_eq!(twice, "line 2, column 1: duplicate mapping key: name");
        assert!(parse("- a\n- b\n").unwrap_err().to_string().contains("must be a mapping"));
        assert!(parse("").is_err());
    }

    #[test]
    fn what_became_of_a_workflow_is_one_line() {
        let workflow = Workflow { id: "1-2".to_owned(), name: "Docs".to_owned(), version: 3, steps: Vec::new() };
        assert_eq!(told(Change::Unchanged, &workflow), "unchanged Docs, 1-2, version 3");
    }
}
