//! `fwprobe://KEYID:SECRET@HOST[,HOST…]?pin=sha256:…[&pin=…][&control=PORT]`: everything that a client needs to reach
//! and to recognise its echo server, in one line that the server prints.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use thiserror::Error;

use crate::key::{KeyId, Secret};

/// The SHA-256 of a certificate's SubjectPublicKeyInfo in DER. Only the key is pinned: name and expiry of the
/// certificate do not matter.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin(pub [u8; 32]);

/// The parts of a connection string. `Debug` does not show the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionString {
    pub key_id: KeyId,
    pub secret: Secret,
    /// Host names or addresses (IPv6 without brackets). Each is a separate server, or a further name or
    /// address of the same server. Never empty.
    pub hosts: Vec<String>,
    /// The server's pins. Never empty; several during a roll-over of the server's certificate.
    pub pins: Vec<Pin>,
    /// The control port: a port outside every profile on which the server also listens, which serves as a reference.
    pub control_port: u16,
}

impl ConnectionString {
    /// Returns the string itself, secret included, for the one command that gives it to its owner.
    pub fn expose(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(|h| bracketed(h)).collect();
        let mut text = format!(
            "{SCHEME}{}:{}@{}",
            self.key_id,
            BASE64_URL_SAFE_NO_PAD.encode(self.secret.expose()),
            hosts.join(",")
        );
        for (i, pin) in self.pins.iter().enumerate() {
            text.push(if i == 0 { '?' } else { '&' });
            text.push_str(&format!("pin={pin}"));
        }
        if self.control_port != DEFAULT_CONTROL_PORT {
            text.push_str(&format!("&control={}", self.control_port));
        }
        text
    }
}

impl FromStr for ConnectionString {
    type Err = InvalidConnectionString;

    fn from_str(text: &str) -> Result<Self, InvalidConnectionString> {
        use InvalidConnectionString as Invalid;
        let words = text.split_whitespace().count();
        if words > 1 {
            return Err(Invalid::NotOne(words));
        }
        let rest = text.trim().strip_prefix(SCHEME).ok_or(Invalid::Scheme)?;
        let (authority, query) = rest.split_once('?').ok_or(Invalid::NoPin)?;
        let (user, hosts) = authority.rsplit_once('@').ok_or(Invalid::NoKey)?;
        let (key_id, secret) = user.split_once(':').ok_or(Invalid::NoKey)?;
        let key_id = key_id.parse().map_err(|_| Invalid::KeyId)?;
        let secret = BASE64_URL_SAFE_NO_PAD
            .decode(secret)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Secret::new)
            .ok_or(Invalid::Secret)?;
        let hosts = hosts
            .trim_end_matches('/')
            .split(',')
            .enumerate()
            .map(|(index, text)| host(text).ok_or(Invalid::Host(index + 1)))
            .collect::<Result<Vec<_>, _>>()?;
        let (pins, control_port) = parameters(query)?;
        Ok(Self {
            key_id,
            secret,
            hosts,
            pins,
            control_port: control_port.unwrap_or(DEFAULT_CONTROL_PORT),
        })
    }
}

fn parameters(query: &str) -> Result<(Vec<Pin>, Option<u16>), InvalidConnectionString> {
    use InvalidConnectionString as Invalid;
    let mut pins = Vec::new();
    let mut control_port = None;
    for (index, parameter) in query.split('&').enumerate() {
        match parameter.split_once('=') {
            Some(("pin", value)) => {
                let pin = value.parse().map_err(|_| Invalid::Pin(pins.len() + 1))?;
                pins.push(pin);
            }
            Some(("control", value)) => match value.parse() {
                Ok(port) if port != 0 => control_port = Some(port),
                _ => return Err(Invalid::ControlPort),
            },
            _ => return Err(Invalid::Parameter(index + 1)),
        }
    }
    if pins.is_empty() {
        return Err(Invalid::NoPin);
    }
    Ok((pins, control_port))
}

fn host(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?;
        return inner.parse::<Ipv6Addr>().is_ok().then(|| inner.to_owned());
    }
    let fits = (1..=MAX_HOST).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    fits.then(|| text.to_owned())
}

/// Returns whether `text` can be a host in a connection string (IPv6 without brackets).
pub fn is_host(text: &str) -> bool {
    host(&bracketed(text)).is_some()
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Pin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, InvalidPin> {
        let mut bytes = [0; 32];
        let hex = text.strip_prefix("sha256:");
        match hex.map(|hex| hex::decode_to_slice(hex, &mut bytes)) {
            Some(Ok(())) => Ok(Self(bytes)),
            Some(Err(_)) | None => Err(InvalidPin),
        }
    }
}

/// The error for a text that is not `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected `sha256:` and 64 hexadecimal digits")]
pub struct InvalidPin;

/// The defect of a connection string. No message repeats any part of the string, because the secret can be anywhere in
/// a string that was pasted wrongly. Parts are counted from 1 instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidConnectionString {
    #[error(
        "expected one connection string without blanks, found {0} words or lines; keep the strings \
         of several keys in files of their own"
    )]
    NotOne(usize),
    #[error("it does not begin with `fwprobe://`")]
    Scheme,
    #[error("there is no `KEYID:SECRET@` before the host")]
    NoKey,
    #[error("the key id before the `:` is not 1 to 32 characters of A-Z a-z 0-9 - _")]
    KeyId,
    #[error("the secret between `:` and `@` is not 43 characters of base64url (256 bits)")]
    Secret,
    #[error(
        "host number {0} after the `@` is not a host name, an IPv4 address or an [IPv6 address]"
    )]
    Host(usize),
    #[error("there is no `?pin=sha256:…`, without which no server can be recognised")]
    NoPin,
    #[error("pin number {0} is not `sha256:` and 64 hexadecimal digits")]
    Pin(usize),
    #[error("`control=` is not followed by a port from 1 to 65535")]
    ControlPort,
    #[error("parameter number {0} after the `?` is neither `pin=` nor `control=`")]
    Parameter(usize),
}

/// The default control port. No profile contains it, but many firewalls allow it, so it is a reference for the ports in
/// profiles.
pub const DEFAULT_CONTROL_PORT: u16 = 8443;

const SCHEME: &str = "fwprobe://";
/// The maximum length of a host name (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

    fn pin(byte: &str) -> String {
        format!("pin=sha256:{}", byte.repeat(32))
    }

    #[test]
    fn all_parts_are_read() {
        let text = format!(
            "fwprobe://admin:{SECRET}@echo.example,203.0.113.7,[2001:db8::7]?{}&{}&control=9443",
            pin("aa"),
            pin("bb")
        );
        let parsed: ConnectionString = text.parse().unwrap();
        assert_eq!(parsed.key_id.as_str(), "admin");
        assert_eq!(parsed.secret, Secret::new([7; 32]));
        assert_eq!(parsed.hosts, ["echo.example", "203.0.113.7", "2001:db8::7"]);
        assert_eq!(parsed.pins, [Pin([0xaa; 32]), Pin([0xbb; 32])]);
        assert_eq!(parsed.control_port, 9443);
        assert_eq!(parsed.expose(), text);
    }

    #[test]
    fn the_control_port_has_a_default() {
        let text = format!("fwprobe://admin:{SECRET}@h.example?{}", pin("aa"));
        let parsed: ConnectionString = text.parse().unwrap();
        assert_eq!(parsed.control_port, DEFAULT_CONTROL_PORT);
        assert_eq!(parsed.expose(), text);
    }

    #[test]
    fn each_defect_is_named() {
        use InvalidConnectionString as Invalid;
        let pin = pin("aa");
        for (text, expected) in [
            (format!("https://a:{SECRET}@h?{pin}"), Invalid::Scheme),
            (format!("fwprobe://h.example?{pin}"), Invalid::NoKey),
            (format!("fwprobe://a@h.example?{pin}"), Invalid::NoKey),
            (format!("fwprobe://a.b:{SECRET}@h?{pin}"), Invalid::KeyId),
            (format!("fwprobe://a:short@h?{pin}"), Invalid::Secret),
            (format!("fwprobe://a:{SECRET}@?{pin}"), Invalid::Host(1)),
            (
                format!("fwprobe://a:{SECRET}@h:443?{pin}"),
                Invalid::Host(1),
            ),
            (
                format!("fwprobe://a:{SECRET}@h,[::zz]?{pin}"),
                Invalid::Host(2),
            ),
            (format!("fwprobe://a:{SECRET}@h"), Invalid::NoPin),
            (format!("fwprobe://a:{SECRET}@h?control=1"), Invalid::NoPin),
            (
                format!("fwprobe://a:{SECRET}@h?{pin}&pin=sha256:zz"),
                Invalid::Pin(2),
            ),
            (
                format!("fwprobe://a:{SECRET}@h?{pin}&control=0"),
                Invalid::ControlPort,
            ),
            (
                format!("fwprobe://a:{SECRET}@h?{pin}&x=1"),
                Invalid::Parameter(2),
            ),
            (
                format!("fwprobe://a:{SECRET}@h?{pin}\nfwprobe://b:{SECRET}@h?{pin}\n"),
                Invalid::NotOne(2),
            ),
        ] {
            assert_eq!(text.parse::<ConnectionString>(), Err(expected), "{text}");
        }
    }

    /// If a string is cut, doubled or joined, the secret can be in any part.
    #[test]
    fn no_message_quotes_the_string() {
        let whole = format!(
            "fwprobe://admin:{SECRET}@h.example?{}&control=9443",
            pin("aa")
        );
        let glue = ["", "\n", " ", "&", ",", "@", "?", "=", "pin="];
        for (cut, _) in whole.char_indices() {
            for glue in glue {
                let text = format!("{}{glue}{whole}", &whole[..cut]);
                if let Err(invalid) = text.parse::<ConnectionString>() {
                    let (shown, debug) = (invalid.to_string(), format!("{invalid:?}"));
                    assert!(!shown.contains("BwcHBwcH"), "{text}: {shown}");
                    assert!(!debug.contains("BwcHBwcH"), "{text}: {debug}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_or_shows_its_secret(text in "(fwprobe://)?\\PC{0,80}") {
            if let Ok(parsed) = text.parse::<ConnectionString>() {
                let secret = BASE64_URL_SAFE_NO_PAD.encode(parsed.secret.expose());
                let shown = format!("{parsed:?}");
                prop_assert!(!shown.contains(&secret));
            }
        }
    }
}
