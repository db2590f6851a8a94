//! In place of `handshake` on Windows: Windows itself makes the tokens of NTLM and Negotiate, for the credentials
//! that were given, or for the account that is logged on.

use std::time::Instant;

use socket_facts::{Account, LogonError, LogonHandshake};

use super::token::{NoToken, Who};

/// What is spoken inside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Package {
    /// Kerberos or NTLM, as Windows chooses.
    Negotiate,
    Ntlm,
}

impl Package {
    pub(super) const STRONGEST_FIRST: [Self; 2] = [Self::Negotiate, Self::Ntlm];

    /// As it stands in a challenge, and as Windows calls it.
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
        }
    }

    /// In a report.
    pub(super) fn shown(self) -> &'static str {
        self.scheme()
    }

    /// Whether `token` is a ticket, or goes on about one. The domain has seen proof of the password then, and
    /// the proxy sees none; it names the user at once, where NTLM's first message names nobody.
    pub(super) fn is_kerberos(self, token: &[u8]) -> bool {
        // [MS-NLMP] section 2.2: with this begins each of NTLM's messages, whatever is around it.
        self == Self::Negotiate && !token.windows(8).any(|part| part == b"NTLMSSP\0")
    }
}

/// One side of a handshake, under way.
#[derive(Debug)]
pub(super) struct Handshake(LogonHandshake);

impl Handshake {
    /// Begins one with the proxy on `host`, and gives its first token. Windows may talk to a domain controller,
    /// for as long as it likes.
    ///
    /// # Errors
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
                // user@REALM stays whole.
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

    /// The token that answers the proxy's.
    ///
    /// # Errors
    /// Windows makes none.
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
