//! What is counted while it happens, and the page on which Prometheus reads it.
//!
//! Each server has meters of its own. Whoever counts something holds its meters from the start on, so that counting is a
//! few atomic operations. What a part of the server knows anyway (queues, sessions, calls) is asked for when the page
//! is made, and counted nowhere else.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `executions.rs` | executions, and what their actors do |
//! | `handlers.rs` | attempts and their times, for each handler up to a bound |
//! | `journal.rs` | transactions |
//! | `meter.rs` | how counters and histograms are made |
//! | `page.rs` | the page |
//! | `process.rs` | what the operating system knows of the process |

mod executions;
mod handlers;
mod journal;
mod meter;
mod page;
mod process;

pub use executions::ExecutionMeters;
pub use handlers::{HANDLERS_MAX, HandlerMeters, Handlers, OTHER_HANDLERS};
pub use journal::JournalMeters;
pub use page::{Page, TEXT_FORMAT, Told};
pub use process::Process;
