//! Properties of the core: random definitions, random interleavings of commands, crashes at any point.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod checks;
mod definitions;
mod executions;
mod generators;
mod making;
mod model;
mod moves;
mod patience;
mod run;
