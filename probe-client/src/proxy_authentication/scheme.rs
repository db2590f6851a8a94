//! The form of an authentication scheme. Its methods may block: they compute, read the system's settings, and may wait
//! for a KDC.

use std::fmt;
use std::time::Instant;

use probe_core::proxy::Challenge;

use super::user::{NoToken, TokenUser};

/// A scheme by which a user proves to a proxy who they are.
pub(super) trait Scheme: fmt::Debug + Sync {
    /// Returns the scheme's name in a challenge.
    fn name(&self) -> &'static str;

    /// Returns the name in a report. It differs from that of every other scheme.
    fn shown(&self) -> &'static str {
        self.name()
    }

    /// Returns whether the scheme works for `who`. If no password was given, the system authenticates the logged-on
    /// account, which few schemes can do.
    fn suits(&self, who: &TokenUser) -> bool {
        who.named().is_some()
    }

    /// Returns whether the first message would carry the password in clear.
    fn is_in_clear(&self) -> bool {
        false
    }

    /// Returns whether `challenge` says that the last answer was only too old, and not that the password was wrong.
    fn is_stale(&self, _challenge: &Challenge) -> bool {
        false
    }

    /// Returns the first message. A KDC may be asked until `deadline`.
    ///
    /// # Errors
    ///
    /// The scheme cannot be used with these credentials, this challenge, or from this host.
    fn begin(&self, request: &Request, deadline: Instant) -> Result<AuthenticationStart, NoToken>;
}

/// The facts from which a first message is made.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) who: TokenUser,
    /// The proxy's host name or address.
    pub(super) host: String,
    pub(super) challenge: Challenge,
    /// The host and port that the proxy is asked to connect to.
    pub(super) target: String,
}

/// The beginning of an authentication.
#[derive(Debug)]
pub(super) enum AuthenticationStart {
    /// The only message, as the value of Proxy-Authorization. It proves that the client knows the password.
    Proof(String),
    /// The first token of several.
    Handshake(Box<dyn Handshake>, Token),
}

/// A handshake in progress. It authenticates a connection, so it belongs to one connection.
pub(super) trait Handshake: fmt::Debug + Send + Sync {
    /// Returns the token that answers the proxy's `token`.
    ///
    /// # Errors
    ///
    /// The proxy's token cannot be read, or is a refusal.
    fn go_on(&mut self, token: Vec<u8>, deadline: Instant) -> Result<Token, NoToken>;
}

/// A token of a handshake.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) bytes: Vec<u8>,
    /// Whether the token belongs to Kerberos. If so, the KDC has seen proof of the password and the proxy sees none,
    /// and the first token names the user. NTLM's first message names no user.
    pub(super) is_kerberos: bool,
}
