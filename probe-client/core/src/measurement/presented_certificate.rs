//! A certificate that a peer presented in a TLS handshake.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A certificate as presented; what cannot be parsed is absent.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PresentedCertificate {
    /// SHA-256 over the whole certificate in DER, lower-case hex.
    pub sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Subject alternative names: DNS names and addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spki_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<bool>,
    /// The certificate has the echo server's own key.
    pub pinned: bool,
}

impl PresentedCertificate {
    /// Returns the subject and the issuer for a claim, as in `for a.example, issued by Example CA`.
    pub fn described(&self) -> String {
        format!(
            "for {}, issued by {}",
            self.subject.as_deref().unwrap_or("an unreadable name"),
            self.issuer.as_deref().unwrap_or("an unreadable issuer"),
        )
    }
}
