//! Replaces `handshake` on Windows: Windows itself makes the tokens of NTLM and Negotiate, for the given credentials or
//! for the logged-on account.

use std::time::Instant;

use socket_facts::{Account, LogonError, LogonHandshake};

use super::token::{NoToken, Who};

/// The authentication protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Package {
    /// Kerberos or NTLM, as Windows chooses.
    Negotiate,
    Ntlm,
}

impl Package {
    pub(super) const STRONGEST_FIRST: [Self; 2] = [Self::Negotiate, Self::Ntlm];

    /// Returns the scheme's name, in a challenge as in Windows.
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
        }
    }

    /// Returns the name in a report.
    pub(super) fn shown(self) -> &'static str {
        self.scheme()
    }

    /// Returns whether `token` is a Kerberos ticket or a message after it. In that case the domain has seen proof of
    /// the password, and the proxy sees none. The first token names the user, while NTLM's first message names no user.
    pub(super) fn is_kerberos(self, token: &[u8]) -> bool {
        // Each of NTLM's messages begins with these bytes, in any wrapping ([MS-NLMP] section 2.2).
        self == Self::Negotiate && !token.windows(8).any(|part| part == b"NTLMSSP\0")
    }
}

/// The client's side of a handshake in progress.
#[derive(Debug)]
pub(super) struct Handshake(LogonHandshake);

impl Handshake {
    /// Begins a handshake with the proxy on `host`, and returns its first token. Windows may ask a domain controller,
    /// without a time limit.
    ///
    /// # Errors
    ///
    /// Windows makes no token.
    pub(super) fn begin(
        package: Package,
        who: &Who,
        host: &str,
        _: Instant,
    ) -> Result<(Self, Vec<u8>), NoToken> {
        let account = match who {
            Who::LoggedOn => None,
            Who::Named(credentials) => {
                // A name of the form user@REALM is not split.
                let (domain, user) = credentials
                    .user
                    .split_once('\\')
                    .unwrap_or(("", &credentials.user));
                let password = &credentials.password;
                Some(Account {
                    user,
                    domain,
                    password,
                })
            }
        };
        let service = format!("HTTP/{host}");
        let begun = LogonHandshake::begin(package.scheme(), account.as_ref(), &service);
        let (handshake, token) = begun.map_err(of)?;
        Ok((Self(handshake), token))
    }

    /// Returns the token that answers the proxy's token.
    ///
    /// # Errors
    ///
    /// Windows makes no token.
    pub(super) fn go_on(&mut self, token: Vec<u8>, _: Instant) -> Result<Vec<u8>, NoToken> {
        self.0.go_on(&token).map_err(of)
    }
}

fn of(error: LogonError) -> NoToken {
    NoToken {
        why: error.to_string(),
        wrong_password: error == LogonError::Denied,
    }
}
