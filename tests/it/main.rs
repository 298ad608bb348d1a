//! Tests of the whole, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod architecture;
mod documents;
mod edge;
mod faults;
mod running;
mod starting;
mod steering;
mod steps;
mod support;
mod workflows;
