//! Random definitions and JSON.

use std::collections::HashSet;

use proptest::collection::{btree_map, hash_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::string::string_regex;
use serde_json::{Map, Value, json};

/// Handlers that several steps may share; two of them may be names of other steps, too.
const HANDLERS: [&str; 4] = ["fetch_user", "Validación", "a", "…"];
/// What policies may name as not worth a further attempt.
const ERRORS: [&str; 6] = ["HttpStatus", "503", "Broken", "StepFailed", "Timeout", "HeartbeatTimeout"];

/// Texts that fit `regex`, which is read once: a bare one is read again for every value.
fn text(regex: &str) -> impl Strategy<Value = String> {
    string_regex(regex).unwrap()
}

fn step_name() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => text("[a-e]"),
        1 => prop::sample::select(&HANDLERS[..]).prop_map(str::to_owned),
        2 => text("[ -~áñü日本語🙂/]{1,8}"),
        1 => text("\\PC{1,8}"),
    ]
}

/// The body of a workflow's definition of 1 to 8 steps.
pub(super) fn definition() -> impl Strategy<Value = Value> {
    let named = vec((step_name(), step()), 1..=8);
    let timeout = option::weighted(0.3, prop_oneof![3 => seconds(1_000, 60_000), 1 => seconds(1, 1_000_000_000)]);
    (named, prop::bool::weighted(0.35), 0usize..8, timeout).prop_map(|(mut named, manual, rotation, timeout)| {
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
        let steps: Vec<_> = steps.collect();
        json!({"name": "Procesamiento", "mode": mode, "steps": steps, "timeout_seconds": timeout})
    })
}

fn step() -> impl Strategy<Value = Map<String, Value>> {
    let handler = option::weighted(0.6, prop::sample::select(&HANDLERS[..]));
    let timeout = || option::of(prop_oneof![3 => seconds(1, 20_000), 1 => seconds(1_000, 1_000_000_000)]);
    let more = (timeout(), timeout(), option::weighted(0.7, retry()), option::of(config()));
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

/// Seconds of so many milliseconds.
fn seconds(from_millis: u32, to_millis: u32) -> impl Strategy<Value = f64> {
    (from_millis..to_millis).prop_map(|millis| f64::from(millis) / 1000.0)
}

fn retry() -> impl Strategy<Value = Value> {
    let waits = (seconds(1, 10_000), 1.0..10.0, seconds(10_000, 100_000_000));
    let error =
        prop_oneof![1 => text("[A-Za-z0-9]{1,6}"), 2 => prop::sample::select(&ERRORS[..]).prop_map(str::to_owned)];
    let errors = option::weighted(0.3, vec(error, 0..3));
    (1u32..=4, waits, any::<bool>(), errors, any::<bool>()).prop_map(|(most, waits, jitter, errors, pauses)| {
        json!({"max_attempts": most, "initial_interval_seconds": waits.0, "backoff_coefficient": waits.1,
               "max_interval_seconds": waits.2, "jitter": jitter, "non_retryable_errors": errors.unwrap_or_default(),
               "on_exhausted": if pauses { "pause" } else { "fail" }})
    })
}

/// What clients send as data, and steps as context: few keys, so that they meet.
pub(super) fn small_object() -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![
        8 => text("[a-d]"),
        1 => Just("execution_id".to_owned()),
        1 => Just("event".to_owned()),
        1 => Just("initial_context".to_owned()),
    ];
    let value = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text("\\PC{0,6}").prop_map(Value::from),
        vec(any::<u8>(), 0..3).prop_map(Value::from),
        text("[a-b]").prop_map(|key| json!({key: {"$payload": {"sha256": "ab", "bytes": 20_000, "url": "/"}}})),
    ];
    btree_map(key, value, 0..4).prop_map(|map| map.into_iter().collect())
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
