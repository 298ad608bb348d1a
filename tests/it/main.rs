//! Tests of the whole, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for the one variant that it is about")]

mod admin;
mod adoption;
mod architecture;
mod branching;
mod callbacks;
mod cli;
mod cost;
mod documents;
mod edge;
mod failures;
mod faults;
mod idempotency;
mod lists;
mod manual;
mod monitor;
mod protocol;
mod reports;
mod retried_by_hand;
mod retrying;
mod running;
mod starting;
mod steering;
mod steering_table;
mod steps;
mod streams;
mod support;
mod timeouts;
mod together;
mod tokens;
mod watching;
mod worker_restarts;
mod workflows;
