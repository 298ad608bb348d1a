//! Random definitions, commands and JSON.

use std::collections::HashSet;

use proptest::collection::{btree_map, hash_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Handlers that several steps may share; two of them may be names of other steps, too.
const HANDLERS: [&str; 4] = ["fetch_user", "Validación", "a", "…"];
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
    Fail {
        whose: Whose,
        retryable: bool,
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
    /// The completion that was recorded last, once more.
    CompleteAgain,
    Next,
    Recover,
    Park,
    /// Forget the state, read the log, recover.
    Crash,
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

fn step_name() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[a-e]",
        1 => prop::sample::select(&HANDLERS[..]).prop_map(str::to_owned),
        2 => "[ -~áñü日本語🙂/]{1,8}",
        1 => "\\PC{1,8}",
    ]
}

/// The body of a workflow's definition of 1 to 8 steps.
pub(super) fn definition() -> impl Strategy<Value = Value> {
    let named = vec((step_name(), step()), 1..=8);
    (named, any::<bool>(), 0usize..8).prop_map(|(mut named, manual, rotation)| {
        let mut names = HashSet::new();
        named.retain(|(name, _)| names.insert(name.clone()));
        let count = named.len();
        let steps = named.into_iter().enumerate().map(|(place, (name, mut step))| {
            if name.contains('/') || [".", ".."].contains(&name.as_str()) {
                step.entry("handler").or_insert_with(|| json!("fetch_user"));
            }
            step.insert("name".to_owned(), json!(name));
            step.insert("order".to_owned(), json!((place + rotation) % count));
            Value::Object(step)
        });
        let mode = if manual { "manual" } else { "automatic" };
        json!({"name": "Procesamiento", "mode": mode, "steps": steps.collect::<Vec<_>>()})
    })
}

fn step() -> impl Strategy<Value = Map<String, Value>> {
    let handler = option::weighted(0.6, prop::sample::select(&HANDLERS[..]));
    let seconds = prop_oneof![0.001..1e6, (1u32..100).prop_map(f64::from)];
    let more = (option::of(seconds.clone()), option::of(seconds), option::of(retry()), option::of(config()));
    (handler, 1u32..=4, prop::bool::weighted(0.15), more).prop_map(|(handler, max_visits, end, more)| {
        let mut step = Map::from_iter([("max_visits".to_owned(), json!(max_visits)), ("end".to_owned(), json!(end))]);
        let mut put = |key: &str, value: Option<Value>| value.and_then(|value| step.insert(key.to_owned(), value));
        put("handler", handler.map(Value::from));
        put("timeout_seconds", more.0.map(Value::from));
        put("heartbeat_timeout_seconds", more.1.map(Value::from));
        put("retry", more.2);
        put("config", more.3.map(Value::Object));
        step
    })
}

fn config() -> impl Strategy<Value = Map<String, Value>> {
    small_object().prop_map(|mut config| {
        config.retain(|_, value| !value.to_string().contains("$payload"));
        config
    })
}

fn retry() -> impl Strategy<Value = Value> {
    let intervals = (0.001..200.0, 1.0..10.0, 200.0..1e5);
    (1u32..9, intervals, any::<bool>(), vec("[A-Za-z0-9]{1,6}", 0..3)).prop_map(|(most, waits, jitter, named)| {
        json!({"max_attempts": most, "initial_interval_seconds": waits.0, "backoff_coefficient": waits.1,
               "max_interval_seconds": waits.2, "jitter": jitter, "non_retryable_errors": named,
               "on_exhausted": if jitter { "fail" } else { "pause" }})
    })
}

/// What clients send as data, and steps as context: few keys, so that they meet.
pub(super) fn small_object() -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![
        8 => "[a-d]",
        1 => Just("execution_id".to_owned()),
        1 => Just("event".to_owned()),
        1 => Just("initial_context".to_owned()),
    ];
    let value = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        vec(any::<u8>(), 0..3).prop_map(Value::from),
        "[a-b]".prop_map(|key| json!({key: {"$payload": {"sha256": "ab", "bytes": 20_000, "url": "/"}}})),
    ];
    btree_map(key, value, 0..4).prop_map(|map| map.into_iter().collect())
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

/// Moves, each with the milliseconds before it; a clock may go backwards.
pub(super) fn moves() -> impl Strategy<Value = Vec<(i64, Move)>> {
    let answer = (whose(), next(), small_object(), any::<bool>())
        .prop_map(|(whose, next, context, plain)| Move::Answer { whose, next, context, plain });
    let fail = (whose(), any::<bool>()).prop_map(|(whose, retryable)| Move::Fail { whose, retryable });
    let percentage = prop_oneof![Just(0.0), Just(100.0), 0.0..=100.0];
    let progress = (named(), percentage, option::weighted(0.3, any::<u32>()))
        .prop_map(|(step, percentage, remaining)| Move::Progress { step, percentage, remaining });
    let success = prop::bool::weighted(0.85);
    let complete = (named(), success, next(), option::of(small_object()), small_object())
        .prop_map(|(step, success, next, context, data)| Move::Complete { step, success, next, context, data });
    let one = prop_oneof![
        24 => answer,
        2 => fail,
        12 => progress,
        8 => complete,
        2 => Just(Move::CompleteAgain),
        10 => Just(Move::Next),
        3 => Just(Move::Recover),
        6 => Just(Move::Crash),
        1 => prop::bool::weighted(0.5).prop_map(|park| if park { Move::Park } else { Move::Recover }),
    ];
    vec((-50i64..5_000, one), 1..40)
}

/// Any JSON at all, a few levels deep.
pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            hash_map(known_key(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A valid definition in which some fields, however deep, were replaced by any JSON.
pub(super) fn nearly_valid_definition() -> impl Strategy<Value = Value> {
    let wrong = vec((any::<usize>(), option::of(any::<usize>()), known_key(), any_json()), 0..3);
    (definition(), wrong).prop_map(|(mut body, wrong)| {
        for (place, in_step, key, value) in wrong {
            let count = body["steps"].as_array().map_or(0, Vec::len);
            let object = match in_step {
                Some(_) if count > 0 => &mut body["steps"][place % count],
                Some(_) | None => &mut body,
            };
            if let Some(object) = object.as_object_mut() {
                object.insert(key, value);
            }
        }
        body
    })
}

fn known_key() -> impl Strategy<Value = String> {
    let known = [
        "id",
        "name",
        "handler",
        "mode",
        "steps",
        "order",
        "config",
        "retry",
        "end",
        "max_visits",
        "timeout_seconds",
        "heartbeat_timeout_seconds",
        "description",
        "max_attempts",
        "initial_interval_seconds",
        "$payload",
    ];
    prop_oneof![9 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}
