//! What single parts cost, through the library's public interface alone. `README.md` tells how to use it.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `hand.rs`, `ground.rs` | executions that are moved by hand; databases |
//! | `deciding.rs`, `events.rs` | deciding, applying; events and commits as text |
//! | `crowd.rs`, `journal.rs` | executions that share transactions; the journal at several sizes of batches, and its floor |
//! | `stage.rs`, `fan_out.rs` | a runtime; one event to many subscribers |
//! | `counted.rs` | what `benches/guard` counts |

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails is to stop right there")]

mod counted;
mod crowd;
#[path = "../../tests/it/support/database.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod database;
mod deciding;
mod events;
mod fan_out;
mod ground;
mod hand;
mod journal;
mod stage;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    plain: Plain,
    /// Added by cargo.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

/// What is not a table of times.
#[derive(Subcommand)]
enum Plain {
    /// Prints one line of JSON: how fast the journal alone takes commits.
    JournalFloor(journal::Floor),
    /// Runs what `benches/guard` counts, and prints nothing.
    Count(counted::Counted),
}

fn main() {
    // What else there may be, names of benchmarks and how they are to be run, is for the benchmarks to read.
    let is_plain = std::env::args().nth(1).is_some_and(|first| Plain::has_subcommand(&first));
    if !is_plain {
        return divan::main();
    }
    match Arguments::parse().plain {
        Plain::JournalFloor(floor) => floor.run(),
        Plain::Count(counted) => counted.run(),
    }
}
