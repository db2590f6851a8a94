//! What checks need to know of a certificate file. The shell reads and decodes it; no key and no
//! password is in here.

use serde::{Deserialize, Serialize};

/// One file that the user named.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFile {
    /// As the user wrote it.
    pub file: String,
    pub contents: CertificateContents,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateContents {
    /// And what would be right.
    Unreadable(String),
    Read(Box<Bundle>),
}

/// A file's certificates and keys.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// `PKCS#12`, `PEM`, `DER` or `PKCS#7`.
    pub form: String,
    /// The one that the file is about: that of the private key, else the first.
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
    /// There is a key, of no certificate in the file.
    Foreign,
    /// More than one key; how many belong to a certificate of the file.
    Several {
        keys: usize,
        matching: usize,
    },
    /// There is one, and why it could not be compared.
    NotCompared(String),
    /// There is one, and why it could not be opened.
    NotOpened(String),
}

/// One certificate.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFacts {
    pub subject: String,
    pub issuer: String,
    /// 3 for X.509 v3.
    pub version: u32,
    /// Unix seconds.
    pub not_before: i64,
    /// Unix seconds.
    pub not_after: i64,
    /// `RSA`, or the name or number of another algorithm.
    pub key_algorithm: String,
    /// Absent: not known for this algorithm.
    #[serde(default)]
    pub key_bits: Option<u32>,
    pub signature: Signature,
    /// The basic constraints name it a certificate authority.
    #[serde(default)]
    pub is_authority: bool,
    /// Absent: the extension is not there, which allows everything.
    #[serde(default)]
    pub key_usage: Option<Vec<String>>,
    /// Names or numbers; absent: the extension is not there, which allows everything.
    #[serde(default)]
    pub extended_key_usage: Option<Vec<String>>,
    /// SHA-1 over the certificate, 40 hexadecimal digits in capitals: how Windows names it.
    pub thumbprint: String,
}

/// The algorithm that a certificate is signed with.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// With SHA-256 or better.
    Sound(String),
    Sha1(String),
    /// MD2, MD4 or MD5.
    Broken(String),
    /// By its object identifier.
    Unknown(String),
}

impl CertificateFacts {
    /// Subject and issuer are the same name. Whether the signature is its own is not verified.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}
