//! Discovery.

pub mod domain;
