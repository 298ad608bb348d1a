//! What the server does when things go wrong, or are many: kills, crowds, workers that hang.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `chaos.rs` | a worker that does everything wrong, and SIGKILL meanwhile |
//! | `kill.rs` | SIGKILL again and again under load, and what must be there afterwards |
//! | `five_steps.rs` | the workflow that is run meanwhile, and the worker that remembers all it did |
//! | `load.rs` | many executions at once, `/health` meanwhile, and what they leave behind |
//! | `isolation.rs` | a handler that hangs |
//! | `recovery.rs` | a start with a thousand open executions |
//! | `outages.rs` | that a process knows when none was there |
//! | `log_checker.rs` | that the checker of logs finds what is wrong |
//! | `watch.rs` | asks `/health` from a thread of its own; looks at a process from outside |

mod chaos;
mod five_steps;
mod isolation;
mod kill;
mod load;
mod log_checker;
mod outages;
mod recovery;
mod server_restart;
mod watch;
