//! `discovery events`: the log of an execution, from the beginning or as it grows.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::args::ServerArgs;
use super::event::Event;
use super::exit::Exit;
use super::follow::{Follower, News};
use super::signals::Signals;
use super::text::{clock_time, duration, one_line, shortened};
use super::watch::{WatchOptions, no_such_execution};

/// As much of a message as is shown.
const WORDS_CHARS_MAX: usize = 200;

/// What `discovery events` takes.
#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    /// The execution's id.
    #[arg(value_name = "ID")]
    id: String,
    /// Go on with what happens, until the execution ends.
    #[arg(long, short)]
    follow: bool,
    /// Only events with a greater number.
    #[arg(long, default_value_t = 0, value_name = "SEQ")]
    after: u64,
    /// Write each event as JSON, one a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    how: WatchOptions,
    #[command(flatten)]
    server: ServerArgs,
}

/// Writes the events.
pub(super) async fn run(args: EventsArgs) -> anyhow::Result<ExitCode> {
    let client = args.server.client()?;
    if !args.follow {
        let mut after = args.after;
        loop {
            let events = client.events(&args.id, after).await;
            let events = events.map_err(|error| no_such_execution(error, &args.id, &args.server))?;
            let Some(last) = events.last() else { return Ok(ExitCode::SUCCESS) };
            after = last.seq;
            if !events.iter().all(|event| write(event, args.json)) {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    let mut signals = Signals::listen()?;
    let mut follower = Follower::new(&client, &args.id, args.after, args.how.reconnect_for);
    loop {
        let news = tokio::select! {
            news = follower.next() => news.map_err(|error| no_such_execution(error, &args.id, &args.server))?,
            _ = signals.next() => return Ok(Exit::Interrupted.into()),
        };
        match news {
            News::Event(event) if write(&event, args.json) => {}
            News::Event(_) | News::Over => return Ok(ExitCode::SUCCESS),
            News::Lost(reason) => eprintln!("Connection lost ({reason}); trying again."),
            News::Back => eprintln!("Discovery answers again. Nothing was missed."),
        }
    }
}

/// Writes one event, and says whether somebody still reads.
fn write(event: &Event, json: bool) -> bool {
    let line = if json { event.text.clone() } else { line(event) };
    writeln!(std::io::stdout(), "{line}").is_ok()
}

fn line(event: &Event) -> String {
    let time = event.at.map(clock_time).unwrap_or_default();
    let fields: Value = serde_json::from_str(&event.text).unwrap_or_default();
    format!("{:>5}  {time:12}  {:<22}  {}", event.seq, one_line(&event.name), words(&fields)).trim_end().to_owned()
}

/// What an event says, whatever it is, in a line.
fn words(event: &Value) -> String {
    let word = |value: &Value| value.as_str().map(one_line);
    let mut words = Vec::new();
    words.extend(word(&event["step_name"]).or_else(|| word(&event["workflow_name"])));
    words.extend(event["attempt"].as_u64().filter(|attempt| *attempt > 1).map(|attempt| format!("attempt {attempt}")));
    let progress = &event["progress"];
    words.extend(progress["percentage"].as_f64().map(|percentage| format!("{percentage:.0} %")));
    words.extend(word(&progress["message"]).or_else(|| word(&progress["current_task"])));
    words.extend(event["waiting_for"].as_str().map(|what| format!("waits for {}", one_line(what))));
    words.extend(word(&event["error"]["message"]));
    words.extend(event["retry_in_seconds"].as_f64().map(|seconds| format!("again in {}", duration(seconds))));
    words.extend(word(&event["reason"]).or_else(|| word(&event["completion_reason"])));
    words.extend(event["duration_seconds"].as_f64().map(duration));
    words.extend(word(&event["next"]).map(|next| format!("then {next}")));
    shortened(&words.join(" · "), WORDS_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::super::event::read;
    use super::*;

    #[test]
    fn an_event_is_a_line_whatever_it_is() {
        let events = read(&[
            r#"{"event": "step_error", "step_name": "Carga", "attempt": 2, "error": {"type": "T", "message": "no\nway"},
                "retry_in_seconds": 1.5}"#,
            r#"{"event": "step_teleported", "to": [1]}"#,
        ]);
        let lines: Vec<String> = events.iter().map(line).collect();
        let expected = [
            "    1                step_error              Carga · attempt 2 · no way · again in 1.5 s",
            "    2                step_teleported",
        ];
        assert_eq!(lines, expected);
    }
}
