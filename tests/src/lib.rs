//! The harness of the end-to-end tests: it starts the real programs, puts test devices of all kinds between them, and
//! reads their reports.
//!
//! Nothing sleeps: every wait ends with the event that it waits for, or with a failure.

mod authority;
pub mod binaries;
mod cli;
pub mod clutter;
mod connection;
pub mod dialogue_map;
mod echo_server;
pub mod fleet;
pub mod flights;
mod identity;
pub mod lab;
mod metrics;
pub mod middlebox;
mod occupant;
mod place;
pub mod played;
mod port;
mod probe;
mod process;
pub mod real_kdc;
pub mod real_proxy;
mod run;
mod scratch;
mod segment;
pub mod siege;
mod squid_memory;
mod terminal;
pub mod tree;
pub mod trial;
mod watching;

pub use authority::Authority;
pub use cli::Cli;
pub use connection::Connection;
pub use echo_server::{EchoServer, ServerPlan};
pub use identity::Identity;
pub use metrics::Metrics;
pub use occupant::Occupant;
pub use place::{Place, User};
pub use port::{Seat, ShutPort};
pub use probe::Probe;
pub use process::{Finished, Process, WATCHDOG};
pub use run::Run;
pub use terminal::Terminal;
pub use watching::{Answer, WatchPlan, Watching, documents};
