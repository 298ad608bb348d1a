//! What is measured, in which order.

use std::path::Path;
use std::time::{Duration, Instant};

use actix_rt::time::sleep;
use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::client::{self, Body, Load as Loops, Target};
use crate::machine::{self, Look, Watched, cores};
use crate::options::{Drive, Load, Program};
use crate::report::{self, Level, Measured};
use crate::server::{self, Listening};
use crate::stored;
use crate::worker::STEPS_MAX;

/// More of the machine than this, taken by others, and a round is measured again.
const FOREIGN_CPU_SHARE_MAX: f64 = 0.10;
/// How often that is done before the round is taken as it is, and marked.
const REPEATS_MAX: usize = 3;
/// How long a server that has nothing to do is left alone before it is looked at.
const IDLE: Duration = Duration::from_secs(2);

/// A program that serves, and what it was found to take before anything was asked of it.
struct Subject {
    program: Program,
    server: Listening,
    workflow: String,
    idle_bytes: u64,
}

/// Measures programs, each at all levels; they take turns in each round.
pub(crate) async fn run(options: Load) -> anyhow::Result<()> {
    ensure!((1..=STEPS_MAX).contains(&options.steps), "a workflow has from 1 to {STEPS_MAX} steps here");
    let directory = directory(options.directory.as_deref())?;
    let worker = server::worker(&[&format!("--progress={}", options.progress)])?;
    let mut subjects = Vec::new();
    let programs = programs(&options.program)?;
    ensure!(options.database.is_none() || programs.len() == 1, "one database is for one program");
    for program in programs {
        subjects.push(prepare(&options, program.clone(), 0, &directory, &worker).await?);
        if options.stored > 0 {
            let used = Program { name: format!("{}-{}-stored", program.name, options.stored), ..program };
            subjects.push(prepare(&options, used, options.stored, &directory, &worker).await?);
        }
    }
    report::head(&options, directory.path());
    for subject in &subjects {
        report::started(&subject.program.name, subject.server.started_in, subject.idle_bytes);
    }
    let mut levels = Vec::new();
    for &in_flight in &options.in_flight {
        let mut rounds: Vec<Vec<Measured>> = subjects.iter().map(|_| Vec::new()).collect();
        for _ in 0..options.rounds {
            for (subject, rounds) in subjects.iter().zip(&mut rounds) {
                rounds.push(measure_quietly(&options, subject, &worker, in_flight).await?);
            }
        }
        for (subject, rounds) in subjects.iter().zip(rounds) {
            let level = Level::of(&subject.program.name, in_flight, options.steps, &rounds);
            report::level(&level);
            levels.push(level);
        }
    }
    report::json(&options, &levels)?;
    for subject in subjects {
        subject.server.stop().await?;
    }
    Ok(())
}

/// A directory for databases; `given`, where it is, is where it is made.
pub(crate) fn directory(given: Option<&Path>) -> anyhow::Result<TempDir> {
    // Not the system's temporary directory, which may be kept in memory.
    let place = given.unwrap_or(Path::new(env!("CARGO_TARGET_TMPDIR")));
    tempfile::tempdir_in(place).with_context(|| format!("nothing can be written in {}", place.display()))
}

/// The programs that are given, or else the one that is built here.
pub(crate) fn programs(given: &[Program]) -> anyhow::Result<Vec<Program>> {
    let mut programs = given.to_vec();
    if programs.is_empty() {
        programs.push(Program { name: "discovery".to_owned(), path: server::build()?, flags: Vec::new() });
    }
    Ok(programs)
}

async fn prepare(
    options: &Load,
    program: Program,
    executions_stored: u64,
    directory: &TempDir,
    worker: &Listening,
) -> anyhow::Result<Subject> {
    let sqlite = server::sqlite_url(directory.path(), &program.name);
    let database = options.database.clone().unwrap_or(sqlite);
    let mut server = server::discovery(&program, &database, &worker.url)?;
    if executions_stored > 0 {
        ensure!(options.database.is_none(), "--stored is for SQLite");
        let run = format!("{}/execute", server::define(&server.url, options.steps).await?);
        let body = Body::Payload(options.payload);
        let loops = Loops::start(Target { run, begin: None, headers: Default::default(), body }, 1);
        sleep(IDLE).await;
        loops.stop().await;
        server.stop().await?;
        stored::fill(&directory.path().join(format!("{}.db", program.name)), executions_stored)?;
        server = server::discovery(&program, &database, &worker.url)?;
    }
    sleep(IDLE).await;
    let idle_bytes = Look::at(&[Watched { name: program.name.clone(), pid: server.pid() }]).taken[0].resident_bytes;
    let workflow = server::define(&server.url, options.steps).await?;
    Ok(Subject { program, server, workflow, idle_bytes })
}

/// One round, again where others took too much of the machine meanwhile.
async fn measure_quietly(
    options: &Load,
    subject: &Subject,
    worker: &Listening,
    in_flight: usize,
) -> anyhow::Result<Measured> {
    let mut watched = vec![("server", subject.server.pid()), ("worker", worker.pid()), ("driver", std::process::id())];
    if options.database.is_some() {
        watched.extend(machine::eldest("postgres").map(|pid| ("database", pid)));
    }
    let watched = watched.into_iter().map(|(name, pid)| Watched { name: name.to_owned(), pid });
    let watched: Vec<Watched> = watched.collect();
    let mut repeats = 0;
    loop {
        let target = Target {
            run: format!("{}/execute", subject.workflow),
            begin: Some((format!("{}/execute-async", subject.workflow), subject.server.url.clone())),
            headers: Default::default(),
            body: Body::Payload(options.payload),
        };
        let measured = measure(target, in_flight, options.warm_up_seconds, options.seconds, &watched).await?;
        if measured.foreign_cpu_share <= FOREIGN_CPU_SHARE_MAX || repeats == REPEATS_MAX {
            return Ok(measured.after(repeats));
        }
        repeats += 1;
    }
}

async fn measure(
    target: Target,
    in_flight: usize,
    warm_up_seconds: f64,
    seconds: f64,
    watched: &[Watched],
) -> anyhow::Result<Measured> {
    let loops = Loops::start(target, in_flight);
    sleep(Duration::from_secs_f64(warm_up_seconds)).await;
    let warm_up = loops.take_seen();
    let (before, since) = (Look::at(watched), Instant::now());
    sleep(Duration::from_secs_f64(seconds)).await;
    let (seen, took, after) = (loops.take_seen(), since.elapsed(), Look::at(watched));
    loops.stop().await;
    let error = seen.error.as_ref().or(warm_up.error.as_ref());
    ensure!(seen.ended > 0, "nothing came of it: {}", error.map_or("no answer", String::as_str));
    let foreign = after.foreign_cpu_seconds(&before) / (took.as_secs_f64() * cores());
    let processes = watched.iter().zip(before.taken.iter().zip(&after.taken));
    let processes = processes.map(|(one, (before, after))| report::Process::between(&one.name, before, after));
    Ok(Measured::of(seen, took, foreign, processes.collect()))
}

/// Measures any endpoint once.
pub(crate) async fn drive(options: &Drive) -> anyhow::Result<()> {
    let body = std::fs::read(&options.body).with_context(|| format!("{} cannot be read", options.body.display()))?;
    let target = Target {
        run: options.url.clone(),
        begin: None,
        headers: client::headers(&options.header)?,
        body: Body::Same(body.into()),
    };
    let mut watched: Vec<Watched> =
        options.pid.iter().map(|(name, pid)| Watched { name: name.clone(), pid: *pid }).collect();
    watched.push(Watched { name: "driver".to_owned(), pid: std::process::id() });
    let measured = measure(target, options.in_flight, options.warm_up_seconds, options.seconds, &watched).await?;
    println!("{}", report::line(&measured, options.in_flight, options.steps));
    Ok(())
}
