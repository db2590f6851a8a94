//! Sessions that are run in addition to a probe's own, each different in one respect, so that the difference shows the
//! cause. This module decides which are worth running; the shell runs them.

mod limits;
mod lost_syns;
mod reach;
mod rounds;

pub(crate) use limits::paced;
pub use limits::{MAX_HELD, Paces, to_hold};
pub use lost_syns::{loses_side_connections, lost_syns};
pub use reach::{AT_ONCE, Reach, next_reach, reach};
pub(crate) use rounds::{IPV4_HEADERS, IPV6_HEADERS, SMALLEST};
pub use rounds::{MAX_SESSIONS, next_round};
