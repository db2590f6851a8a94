//! In place of `handshake` in the build for Windows 7: the crate that makes tokens asks for libraries that
//! come with Windows 8, without which the program would not start.

use std::time::Instant;

use probe_core::proxy::ProxyCredentials;

use super::token::{NoToken, Package};

/// There is none.
#[derive(Debug)]
pub(super) enum Handshake {}

impl Handshake {
    /// # Errors
    /// Always.
    pub(super) fn begin(
        _: Package,
        _: &ProxyCredentials,
        _: &str,
        _: Instant,
    ) -> Result<(Self, Vec<u8>), NoToken> {
        Err(NoToken::here("not in the build for Windows 7"))
    }

    /// # Errors
    /// Never: there is nothing to go on with.
    pub(super) fn go_on(&mut self, _: Vec<u8>, _: Instant) -> Result<Vec<u8>, NoToken> {
        match *self {}
    }
}
