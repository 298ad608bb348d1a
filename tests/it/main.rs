//! Tests of the whole, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod architecture;
mod faults;
mod running;
mod support;
