//! In place of `handshake` in the build for Windows 7: the crate that makes tokens asks for libraries that
//! come with Windows 8, without which the program would not start.

use std::time::Instant;

use probe_core::proxy::ProxyCredentials;

/// What would be spoken inside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Package {
    NegotiateKerberos,
    NegotiateNtlm,
    Ntlm,
}

/// There is none.
#[derive(Debug)]
pub(super) enum Handshake {}

/// Why there is no token.
#[derive(Debug)]
pub(super) struct NoToken {
    /// For people.
    pub(super) why: String,
    /// The password itself was not accepted; never here.
    pub(super) wrong_password: bool,
}

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

impl NoToken {
    pub(super) fn here(why: &str) -> Self {
        Self {
            why: why.to_owned(),
            wrong_password: false,
        }
    }
}
