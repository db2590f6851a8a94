//! Basic and Digest authentication (RFC 7617, RFC 7616): a user name and a password in one answer.

use std::time::Instant;

use http_auth::{DigestClient, PasswordParams, parse_challenges};
use probe_core::proxy::{Challenge, ProxyCredentials};

use super::scheme::{AuthenticationStart, Request, Scheme};
use super::user::{NoToken, TokenUser};

/// Basic: the user name and the password themselves.
#[derive(Debug)]
pub(super) struct Basic;

/// Digest: a hash over the password and the proxy's nonce.
#[derive(Debug)]
pub(super) struct Digest;

/// Returns whether the account belongs to a Windows domain or a Kerberos realm: DOMAIN\user or user@REALM. Its password
/// gives access to more than a proxy.
pub(crate) fn is_of_a_domain(credentials: &ProxyCredentials) -> bool {
    credentials.user.contains(['\\', '@'])
}

/// The reason why the password of a domain account is not sent.
pub(crate) const WITHHELD: &str =
    "it would carry the password of a domain account to the proxy in clear";

impl Scheme for Basic {
    fn name(&self) -> &'static str {
        "Basic"
    }

    fn is_in_clear(&self) -> bool {
        true
    }

    fn begin(&self, request: &Request, _: Instant) -> Result<AuthenticationStart, NoToken> {
        let ProxyCredentials { user, password } = named(&request.who)?;
        if user.contains(':') {
            return Err(NoToken::here(
                "a user name with a colon cannot be sent by Basic",
            ));
        }
        let value = http_auth::basic::encode_credentials(user, password);
        Ok(AuthenticationStart::Proof(value))
    }
}

impl Scheme for Digest {
    fn name(&self) -> &'static str {
        "Digest"
    }

    fn is_stale(&self, challenge: &Challenge) -> bool {
        client(challenge).is_some_and(|client| client.stale())
    }

    fn begin(&self, request: &Request, _: Instant) -> Result<AuthenticationStart, NoToken> {
        let unreadable = || NoToken::here("the proxy's Digest challenge cannot be answered");
        let credentials = named(&request.who)?;
        let parameters = PasswordParams {
            username: &credentials.user,
            password: &credentials.password,
            uri: &request.target,
            method: "CONNECT",
            body: Some(&[]),
        };
        let mut client = client(&request.challenge).ok_or_else(unreadable)?;
        let value = client.respond(&parameters).map_err(|_| unreadable())?;
        Ok(AuthenticationStart::Proof(value))
    }
}

fn named(who: &TokenUser) -> Result<&ProxyCredentials, NoToken> {
    who.named()
        .ok_or_else(|| NoToken::here("no password was given"))
}

fn client(challenge: &Challenge) -> Option<DigestClient> {
    let text = format!("{} {}", challenge.scheme, challenge.parameters);
    let parsed = parse_challenges(&text).ok()?;
    DigestClient::try_from(parsed.first()?).ok()
}
