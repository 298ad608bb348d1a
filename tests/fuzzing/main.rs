//! Replays what was found to be of interest by fuzzing, and tries variations of it.
//!
//! What is tried stands in `fuzz/`, together with the corpora. Here nothing is needed but the toolchain that builds the
//! program; a search that follows the code coverage is done by cargo-fuzz, as `CONTRIBUTING.md` tells.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for the one variant that it is about")]
#![allow(unreachable_pub, dead_code, reason = "cargo-fuzz builds the targets as a library")]

mod mutation;
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use mutation::Mutator;
use targets::{JsonBodies, Target, WorkerAnswers, WsFrames, YamlDefinitions};

/// How many variations are tried where no time is given.
const VARIATIONS: usize = 50;
/// How many variations that led to something new are varied further.
const LEARNED_MAX: usize = 400;
/// How many inputs a target takes before it is built anew, as its database grows.
const INPUTS_MAX: usize = 20_000;

/// What panicked on whichever thread; an actor's panic is not one of the test.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// One target at a time, so that a panic elsewhere is known to be of its input.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn whatever_json_comes_is_answered_without_an_error_of_the_server() {
    try_out::<JsonBodies>("json_bodies");
}

#[test]
fn whatever_yaml_comes_is_answered_and_what_is_taken_stays_the_same() {
    try_out::<YamlDefinitions>("yaml_definitions");
}

#[test]
fn whatever_comes_by_websocket_is_answered_in_whole_frames() {
    try_out::<WsFrames>("ws_frames");
}

#[test]
fn whatever_a_worker_answers_becomes_an_outcome_that_folds() {
    try_out::<WorkerAnswers>("worker_answers");
}

fn try_out<T: Target>(name: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    listen_for_panics();
    PANICS.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let corpus_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut corpus = files(&corpus_path);
    assert!(!corpus.is_empty(), "there is no corpus of {name}");
    corpus.extend(files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions").join(name)));
    let mut trial = Trial::<T> { name, target: None, taken: 0, seen: HashSet::new() };
    for input in &corpus {
        trial.take(input);
    }
    let (replayed, keeps) = (corpus.len(), std::env::var_os("DISCOVERY_TEST_FUZZ_KEEP").is_some());
    let mut mutator = Mutator::new(corpus);
    let (began, limit, mut learned) = (Instant::now(), seconds(), 0);
    while limit.map_or(trial.taken < replayed + VARIATIONS, |limit| began.elapsed() < limit) {
        let input = mutator.variation();
        if trial.take(&input) && learned < LEARNED_MAX {
            learned += 1;
            if keeps {
                std::fs::write(corpus_path.join(format!("n{learned:03}")), &input).unwrap();
            }
            mutator.learn(input);
        }
    }
    println!("{name}: {} inputs, {replayed} of them from the corpus; {learned} led to something new", trial.taken);
}

/// How long variations are tried, where it is given.
fn seconds() -> Option<Duration> {
    let given = std::env::var("DISCOVERY_TEST_FUZZ_SECONDS").ok()?;
    Some(Duration::from_secs(given.parse().expect("DISCOVERY_TEST_FUZZ_SECONDS is a number")))
}

fn files(directory: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn listen_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
            before(info);
        }));
    });
}

struct Trial<'a, T> {
    name: &'a str,
    target: Option<T>,
    taken: usize,
    /// What inputs have led to.
    seen: HashSet<u64>,
}

impl<T: Target> Trial<'_, T> {
    /// Has the target take `input`, and tells whether it led to something new; where anything panics, the input is kept
    /// and the test fails.
    fn take(&mut self, input: &[u8]) -> bool {
        if self.taken.is_multiple_of(INPUTS_MAX) {
            // The old one first: the new one has the thread's system for itself.
            self.target = None;
        }
        self.taken += 1;
        let target = self.target.get_or_insert_with(T::build);
        let signs = catch_unwind(AssertUnwindSafe(|| target.take(input)));
        let panics = std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
        let (Ok(signs), true) = (signs, panics.is_empty()) else {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("failed_{}", self.name));
            std::fs::write(&kept, input).unwrap();
            let (name, shown) = (self.name, input.escape_ascii());
            panic!("{name} failed, perhaps with {}: {shown}\n{}", kept.display(), panics.join("\n"));
        };
        // All of them must be noted, not only those up to the first new one.
        signs.iter().filter(|sign| self.seen.insert(*sign)).count() > 0
    }
}
