//! The things that a session needs from outside during one call.

use std::fmt;
use std::time::Duration;

use proto::key::Nonce;

use super::KernelFacts;
use crate::identity::Keyring;
use crate::nonces::Nonces;
use crate::time::UnixMillis;

/// Time, randomness and the server's shared tables, for one call into a session.
pub struct Env<'e> {
    /// The time since the server's start.
    pub now: Duration,
    pub wall: UnixMillis,
    /// Fills a buffer with cryptographically secure randomness.
    pub rng: &'e mut dyn FnMut(&mut [u8]),
    /// Asks the kernel about this connection. A session calls it at most once per farewell.
    pub transport: &'e mut dyn FnMut() -> KernelFacts,
    pub keyring: &'e Keyring,
    pub nonces: &'e Nonces,
    /// Names this server process to clients; at most 64 bytes, or testimonies become too long.
    pub instance: &'e str,
}

impl Env<'_> {
    pub(super) fn nonce(&mut self) -> Nonce {
        let mut nonce = [0; 32];
        (self.rng)(&mut nonce);
        nonce
    }
}

impl fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("now", &self.now)
            .field("wall", &self.wall)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}
