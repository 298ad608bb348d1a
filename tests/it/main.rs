//! Tests of the whole, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for the one variant that it is about")]

mod adoption;
mod architecture;
mod branching;
mod documents;
mod edge;
mod failures;
mod faults;
mod lists;
mod manual;
mod monitor;
mod protocol;
mod reports;
mod running;
mod starting;
mod steering;
mod steps;
mod streams;
mod support;
mod together;
mod tokens;
mod watching;
mod workflows;
