//! Random moves: what clients, workers, time and crashes do to an execution.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::generators::small_object;

/// A name that no step has: longer than generated ones.
pub(super) const NOBODY: &str = "nobody has this name";

/// Something that happens to an execution; places are taken modulo what there is.
#[derive(Clone, Debug)]
pub(super) enum Move {
    Answer {
        whose: Whose,
        next: Next,
        context: Map<String, Value>,
        plain: bool,
    },
    /// The worker answers 202 to a request that was sent so many milliseconds ago.
    Accept {
        whose: Whose,
        millis_ago: i64,
    },
    Fail {
        whose: Whose,
        error: Error,
    },
    Progress {
        step: Named,
        percentage: f64,
        remaining: Option<u32>,
    },
    Complete {
        step: Named,
        success: bool,
        next: Next,
        context: Option<Map<String, Value>>,
        data: Map<String, Value>,
    },
    /// The completion that was reported last, once more.
    CompleteAgain,
    Next,
    Steer(Steer),
    Retry(Option<Named>),
    ForceCompletion(Map<String, Value>),
    SetProperties {
        data: Option<Option<Map<String, Value>>>,
        status: Option<Option<String>>,
    },
    Recover,
    /// Forget the state, be away for so many milliseconds, read the log, recover.
    Crash {
        away_millis: i64,
    },
    /// A timer rings, for whatever reason.
    Wake,
    /// Time passes until the timer that is set rings, or a millisecond less.
    Ring {
        early: bool,
    },
}

/// What holds, moves or ends an execution.
#[derive(Clone, Copy, Debug)]
pub(super) enum Steer {
    Pause,
    Resume,
    Cancel,
    Park,
}

/// How a call broke.
#[derive(Clone, Debug)]
pub(super) struct Error {
    pub(super) kind: &'static str,
    pub(super) status: Option<u16>,
    pub(super) retryable: bool,
    pub(super) retry_after_millis: Option<u64>,
}

/// The attempt that an outcome is said to be of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    Running,
    Any(usize),
    Nobodys,
}

/// How a report names its step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named {
    RunningByName,
    RunningByHandler,
    ByName(usize),
    ByHandler(usize),
    Unknown,
}

/// What an answer says about the next step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    None,
    ByName(usize),
    ByHandler(usize),
    Unknown,
}

fn next() -> impl Strategy<Value = Next> {
    prop_oneof![
        6 => Just(Next::None),
        3 => any::<usize>().prop_map(Next::ByName),
        3 => any::<usize>().prop_map(Next::ByHandler),
        1 => prop::bool::weighted(0.3).prop_map(|unknown| if unknown { Next::Unknown } else { Next::None }),
    ]
}

fn whose() -> impl Strategy<Value = Whose> {
    prop_oneof![8 => Just(Whose::Running), 1 => any::<usize>().prop_map(Whose::Any), 1 => Just(Whose::Nobodys)]
}

fn named() -> impl Strategy<Value = Named> {
    prop_oneof![
        6 => Just(Named::RunningByName),
        3 => Just(Named::RunningByHandler),
        1 => any::<usize>().prop_map(Named::ByName),
        1 => any::<usize>().prop_map(Named::ByHandler),
        1 => Just(Named::Unknown),
    ]
}

fn error() -> impl Strategy<Value = Error> {
    let kinds = [("ConnectionFailed", None), ("HttpStatus", Some(503)), ("HttpStatus", Some(429)), ("Broken", None)];
    let retry_after = option::weighted(0.3, prop_oneof![4 => 0u64..30_000, 1 => 0u64..1_000_000_000]);
    (prop::sample::select(kinds.to_vec()), prop::bool::weighted(0.85), retry_after).prop_map(
        |((kind, status), retryable, retry_after_millis)| Error { kind, status, retryable, retry_after_millis },
    )
}

fn of_workers() -> impl Strategy<Value = Move> {
    let answer = (whose(), next(), small_object(), any::<bool>())
        .prop_map(|(whose, next, context, plain)| Move::Answer { whose, next, context, plain });
    let accept = (whose(), 0i64..2_000).prop_map(|(whose, millis_ago)| Move::Accept { whose, millis_ago });
    let percentage = prop_oneof![Just(0.0), Just(100.0), 0.0..=100.0];
    let progress = (named(), percentage, option::weighted(0.3, any::<u32>()))
        .prop_map(|(step, percentage, remaining)| Move::Progress { step, percentage, remaining });
    let success = prop::bool::weighted(0.75);
    let complete = (named(), success, next(), option::of(small_object()), small_object())
        .prop_map(|(step, success, next, context, data)| Move::Complete { step, success, next, context, data });
    prop_oneof![
        18 => answer,
        10 => accept,
        12 => (whose(), error()).prop_map(|(whose, error)| Move::Fail { whose, error }),
        10 => progress,
        8 => complete,
        2 => Just(Move::CompleteAgain),
    ]
}

fn of_clients() -> impl Strategy<Value = Move> {
    let data = option::of(option::of(small_object()));
    let properties = (data, option::of(option::of(prop::sample::select(vec!["a", "b"]))))
        .prop_map(|(data, status)| Move::SetProperties { data, status: status.map(|status| status.map(Into::into)) });
    let from_step = option::weighted(0.4, named());
    let force = (small_object(), any::<bool>())
        .prop_map(|(data, force)| if force { Move::ForceCompletion(data) } else { Move::Steer(Steer::Resume) });
    prop_oneof![
        12 => Just(Move::Next),
        4 => Just(Move::Steer(Steer::Pause)),
        8 => Just(Move::Steer(Steer::Resume)),
        1 => Just(Move::Steer(Steer::Cancel)),
        7 => from_step.prop_map(Move::Retry),
        1 => force,
        3 => properties,
    ]
}

fn of_time() -> impl Strategy<Value = Move> {
    let away = prop_oneof![2 => Just(0i64), 3 => 0i64..10_000, 1 => 0i64..100_000_000];
    prop_oneof![
        3 => Just(Move::Recover),
        6 => away.prop_map(|away_millis| Move::Crash { away_millis }),
        3 => Just(Move::Wake),
        9 => prop::bool::weighted(0.25).prop_map(|early| Move::Ring { early }),
        2 => prop::bool::weighted(0.7).prop_map(|park| if park { Move::Steer(Steer::Park) } else { Move::Wake }),
    ]
}

/// Moves, each with the milliseconds before it and a draw of chance; a clock may go backwards.
pub(super) fn moves() -> impl Strategy<Value = Vec<(i64, f64, Move)>> {
    let millis = prop_oneof![4 => -50i64..500, 2 => 0i64..5_000, 1 => 0i64..60_000];
    let draw = prop_oneof![Just(0.0), Just(1.0), 0.0..1.0];
    vec((millis, draw, prop_oneof![5 => of_workers(), 3 => of_clients(), 2 => of_time()]), 1..32)
}
