//! Basic and Digest authentication (RFC 7617, RFC 7616): a user name and a password in one answer.

use http_auth::{DigestClient, PasswordParams, parse_challenges};
use probe_core::proxy::{Challenge, ProxyCredentials};

/// Returns whether the account belongs to a Windows domain or a Kerberos realm: DOMAIN\user or user@REALM. Its password
/// gives access to more than a proxy.
pub(super) fn is_of_a_domain(credentials: &ProxyCredentials) -> bool {
    credentials.user.contains(['\\', '@'])
}

/// The reason why the password of a domain account is not sent.
pub(super) const WITHHELD: &str =
    "it would carry the password of a domain account to the proxy in clear";

/// Returns the value of Proxy-Authorization for Basic.
///
/// # Errors
///
/// The user name cannot be sent in this form.
pub(super) fn basic(credentials: &ProxyCredentials) -> Result<String, String> {
    let ProxyCredentials { user, password } = credentials;
    if user.contains(':') {
        return Err("a user name with a colon cannot be sent by Basic".to_owned());
    }
    Ok(http_auth::basic::encode_credentials(user, password))
}

/// Returns the value of Proxy-Authorization for Digest, for CONNECT to `target`.
///
/// # Errors
///
/// The challenge cannot be read.
pub(super) fn digest(
    credentials: &ProxyCredentials,
    challenge: &Challenge,
    target: &str,
) -> Result<String, String> {
    let unreadable = || "the proxy's Digest challenge cannot be answered".to_owned();
    let parameters = PasswordParams {
        username: &credentials.user,
        password: &credentials.password,
        uri: target,
        method: "CONNECT",
        body: Some(&[]),
    };
    let mut client = client(challenge).ok_or_else(unreadable)?;
    client.respond(&parameters).map_err(|_| unreadable())
}

/// Returns whether the nonce has only expired, which does not mean that the password was wrong.
pub(super) fn is_stale(challenge: &Challenge) -> bool {
    client(challenge).is_some_and(|client| client.stale())
}

fn client(challenge: &Challenge) -> Option<DigestClient> {
    let text = format!("{} {}", challenge.scheme, challenge.parameters);
    let parsed = parse_challenges(&text).ok()?;
    DigestClient::try_from(parsed.first()?).ok()
}
