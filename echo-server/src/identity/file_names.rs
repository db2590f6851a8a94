//! The names of the files that hold an identity.

/// The server's private key, PKCS #8 in PEM.
pub(crate) const KEY_FILE: &str = "server-key.pem";
/// The server's certificate in PEM, which contains no secret.
pub(crate) const CERTIFICATE_FILE: &str = "server-certificate.pem";
/// The client keys, in TOML.
pub(crate) const KEYS_FILE: &str = "keys.toml";

/// The files of an identity, without those of a roll-over.
pub(super) const FILES: [&str; 3] = [KEY_FILE, CERTIFICATE_FILE, KEYS_FILE];

/// The next private key of a roll-over, in PEM.
pub(crate) const NEXT_KEY_FILE: &str = "next-server-key.pem";
/// The next certificate of a roll-over, in PEM.
pub(crate) const NEXT_CERTIFICATE_FILE: &str = "next-server-certificate.pem";
