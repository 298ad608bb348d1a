//! Tests of the whole, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod architecture;
mod edge;
mod running;
mod steps;
mod support;
mod workflows;
