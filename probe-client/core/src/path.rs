//! The paths to a server: directly to its address, or through a proxy. A path contains no credentials, so it can safely
//! be shown, sent and saved.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use proto::connection_string::is_host;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The path to a server, shown and saved as `direct` or as the proxy's URL.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NetworkPath {
    #[default]
    Direct,
    Proxy(ProxyAddress),
}

/// A proxy, as users specify it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProxyAddress {
    pub scheme: ProxyScheme,
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    pub port: u16,
}

/// The protocol spoken to a proxy, named as in curl.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ProxyScheme {
    /// CONNECT (RFC 9110 section 9.3.6) over plain TCP.
    Http,
    /// CONNECT over TLS to the proxy.
    Https,
    /// SOCKS version 5 (RFC 1928); this host resolves the server's name.
    Socks5,
    /// SOCKS version 5; the proxy resolves the server's name.
    Socks5h,
}

/// The reason why a text is not a path, and the valid forms.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidPath {
    #[error(
        "expected `direct` or a proxy, as in http://proxy.example:3128 or \
         socks5h://proxy.example:1080"
    )]
    Neither,
    #[error("the scheme `{0}` is none of http, https, socks5 and socks5h")]
    Scheme(String),
    #[error("`{0}` is not a host name or address (IPv6 goes in brackets)")]
    Host(String),
    #[error("`{0}` is not a port from 1 to 65535")]
    Port(String),
    #[error("nothing may follow the port, but `{0}` does")]
    Rest(String),
    #[error("a `/`, `?` or `#` in a user name or password has to be written as %2F, %3F or %23")]
    Unescaped,
    #[error(
        "user name and password do not belong there, where every user of this machine can read \
         them: use --proxy-credentials-file or the variable FWPROBE_PROXY_CREDENTIALS"
    )]
    Credentials,
}

/// A proxy's URL in parts; the user information is not yet percent-decoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProxyUrl<'a> {
    pub address: ProxyAddress,
    pub user_information: Option<&'a str>,
}

impl NetworkPath {
    pub fn is_direct(&self) -> bool {
        *self == Self::Direct
    }

    pub fn proxy(&self) -> Option<&ProxyAddress> {
        match self {
            Self::Direct => None,
            Self::Proxy(proxy) => Some(proxy),
        }
    }

    /// Returns whether this host resolves the server's name.
    pub fn resolves_here(&self) -> bool {
        self.proxy().is_none_or(|p| !p.scheme.resolves_names())
    }
}

impl ProxyScheme {
    pub const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Socks5, Self::Socks5h];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    /// Returns the scheme's registered port (RFC 9110 section 4.2, RFC 1928 section 3), for URLs without one.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }

    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// Returns whether the proxy gets the server's name instead of an address.
    pub const fn resolves_names(self) -> bool {
        !matches!(self, Self::Socks5)
    }
}

impl ProxyAddress {
    /// Returns `host:port`, as for a socket.
    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }
}

impl<'a> ProxyUrl<'a> {
    /// Parses a URL. A text without a scheme, as environment variables often contain, gets the scheme `bare`.
    ///
    /// # Errors
    /// Returns the defect of the text. No message repeats the user information.
    pub fn parse(text: &'a str, bare: Option<ProxyScheme>) -> Result<Self, InvalidPath> {
        let (scheme, rest) = match (text.split_once("://"), bare) {
            (Some((scheme, rest)), _) => (self::scheme(scheme)?, rest),
            (None, Some(bare)) => (bare, text),
            (None, None) => return Err(InvalidPath::Neither),
        };
        let (authority, rest) = match rest.find(['/', '?', '#']) {
            Some(at) if rest[at..].contains('@') => return Err(InvalidPath::Unescaped),
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if !matches!(rest, "" | "/") {
            return Err(InvalidPath::Rest(shown(rest)));
        }
        let (user_information, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        let (host, port) = host_and_port(authority, scheme)?;
        Ok(Self {
            address: ProxyAddress { scheme, host, port },
            user_information,
        })
    }
}

impl FromStr for NetworkPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        if text == DIRECT {
            return Ok(Self::Direct);
        }
        let url = ProxyUrl::parse(text, None)?;
        match url.user_information {
            None => Ok(Self::Proxy(url.address)),
            Some(_) => Err(InvalidPath::Credentials),
        }
    }
}

/// Returns `host:port`, with brackets around an IPv6 address.
pub fn authority(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn scheme(text: &str) -> Result<ProxyScheme, InvalidPath> {
    let lower = text.to_ascii_lowercase();
    if !lower.bytes().all(|b| b.is_ascii_alphanumeric()) {
        // The text may contain a password, so the message does not repeat it.
        return Err(InvalidPath::Neither);
    }
    // curl and Go accept plain `socks`, and resolve names at the proxy.
    let lower = if lower == "socks" { "socks5h" } else { &lower };
    ProxyScheme::ALL
        .into_iter()
        .find(|scheme| scheme.name() == lower)
        .ok_or_else(|| InvalidPath::Scheme(shown(text)))
}

fn host_and_port(authority: &str, scheme: ProxyScheme) -> Result<(String, u16), InvalidPath> {
    let no_host = || InvalidPath::Host(shown(authority));
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(no_host)?;
            let port = match after.strip_prefix(':') {
                Some(port) => Some(port),
                None if after.is_empty() => None,
                None => return Err(no_host()),
            };
            if !matches!(host.parse(), Ok(IpAddr::V6(_))) {
                return Err(no_host());
            }
            (host, port)
        }
        None => match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(no_host()),
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if !is_host(host) {
        return Err(no_host());
    }
    let port = match port {
        None | Some("") => scheme.default_port(),
        Some(port) => match port.parse() {
            Ok(number) if number != 0 => number,
            Ok(_) | Err(_) => return Err(InvalidPath::Port(shown(port))),
        },
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// Shortens a text for a message, and escapes unprintable characters.
fn shown(text: &str) -> String {
    text.chars()
        .take(MAX_SHOWN)
        .flat_map(char::escape_debug)
        .collect()
}

impl fmt::Display for NetworkPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str(DIRECT),
            Self::Proxy(proxy) => proxy.fmt(f),
        }
    }
}

impl fmt::Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

impl fmt::Display for ProxyScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for NetworkPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NetworkPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for NetworkPath {
    fn schema_name() -> Cow<'static, str> {
        "NetworkPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`direct`, or the proxy's URL without credentials.",
            "type": "string",
            "pattern": "^(direct|(https?|socks5h?)://.+:[0-9]+)$",
        })
    }
}

/// The path without a proxy.
const DIRECT: &str = "direct";

/// The maximum number of characters of an invalid part that a message repeats.
const MAX_SHOWN: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_as_it_is_shown() {
        for text in [
            "direct",
            "http://proxy.example:3128",
            "https://proxy.example:443",
            "socks5://192.0.2.7:1080",
            "socks5h://[2001:db8::7]:1080",
        ] {
            assert_eq!(text.parse::<NetworkPath>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        for (typed, meant) in [
            ("http://proxy.example", "http://proxy.example:80"),
            ("HTTPS://Proxy.Example/", "https://proxy.example:443"),
            ("socks5://proxy.example:", "socks5://proxy.example:1080"),
            ("socks://[::1]", "socks5h://[::1]:1080"),
        ] {
            assert_eq!(typed.parse::<NetworkPath>().unwrap().to_string(), meant);
        }
    }

    #[test]
    fn what_is_none_is_told_apart() {
        use InvalidPath as Is;
        let owned = str::to_owned;
        for (typed, why) in [
            ("carrier-pigeon", Is::Neither),
            ("proxy.example:3128", Is::Neither),
            ("ftp://proxy.example", Is::Scheme(owned("ftp"))),
            ("socks4://proxy.example", Is::Scheme(owned("socks4"))),
            ("http://", Is::Host(owned(""))),
            ("http://two words:80", Is::Host(owned("two words:80"))),
            ("http://::1:80", Is::Host(owned("::1:80"))),
            ("http://[::1", Is::Host(owned("[::1"))),
            ("http://[proxy]:80", Is::Host(owned("[proxy]:80"))),
            ("http://proxy:0", Is::Port(owned("0"))),
            ("http://proxy:65536", Is::Port(owned("65536"))),
            ("http://proxy:80/wpad.dat", Is::Rest(owned("/wpad.dat"))),
            ("http://user:secret@proxy:80", Is::Credentials),
            ("http://user:a/b@proxy:80", Is::Unescaped),
            ("user:secret@http://proxy:80", Is::Neither),
        ] {
            assert_eq!(typed.parse::<NetworkPath>(), Err(why), "{typed}");
        }
    }

    #[test]
    fn only_socks5_resolves_here_among_the_proxies() {
        let here = |text: &str| text.parse::<NetworkPath>().unwrap().resolves_here();
        assert!(here("direct") && here("socks5://proxy"));
        assert!(!here("socks5h://proxy") && !here("http://proxy") && !here("https://proxy"));
    }
}
