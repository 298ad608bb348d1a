//! Tests of the whole, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod architecture;
mod branching;
mod documents;
mod edge;
mod failures;
mod lists;
mod manual;
mod protocol;
mod reports;
mod running;
mod starting;
mod steps;
mod support;
mod together;
mod watching;
mod workflows;
