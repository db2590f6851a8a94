//! NTLM and Negotiate on Windows: Windows itself makes the tokens, for the given credentials or for the logged-on
//! account.

use std::time::Instant;

use socket_facts::{Account, LogonError, LogonHandshake};

use super::scheme::{AuthenticationStart, Handshake, Request, Scheme, Token};
use super::user::{NoToken, TokenUser};

/// The schemes that are handshakes, strongest first.
pub(super) const STRONGEST_FIRST: [&dyn Scheme; 2] = [&Package::Negotiate, &Package::Ntlm];

/// The authentication protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Package {
    /// Kerberos or NTLM, as Windows chooses.
    Negotiate,
    Ntlm,
}

/// The client's side of a handshake in progress.
#[derive(Debug)]
struct Dialogue {
    package: Package,
    logon: LogonHandshake,
}

impl Scheme for Package {
    fn name(&self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
        }
    }

    fn suits(&self, _: &TokenUser) -> bool {
        true
    }

    /// Windows may ask a domain controller, without a time limit.
    fn begin(&self, request: &Request, _: Instant) -> Result<AuthenticationStart, NoToken> {
        let account = match &request.who {
            TokenUser::LoggedOn => None,
            TokenUser::Named(credentials) => {
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
        let service = format!("HTTP/{}", request.host);
        let begun = LogonHandshake::begin(self.name(), account.as_ref(), &service);
        let (logon, bytes) = begun.map_err(of)?;
        let dialogue = Dialogue {
            package: *self,
            logon,
        };
        Ok(AuthenticationStart::Handshake(
            Box::new(dialogue),
            self.token(bytes),
        ))
    }
}

impl Handshake for Dialogue {
    fn go_on(&mut self, token: Vec<u8>, _: Instant) -> Result<Token, NoToken> {
        let bytes = self.logon.go_on(&token).map_err(of)?;
        Ok(self.package.token(bytes))
    }
}

impl Package {
    fn token(self, bytes: Vec<u8>) -> Token {
        Token {
            // Each of NTLM's messages begins with these bytes, in any wrapping ([MS-NLMP] section 2.2).
            is_kerberos: self == Self::Negotiate
                && !bytes.windows(8).any(|part| part == b"NTLMSSP\0"),
            bytes,
        }
    }
}

fn of(error: LogonError) -> NoToken {
    NoToken {
        why: error.to_string(),
        wrong_password: error == LogonError::Denied,
    }
}
