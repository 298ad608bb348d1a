//! Discovery.

pub mod domain;
pub mod limits;
pub mod payload;
