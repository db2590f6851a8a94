//! The facts about a certificate file that checks need. The shell reads and decodes it; this module contains no key and
//! no password.

use serde::{Deserialize, Serialize};

/// A file that the user named.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFile {
    /// The file name as the user wrote it.
    pub file: String,
    pub contents: CertificateContents,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateContents {
    /// The file could not be read: the reason, and what would be valid.
    Unreadable(String),
    Read(Box<Bundle>),
}

/// The certificates and keys of a file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The file's form: `PKCS#12`, `PEM`, `DER` or `PKCS#7`.
    pub form: String,
    /// The certificate that the file is about: the private key's, or else the first one.
    pub leaf: CertificateFacts,
    #[serde(default)]
    pub others: Vec<CertificateFacts>,
    pub key: PrivateKey,
}

/// The private key of the leaf.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrivateKey {
    Absent,
    Matches,
    /// There is a key, but it belongs to no certificate in the file.
    Foreign,
    /// There is more than one key. `matching` counts those that belong to a certificate in the file.
    Several {
        keys: usize,
        matching: usize,
    },
    /// There is a key, but it could not be compared, for this reason.
    NotCompared(String),
    /// There is a key, but it could not be opened, for this reason.
    NotOpened(String),
}

/// One certificate.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFacts {
    pub subject: String,
    pub issuer: String,
    /// The version of X.509: 3 for v3.
    pub version: u32,
    /// Unix seconds.
    pub not_before: i64,
    /// Unix seconds.
    pub not_after: i64,
    /// The key's algorithm: `RSA`, or the name or number of another one.
    pub key_algorithm: String,
    /// The key's size in bits; `None` if it is not known for this algorithm.
    #[serde(default)]
    pub key_bits: Option<u32>,
    pub signature: Signature,
    /// Whether the basic constraints declare the certificate to be an authority's.
    #[serde(default)]
    pub is_authority: bool,
    /// The key usages; `None` if the extension is missing, which allows everything.
    #[serde(default)]
    pub key_usage: Option<Vec<String>>,
    /// The extended key usages, as names or numbers; `None` if the extension is missing, which allows everything.
    #[serde(default)]
    pub extended_key_usage: Option<Vec<String>>,
    /// SHA-1 of the certificate, 40 hexadecimal digits in capitals, by which Windows identifies it.
    pub thumbprint: String,
}

/// The algorithm with which a certificate is signed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// The algorithm uses SHA-256 or better.
    Sound(String),
    Sha1(String),
    /// The algorithm uses MD2, MD4 or MD5.
    Broken(String),
    /// An unknown algorithm, by its object identifier.
    Unknown(String),
}

impl CertificateFacts {
    /// Returns whether subject and issuer have the same name. The signature is not verified.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}
