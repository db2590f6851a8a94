//! Authentication to a proxy. The shell implements the schemes themselves: some are part of the operating system, and
//! all need randomness or a clock.

use std::fmt;

use zeroize::ZeroizeOnDrop;

/// A user name and a password for a proxy. The name may begin with a Windows domain (`DOMAIN\user`).
#[derive(Clone, Eq, PartialEq, ZeroizeOnDrop)]
pub struct ProxyCredentials {
    pub user: String,
    pub password: String,
}

/// One challenge of a 407 response (RFC 9110 section 11.7.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// The scheme as the proxy spells it.
    pub scheme: String,
    /// Everything after the scheme: parameters or a token, in printable ASCII.
    pub parameters: String,
}

/// A proxy's request for authentication.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenged {
    pub challenges: Vec<Challenge>,
    /// Whether the answer goes over the same connection. If not, a handshake that authenticates a connection (NTLM,
    /// Negotiate) starts again.
    pub same_connection: bool,
}

/// The answer to a challenge.
#[derive(Clone, Eq, PartialEq)]
pub struct Authorization {
    /// The authentication method, for a report; `None` as long as the answer does not identify the user.
    pub method: Option<String>,
    /// The value of Proxy-Authorization.
    pub value: String,
    /// Whether the request must be the first on a connection.
    pub fresh: bool,
}

/// The reason why a challenge is not answered, for people; `None` if the reason was given before, or if there are no
/// credentials.
pub type Unanswered = Option<String>;

impl Challenge {
    /// Parses the challenges of all Proxy-Authenticate fields.
    ///
    /// One field may hold several challenges, separated by commas like their parameters. A part that begins with a word
    /// and a space, or is one word, begins a challenge.
    pub fn parse(values: impl Iterator<Item = String>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for value in values {
            for (index, part) in split(&value).into_iter().enumerate() {
                let (word, rest) = part.split_once([' ', '\t']).unwrap_or((part, ""));
                let begins = index == 0 || !word.contains('=');
                if let Some(last) = all.last_mut().filter(|_| !begins) {
                    last.parameters.push_str(", ");
                    last.parameters.push_str(part);
                } else if all.len() < MAX_CHALLENGES && is_token(word) {
                    all.push(Self {
                        scheme: word.to_owned(),
                        parameters: rest.trim().to_owned(),
                    });
                }
            }
        }
        all
    }
}

/// Splits a field's value at commas outside quotes, and leaves out empty parts.
fn split(value: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(|c| {
            let was_escaped = std::mem::take(&mut escaped);
            match c {
                '\\' if quoted && !was_escaped => escaped = true,
                '"' if !was_escaped => quoted = !quoted,
                _ => {}
            }
            c == ',' && !quoted
        })
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

fn is_token(word: &str) -> bool {
    (1..=MAX_SCHEME).contains(&word.len())
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b))
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorization({:?} …)", self.method)
    }
}

impl fmt::Debug for ProxyCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyCredentials(…)")
    }
}

/// The maximum number of challenges read: more than there are schemes in use.
const MAX_CHALLENGES: usize = 16;

/// The maximum number of characters of a scheme's name; the longest registered one has 22.
const MAX_SCHEME: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str]) -> Vec<(String, String)> {
        let all = Challenge::parse(values.iter().map(ToString::to_string));
        all.into_iter().map(|c| (c.scheme, c.parameters)).collect()
    }

    #[test]
    fn challenges_in_one_field_and_in_several() {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(a, b)| (a.to_string(), b.to_string()))
                .collect()
        };
        let expected = owned(&[
            ("Negotiate", ""),
            ("NTLM", "TlRMTVNTUAAC=="),
            (
                "Digest",
                r#"realm="a, \"b\", c", nonce="x", qop="auth,auth-int""#,
            ),
            ("Basic", r#"realm="p q""#),
        ]);
        let digest = r#"Digest realm="a, \"b\", c", nonce="x",qop="auth,auth-int""#;
        let joined = format!(r#"Negotiate, NTLM TlRMTVNTUAAC==, {digest}, Basic realm="p q""#);
        assert_eq!(parse(&[&joined]), expected);
        let several = [
            "Negotiate",
            "NTLM TlRMTVNTUAAC==",
            digest,
            r#"Basic realm="p q""#,
        ];
        assert_eq!(parse(&several), expected);
    }

    #[test]
    fn what_is_no_challenge_is_left_out() {
        assert_eq!(parse(&["", ",,", "\u{e9}t\u{e9}"]), []);
        let many = vec!["Basic"; 40];
        assert_eq!(parse(&many).len(), MAX_CHALLENGES);
    }
}
