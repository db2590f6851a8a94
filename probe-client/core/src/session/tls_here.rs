//! The TLS session as the client sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hex_bytes::HexArray;
use super::testimony::ClientTls;

/// This side's TLS session, without its keying material.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsHere {
    /// The version on the wire, 0x0304 for TLS 1.3.
    pub version: u16,
    /// IANA number of the cipher suite.
    pub cipher_suite: u16,
    /// IANA number of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u16>,
    /// SHA-256 over the ClientHello messages as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_hello_sha256: Option<HexArray<32>>,
}

impl From<&ClientTls> for TlsHere {
    fn from(facts: &ClientTls) -> Self {
        Self {
            version: facts.version,
            cipher_suite: facts.suite,
            group: facts.group,
            client_hello_sha256: facts.client_hello_sha256.map(HexArray),
        }
    }
}
