//! What the server does when things go wrong, or are many: kills, crowds, workers that hang.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `chaos.rs` | a worker that does everything wrong, and SIGKILL meanwhile |
//! | `kill.rs` | SIGKILL again and again under load, and what must be there afterwards |
//! | `five_steps.rs` | the workflow that is run meanwhile, and the worker that remembers all it did |
//! | `load.rs` | many executions at once, `/health` meanwhile, and what they leave behind |
//! | `isolation.rs` | handlers that hang |
//! | `overload.rs` | more than there is room for |
//! | `storage.rs` | a database that is locked, read-only or full |
//! | `asleep.rs` | what thousands of executions cost that only wait |
//! | `recovery.rs` | a start with a thousand open executions |
//! | `outages.rs` | that a process knows when none was there |
//! | `log_checker.rs` | that the checker of logs finds what is wrong |
//! | `lock.rs`, `mount.rs` | what makes a database unusable for a while |
//! | `watch.rs` | asks `/health` from a thread of its own; looks at a process from outside |

mod asleep;
mod chaos;
mod five_steps;
mod isolation;
mod kill;
mod load;
mod lock;
mod log_checker;
mod mount;
mod outages;
mod overload;
mod recovery;
mod server_restart;
mod storage;
mod watch;
