//! What was measured, for people and for machines.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Seen;
use crate::machine::Taken;
use crate::numbers::{Spread, percentile_ms, short};
use crate::options::Load;

/// What one process took during a round.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    name: String,
    cpu_seconds: f64,
    resident_bytes: u64,
    written_bytes: u64,
}

impl Process {
    pub(crate) fn between(name: &str, before: &Taken, after: &Taken) -> Self {
        Self {
            name: name.to_owned(),
            cpu_seconds: after.cpu_seconds - before.cpu_seconds,
            resident_bytes: after.resident_bytes,
            written_bytes: after.written_bytes.saturating_sub(before.written_bytes),
        }
    }
}

/// One round.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    seconds: f64,
    ended: usize,
    /// Ascending, as `starts`.
    runs: Vec<Duration>,
    starts: Vec<Duration>,
    errors: usize,
    processes: Vec<Process>,
    /// How much of the machine others took.
    pub(crate) foreign_cpu_share: f64,
    /// How often it was measured before, and was not taken.
    repeats: usize,
}

impl Measured {
    pub(crate) fn of(seen: Seen, took: Duration, foreign_cpu_share: f64, processes: Vec<Process>) -> Self {
        let Seen { ended, mut runs, mut starts, errors, error } = seen;
        if let Some(error) = error {
            eprintln!("{errors} errors, the first: {error}");
        }
        runs.sort_unstable();
        starts.sort_unstable();
        let seconds = took.as_secs_f64();
        Self { seconds, ended, runs, starts, errors, processes, foreign_cpu_share, repeats: 0 }
    }

    /// The same, measured after so many that were not taken.
    pub(crate) fn after(self, repeats: usize) -> Self {
        Self { repeats, ..self }
    }

    fn per_second(&self) -> f64 {
        self.ended as f64 / self.seconds
    }

    /// So much for each thousand steps.
    fn per_1000_steps(&self, steps: usize, amount: f64) -> f64 {
        amount * 1_000.0 / (self.ended * steps) as f64
    }
}

/// What all rounds of one level came to.
pub(crate) struct Level {
    program: String,
    in_flight: usize,
    /// A name, a unit, and the values.
    lines: Vec<(String, &'static str, Spread)>,
    foreign: Spread,
    repeats: usize,
    errors: usize,
}

impl Level {
    pub(crate) fn of(program: &str, in_flight: usize, steps: usize, rounds: &[Measured]) -> Self {
        let over = |value: &dyn Fn(&Measured) -> f64| Spread::of(rounds.iter().map(value));
        let mut lines = vec![
            ("steps".to_owned(), "1/s", over(&|round| round.per_second() * steps as f64)),
            ("workflows".to_owned(), "1/s", over(&Measured::per_second)),
        ];
        for percent in [50, 95, 99] {
            lines.push((format!("whole run p{percent}"), "ms", over(&|round| percentile_ms(&round.runs, percent))));
        }
        for percent in [50, 95, 99] {
            lines.push((format!("start p{percent}"), "ms", over(&|round| percentile_ms(&round.starts, percent))));
        }
        for (place, process) in rounds.first().iter().flat_map(|round| &round.processes).enumerate() {
            let cpu = over(&|round| round.per_1000_steps(steps, round.processes[place].cpu_seconds));
            lines.push((format!("CPU of the {} per 1,000 steps", process.name), "s", cpu));
        }
        let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
        lines.push(("resident, server".to_owned(), "MiB", over(&|round| mib(round.processes[0].resident_bytes))));
        let written = |round: &Measured| round.processes[0].written_bytes as f64;
        let written = over(&|round| round.per_1000_steps(steps, written(round)) / 1_000.0);
        lines.push(("written per step".to_owned(), "B", written));
        Self {
            program: program.to_owned(),
            in_flight,
            lines,
            foreign: over(&|round| round.foreign_cpu_share * 100.0),
            repeats: rounds.iter().map(|round| round.repeats).sum(),
            errors: rounds.iter().map(|round| round.errors).sum(),
        }
    }
}

pub(crate) fn head(options: &Load, directory: &Path) {
    let database =
        options.database.as_deref().map_or_else(|| format!("SQLite in {}", directory.display()), str::to_owned);
    println!(
        "{} steps, {} bytes of data, {} reports a step; {database}",
        options.steps, options.payload, options.progress
    );
    println!(
        "{} rounds of {} s after {} s, medians (and from the least to the most)\n",
        options.rounds, options.seconds, options.warm_up_seconds
    );
}

pub(crate) fn started(program: &str, took: Duration, idle_bytes: u64) {
    let mib = idle_bytes as f64 / 1024.0 / 1024.0;
    println!("{program}: listens after {:.0} ms, idle {mib:.1} MiB", took.as_secs_f64() * 1_000.0);
}

pub(crate) fn level(level: &Level) {
    println!("\n{}, {} in flight", level.program, level.in_flight);
    for (name, unit, Spread { median, min, max }) in &level.lines {
        println!("  {name:<36} {:>10} {unit:<4} ({} … {})", short(*median), short(*min), short(*max));
    }
    let foreign = level.foreign;
    println!("  taken by others: {:.1} % of the machine ({:.1} … {:.1})", foreign.median, foreign.min, foreign.max);
    if level.repeats > 0 {
        println!("  {} rounds were measured again, because others took more than a tenth", level.repeats);
    }
    if level.errors > 0 {
        println!("  {} requests failed", level.errors);
    }
}

/// Everything as one line.
pub(crate) fn json(options: &Load, levels: &[Level]) -> anyhow::Result<()> {
    let levels = levels.iter().map(|level| {
        let lines = level.lines.iter().map(|(name, unit, spread)| {
            json!({"name": name, "unit": unit, "median": spread.median, "min": spread.min, "max": spread.max})
        });
        json!({"program": level.program, "in_flight": level.in_flight, "measured": lines.collect::<Vec<Value>>(),
            "foreign_cpu_percent": level.foreign.median, "repeats": level.repeats, "errors": level.errors})
    });
    let line = json!({"steps": options.steps, "payload_bytes": options.payload, "progress": options.progress,
        "stored": options.stored, "rounds": options.rounds, "seconds": options.seconds,
        "levels": levels.collect::<Vec<Value>>()});
    println!("\n{}", serde_json::to_string(&line)?);
    Ok(())
}

/// One round as one line.
pub(crate) fn line(measured: &Measured, in_flight: usize, steps: usize) -> Value {
    let processes = measured.processes.iter().map(|process| {
        json!({"name": process.name, "cpu_seconds": process.cpu_seconds,
            "cpu_seconds_per_1000_steps": measured.per_1000_steps(steps, process.cpu_seconds),
            "resident_bytes": process.resident_bytes, "written_bytes": process.written_bytes})
    });
    json!({"in_flight": in_flight, "seconds": measured.seconds, "runs": measured.ended,
        "workflows_per_second": measured.per_second(), "steps_per_second": measured.per_second() * steps as f64,
        "p50_ms": percentile_ms(&measured.runs, 50), "p95_ms": percentile_ms(&measured.runs, 95),
        "p99_ms": percentile_ms(&measured.runs, 99), "errors": measured.errors,
        "processes": processes.collect::<Vec<Value>>(), "foreign_cpu_share": measured.foreign_cpu_share})
}
