//! The account of a probe's proxy that a run document keeps.

use std::net::SocketAddr;

use proto::http_head::ResponseHead;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SquidError;
use crate::escaped::escaped;
use crate::measurement::PresentedCertificate;
use crate::session::Quoted;

/// The proxy on a probe's path, and how far the dialogue with it came. It contains no credentials.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyAccount {
    /// The proxy's address that was dialled; absent where its name gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// The host that it was asked to connect to: the server's name, or an address.
    pub host_asked: String,
    pub port_asked: u16,
    /// The proxy's own certificate, where the client speaks to it over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PresentedCertificate>,
    #[serde(default, skip_serializing_if = "ProxyAuthentication::is_none")]
    pub authentication: ProxyAuthentication,
    /// The reason why the proxy did not connect, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<ProxyRefusal>,
    /// Whether the proxy said anything in its protocol before it was asked to connect. If so, it is a proxy, even if it
    /// did not answer that request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spoke: bool,
}

/// The authentication schemes of a proxy, named in the proxy's own spelling, each once.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyAuthentication {
    /// The schemes that the proxy offers, where it asked for authentication.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<String>,
    /// The schemes with which credentials were sent, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
    /// The proxy accepts the password of a domain account only in clear, and did not get it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
    /// The proxy closed a connection between two messages of one authentication.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// The reason why credentials could not be sent although there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The form in which a proxy refused to connect.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum ProxyRefusal {
    /// A status other than 2xx in answer to CONNECT.
    Status(HttpRefusal),
    /// A SOCKS reply other than 0 (RFC 1928 section 6).
    SocksReply { code: u8 },
    /// The proxy accepts none of the SOCKS authentication methods offered (RFC 1928 section 3).
    SocksMethods,
    /// SOCKS user name and password are not accepted (RFC 1929 section 2).
    SocksCredentials,
    /// The peer does not speak the proxy's protocol.
    Foreign { quoted: Quoted },
    /// A response head that does not end within `limit` bytes.
    HeadTooLong { limit: usize },
}

/// A refusing answer to CONNECT. Texts have escapes for everything that is not printable ASCII, and
/// are cut to a length that can be read.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRefusal {
    pub status: u16,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The value of the Proxy-Status header (RFC 9209).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_status: Option<String>,
    /// Squid's own name for the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub squid_error: Option<String>,
    /// The beginning of the page, as far as it came with the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Quoted>,
    /// The words that say that a name could not be resolved, from the reason or from the part of the page that came
    /// with the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unresolved: Option<String>,
}

impl ProxyAuthentication {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl HttpRefusal {
    pub(super) fn of(head: &ResponseHead<'_>, page: &[u8]) -> Self {
        let field = |name: &str| {
            let value = head.values(name).find(|value| !value.is_empty());
            value.map(escaped)
        };
        Self {
            status: head.status(),
            reason: escaped(head.reason().as_bytes()),
            server: field("Server"),
            via: field("Via"),
            location: field("Location"),
            proxy_status: field("Proxy-Status"),
            squid_error: field("X-Squid-Error"),
            page: (!page.is_empty()).then(|| Quoted::of(page)),
            unresolved: unresolved(head.reason().as_bytes()).or_else(|| unresolved(page)),
        }
    }

    /// Returns the status as text, such as `407 Proxy Authentication Required`.
    pub fn status_line(&self) -> String {
        let line = format!("{} {}", self.status, self.reason);
        line.trim_end().to_owned()
    }

    /// Returns whether the proxy asks for credentials, whether or not some were sent.
    pub fn asks_for_credentials(&self) -> bool {
        self.status == AUTHENTICATION_REQUIRED
    }

    /// Returns whether the refusal is about authentication.
    ///
    /// The status is 407; or 401, with which tinyproxy refuses a wrong password; or 511, with which a network asks for
    /// a sign-in (RFC 6585 section 6).
    pub fn is_about_who_asks(&self) -> bool {
        matches!(self.status, 401 | 407 | 511)
    }

    /// Returns whether the refusal is about the proxy's own connection to the server.
    ///
    /// A proxy opens that connection only for clients that it has accepted.
    pub fn is_about_the_way_on(&self) -> bool {
        matches!(self.status, 502 | 504)
            || self
                .proxy_status
                .as_ref()
                .is_some_and(|said| said.contains("error=con"))
            || self.squid().is_some_and(SquidError::is_about_the_way_on)
    }

    /// Returns what Squid says it did, if Squid answered.
    pub fn squid(&self) -> Option<SquidError> {
        SquidError::of(self.squid_error.as_deref()?)
    }
}

impl ProxyRefusal {
    /// Returns whether the proxy does not accept the client.
    pub fn is_about_who_asks(&self) -> bool {
        match self {
            Self::Status(http) => http.is_about_who_asks(),
            Self::SocksCredentials => true,
            Self::SocksReply { .. }
            | Self::SocksMethods
            | Self::Foreign { .. }
            | Self::HeadTooLong { .. } => false,
        }
    }

    /// Returns whether the refusal is about the proxy's own connection to the server.
    pub fn is_about_the_way_on(&self) -> bool {
        match self {
            Self::Status(http) => http.is_about_the_way_on(),
            Self::SocksReply { .. } => true,
            Self::SocksMethods
            | Self::SocksCredentials
            | Self::Foreign { .. }
            | Self::HeadTooLong { .. } => false,
        }
    }

    /// Returns the answer in a few words.
    pub fn brief(&self) -> String {
        match self {
            Self::Status(http) => http.status_line(),
            Self::SocksReply { code } => format!("SOCKS reply {code}"),
            Self::SocksMethods => "no acceptable SOCKS authentication method".to_owned(),
            Self::SocksCredentials => "SOCKS user or password refused".to_owned(),
            Self::Foreign { .. } => "an answer that is not a proxy's".to_owned(),
            Self::HeadTooLong { .. } => "a response head that is too long".to_owned(),
        }
    }
}

/// Returns the words in `text` that say that a name was not found, and what follows them up to the end of a line or
/// tag.
fn unresolved(text: &[u8]) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let start = UNRESOLVED.iter().find_map(|words| {
        let mut places = lower.windows(words.len());
        places.position(|window| window == words.as_bytes())
    })?;
    let rest = &text[start..];
    let ends = |byte: &u8| matches!(byte, b'<' | b'\r' | b'\n');
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    Some(escaped(&rest[..end]))
}

/// Words by which proxies say that a name was not found, in lower case. They matter only if no field says so.
///
/// They are the words of Privoxy, Apache httpd, Go, and the resolvers of glibc, musl, macOS and Windows, which
/// mitmproxy and others repeat.
const UNRESOLVED: [&str; 10] = [
    "no such domain",
    "dns lookup failure",
    "name or service not known",
    "temporary failure in name resolution",
    "no address associated with hostname",
    "name does not resolve",
    "nodename nor servname provided",
    "no such host is known",
    "no such host",
    "getaddrinfo failed",
];

/// The status with which a proxy asks for credentials.
pub(super) const AUTHENTICATION_REQUIRED: u16 = 407;
