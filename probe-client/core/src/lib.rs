//! The pure core of `fwprobe`: profiles and plans, the client's side of a session, evidence and
//! verdicts. It opens no socket and reads no clock; time and randomness are arguments.

pub mod alternative;
pub mod catalogue;
pub mod comparison;
pub mod control_record;
pub mod flow;
pub mod judge;
pub mod labels;
pub mod line;
pub mod measurement;
pub mod observation;
pub mod odds;
pub mod path;
pub mod plan;
pub mod profile;
pub mod proxy;
pub mod run;
pub mod session;
pub mod start_delay;
pub mod survey;
pub mod system_proxy;
pub mod timeline;
pub mod verdict;
pub mod words;

mod escaped;

pub use proto::{excerpt, session_kind};

#[cfg(test)]
mod recorded;
