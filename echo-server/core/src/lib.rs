//! The echo server without its sockets: who may speak, what a session does with the bytes it is
//! fed, what is remembered about connections, and what the control service answers. No I/O, no
//! clock, no randomness of its own: the shell passes all three in.

pub mod admission;
pub mod control;
pub mod identity;
pub mod nonces;
pub mod session;
pub mod sightings;
pub mod time;
pub mod witness;
