//! Discovery, a workflow orchestrator that people can watch.
//!
//! This is the map of the crate. A module may use those above it that its last column names, and no others; a test reads
//! the imports. `ARCHITECTURE.md` tells how they work together, and where to start reading.
//!
//! | module | what it is | may use |
//! | --- | --- | --- |
//! | [`domain`] | the pure core: what a workflow is, and what follows when something happens to an execution | nothing: no clock, no chance, no I/O |
//! | [`payload`] | long strings, which are taken out of JSON, named by their hash, and put back | `domain` |
//! | [`limits`] | every bound and interval, each a setting | nothing |
//! | [`metrics`] | what is counted while it happens, and the page that Prometheus reads | nothing |
//! | [`journal`] | the database: the only writer of executions, and all reads | `domain`, `payload`, `limits`, `metrics`, the crates `entity` and `migration` |
//! | [`pioneer`] | calls to the services that run steps | `domain`, `payload`, `limits` |
//! | [`actors`] | one actor for each live execution, and what wakes, restarts and finds them | all above |
//! | [`config`] | what an operator sets | `limits`, `journal` |
//! | [`http`] | the edge: requests become commands and reads, results become JSON | all above, but no tables |
//! | [`worker`] | the kit for writing a service that runs steps | nothing: it knows only the wire |
//! | [`example`] | such a service, with the steps of the example workflow | `worker` |
//! | [`startup`] | where a server is put together, for the commands and the tests alike | all above but `worker` and `example` |
//! | [`cli`] | the commands | all |
//!
//! `domain` knows nobody, and nothing that moves an execution goes past `actors`: a message comes in, `domain` decides
//! which events follow, `journal` makes them durable, and only then are they seen and acted upon.

pub mod actors;
pub mod cli;
pub mod config;
pub mod domain;
pub mod example;
pub mod http;
pub mod journal;
pub mod limits;
pub mod metrics;
pub mod payload;
pub mod pioneer;
pub mod startup;
pub mod worker;

/// What the README shows of the kit is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
