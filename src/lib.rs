//! x
pub mod example;
pub mod worker;
