//! The echo server without its sockets: admission, sessions, sightings, and the answers of the control service. It
//! has no I/O, no clock and no randomness of its own: the shell passes all three in.

pub mod admission;
pub mod control;
pub mod identity;
pub mod nonces;
pub mod session;
pub mod sightings;
pub mod time;
pub mod witness;
