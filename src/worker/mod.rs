//! The kit for writing a Pioneer in Rust: an HTTP service that runs the steps of workflows.
//!
//! It stands alone: nothing here knows the orchestrator's inside, only the wire contract.
//!
//! ```no_run
//! use discovery::worker::{Answer, Pioneer, Progress, StepCall, StepFailure};
//! use serde_json::{Map, Value};
//!
//! /// A step is an async function from a call to an answer, or to a failure.
//! async fn greet(call: StepCall) -> Result<Answer, StepFailure> {
//!     let Some(name) = call.context.get("name").and_then(Value::as_str) else {
//!         // 4xx is final: trying again would not help.
//!         return Err(StepFailure::permanent("MissingField", "The context has no 'name'."));
//!     };
//!     call.report_progress(Progress::at(50.0).message("about to greet"));
//!     let greeting = Value::from(format!("Hello, {name}"));
//!     Ok(Answer::context(Map::from_iter([("greeting".to_owned(), greeting)])))
//! }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     Pioneer::new("greeter").step("greet", "Greets by name", greet)?.serve("127.0.0.1:8000").await?;
//!     Ok(())
//! }
//! ```
//!
//! | file | what is in it |
//! | --- | --- |
//! | `pioneer.rs` | [`Pioneer`]: the table of steps and the settings |
//! | `server.rs` | the routes, and [`RunningPioneer`] |
//! | `run.rs` | how one call is run: handler, panics, the flush of its reports |
//! | `call.rs`, `answer.rs`, `failure.rs` | what a step gets and what it gives |
//! | `report.rs`, `reporter.rs`, `delivery.rs` | what a step reports, its queue, and its way to Discovery |
//! | `limits.rs` | every bound |

mod answer;
mod call;
mod delivery;
mod failure;
pub mod limits;
mod pioneer;
mod report;
mod reporter;
mod run;
mod server;

#[cfg(test)]
pub(crate) mod tests;

pub use answer::Answer;
pub use call::StepCall;
pub use failure::StepFailure;
pub use pioneer::{Pioneer, SetupError};
pub use report::{Completion, Progress};
pub use reporter::Reporter;
pub use server::RunningPioneer;
