//! Basic and Digest (RFC 7617, RFC 7616): a user name and a password, by the strongest scheme of those
//! that the proxy offers.

use http_auth::{DigestClient, PasswordParams, parse_challenges};
use probe_core::proxy::{Authenticator, Challenge, ProxyCredentials};

/// Answers with one pair of credentials. What was refused is not sent again, nor by a weaker scheme:
/// accounts are locked after a few wrong passwords.
#[derive(Debug)]
pub(super) struct Password {
    credentials: ProxyCredentials,
    sent: bool,
}

impl Password {
    pub(super) fn new(credentials: ProxyCredentials) -> Self {
        Self {
            credentials,
            sent: false,
        }
    }

    fn basic(&self) -> Result<String, Option<String>> {
        let ProxyCredentials { user, password } = &self.credentials;
        if user.contains(':') {
            return Err(Some(
                "a user name with a colon cannot be sent by Basic".to_owned(),
            ));
        }
        Ok(http_auth::basic::encode_credentials(user, password))
    }

    fn digest(&self, challenge: &Challenge, target: &str) -> Result<String, Option<String>> {
        let text = format!("{} {}", challenge.scheme, challenge.parameters);
        let unreadable = || Some("the proxy's Digest challenge cannot be answered".to_owned());
        let parsed = parse_challenges(&text).map_err(|_| unreadable())?;
        let first = parsed.first().ok_or_else(unreadable)?;
        let mut client = DigestClient::try_from(first).map_err(|_| unreadable())?;
        // A nonce that has merely grown old does not mean that the password was wrong.
        if self.sent && !client.stale() {
            return Err(None);
        }
        let parameters = PasswordParams {
            username: &self.credentials.user,
            password: &self.credentials.password,
            uri: target,
            method: "CONNECT",
            body: Some(&[]),
        };
        client.respond(&parameters).map_err(|_| unreadable())
    }
}

impl Authenticator for Password {
    fn answer(&mut self, challenges: &[Challenge], target: &str) -> Result<String, Option<String>> {
        let of = |name: &str| {
            let mut all = challenges.iter();
            all.find(|c| c.scheme.eq_ignore_ascii_case(name))
        };
        let answer = match (of("Digest"), of("Basic")) {
            (Some(digest), _) => self.digest(digest, target),
            (None, Some(_)) if self.sent => Err(None),
            (None, Some(_)) => self.basic(),
            (None, None) => Err(Some(NO_SCHEME.to_owned())),
        }?;
        self.sent = true;
        Ok(answer)
    }

    fn reconnected(&mut self) {
        // Each request stands for itself.
    }
}

const NO_SCHEME: &str = "of its schemes this version can use none (it can use Basic and Digest)";

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(password: &mut Password, value: &str) -> Result<String, Option<String>> {
        let challenges = Challenge::parse(std::iter::once(value.to_owned()));
        password.answer(&challenges, "echo.example:443")
    }

    fn password() -> Password {
        Password::new(ProxyCredentials {
            user: "Aladdin".to_owned(),
            password: "open sesame".to_owned(),
        })
    }

    /// RFC 7617 section 2.
    #[test]
    fn basic_is_sent_once() {
        let mut password = password();
        let sent = answer(&mut password, r#"Basic realm="x""#);
        assert_eq!(sent.as_deref(), Ok("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(answer(&mut password, r#"Basic realm="x""#), Err(None));
    }

    #[test]
    fn digest_goes_before_basic_and_not_back_to_it() {
        let mut password = password();
        let both = r#"Basic realm="x", Digest realm="x", nonce="n", qop="auth""#;
        let sent = answer(&mut password, both).unwrap();
        assert!(
            sent.starts_with("Digest ") && !sent.contains("sesame"),
            "{sent}"
        );
        assert!(sent.contains(r#"uri="echo.example:443""#), "{sent}");
        assert_eq!(answer(&mut password, both), Err(None));
        let stale = r#"Digest realm="x", nonce="m", qop="auth", stale=true"#;
        assert!(answer(&mut password, stale).is_ok());
    }

    #[test]
    fn what_cannot_be_answered_says_so() {
        for value in ["Negotiate", "NTLM", "Digest realm=", "Digest nonce"] {
            assert!(
                matches!(answer(&mut password(), value), Err(Some(_))),
                "{value}"
            );
        }
    }
}
