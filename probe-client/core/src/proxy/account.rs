//! What a run document keeps of a probe's proxy.

use std::net::SocketAddr;

use proto::http_head::ResponseHead;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measurement::PresentedCertificate;
use crate::session::Quoted;

/// The proxy on a probe's path, and how far the dialogue with it came. Credentials are no part of it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyAccount {
    /// As dialled; absent where its name gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// The host that it was asked to connect to: the server's name, or an address.
    pub host_asked: String,
    pub port_asked: u16,
    /// Its own, where it is spoken to over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PresentedCertificate>,
    #[serde(default, skip_serializing_if = "ProxyAuthentication::is_none")]
    pub authentication: ProxyAuthentication,
    /// Why it did not connect, where it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<ProxyRefusal>,
}

/// Scheme names in the proxy's own spelling, each once.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyAuthentication {
    /// What it offers, where it asked for authentication.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<String>,
    /// With which credentials were sent, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
    /// Why credentials could not be sent although there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// How a proxy said no.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum ProxyRefusal {
    /// A status other than 2xx in answer to CONNECT.
    Status(HttpRefusal),
    /// A SOCKS reply other than 0 (RFC 1928 section 6).
    SocksReply { code: u8 },
    /// None of the SOCKS authentication methods offered (RFC 1928 section 3).
    SocksMethods,
    /// SOCKS user name and password are not accepted (RFC 1929 section 2).
    SocksCredentials,
    /// What answered does not speak the proxy's protocol.
    Foreign { quoted: Quoted },
    /// A head that does not end.
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
    /// RFC 9209.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_status: Option<String>,
    /// Squid's own name for the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub squid_error: Option<String>,
    /// The beginning of the page, as far as it came with the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Quoted>,
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
            value.map(printable)
        };
        Self {
            status: head.status(),
            reason: printable(head.reason().as_bytes()),
            server: field("Server"),
            via: field("Via"),
            location: field("Location"),
            proxy_status: field("Proxy-Status"),
            squid_error: field("X-Squid-Error"),
            page: (!page.is_empty()).then(|| Quoted::of(page)),
        }
    }
}

/// Cut, and with escapes.
pub(super) fn printable(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(MAX_TEXT)]
        .escape_ascii()
        .to_string()
}

/// Bytes of a field's value.
const MAX_TEXT: usize = 256;
