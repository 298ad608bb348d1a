//! Discovery.

pub mod actors;
pub mod config;
pub mod domain;
pub mod example;
pub mod http;
pub mod journal;
pub mod limits;
pub mod payload;
pub mod pioneer;
pub mod worker;
