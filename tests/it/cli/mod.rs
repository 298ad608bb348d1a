//! The commands of clients: the real program against the real server.

mod errors;
mod lists;
mod starting;
mod watching;
