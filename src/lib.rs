//! Discovery, a workflow orchestrator that people can watch.
//!
//! | module | what it is | may use |
//! | --- | --- | --- |
//! | [`domain`] | the pure core: definitions, the state machine, events | nothing of the below |
//! | [`limits`], [`payload`] | every bound; long strings and the references to them | `domain` |
//! | [`journal`] | the only writer of execution state, and the reads | `domain` |
//! | [`pioneer`] | calls to workers | `domain` |
//! | [`actors`] | registry, executions, supervision | `journal`, `pioneer` |
//! | [`config`], [`http`] | what an operator sets; the edge | `actors`, the `journal`'s reads |
//! | [`worker`], [`example`] | the kit for writing a Pioneer, and one written with it | nothing of the above |
//! | [`startup`], [`cli`] | where everything is put together; the commands | all |

pub mod actors;
pub mod cli;
pub mod config;
pub mod domain;
pub mod example;
pub mod http;
pub mod journal;
pub mod limits;
pub mod payload;
pub mod pioneer;
pub mod startup;
pub mod worker;
