//! Reads certificate files of every usual form: DER, PEM with or without a key, PKCS#12, PKCS#7. Keys and passwords are
//! wiped when dropped, but copies that decoders make cannot be wiped from here.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use self::cipher::Cipher;
use crate::given_file;

mod cipher;
mod facts;
mod identity;
mod key;
mod other_form;
mod password;
mod pem;
mod pkcs12;
mod pkcs7;
mod signature;
mod text;

pub(crate) use facts::certificate_file;
pub(crate) use identity::{ClientIdentity, client_identity};
pub(crate) use password::{PasswordSource, VARIABLE as PASSWORD_VARIABLE};

/// The content of a certificate file.
#[derive(Debug)]
pub(crate) struct KeyStore {
    pub(crate) form: &'static str,
    /// The certificates in DER, in the file's order; at least one.
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) keys: Vec<StoredKey>,
    /// The reasons why further keys of the file cannot be used. The certificates are not affected.
    pub(crate) unusable_keys: Vec<KeyStoreError>,
}

impl KeyStore {
    fn new(form: &'static str, certificates: Vec<Vec<u8>>) -> Self {
        Self {
            form,
            certificates,
            keys: Vec::new(),
            unusable_keys: Vec::new(),
        }
    }
}

/// A private key in one of the forms that files use.
pub(crate) struct StoredKey {
    form: KeyForm,
    der: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyForm {
    Pkcs8,
    Pkcs1,
    Sec1,
}

impl StoredKey {
    fn new(form: KeyForm, der: Vec<u8>) -> Self {
        Self {
            form,
            der: Zeroizing::new(der),
        }
    }

    /// Returns the key as the TLS library takes it, for as long as the key is borrowed.
    pub(crate) fn der(&self) -> PrivateKeyDer<'_> {
        let bytes: &[u8] = &self.der;
        match self.form {
            KeyForm::Pkcs8 => PrivatePkcs8KeyDer::from(bytes).into(),
            KeyForm::Pkcs1 => PrivatePkcs1KeyDer::from(bytes).into(),
            KeyForm::Sec1 => PrivateSec1KeyDer::from(bytes).into(),
        }
    }
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredKey({:?})", self.form)
    }
}

/// Reads and decodes `path`.
///
/// # Errors
///
/// The file cannot be read, has no known form, or has a password other than the given one.
pub(crate) fn load(path: &Path, passwords: &PasswordSource) -> Result<KeyStore, KeyStoreError> {
    let bytes = Zeroizing::new(read(path)?);
    if bytes.is_empty() {
        return Err(KeyStoreError::Empty);
    }
    let bytes = text::plain(bytes);
    if pem::looks_like(&bytes) {
        return pem::decode(&bytes, path, passwords);
    }
    if let Some(certificates) = facts::der_certificate(&bytes) {
        return Ok(KeyStore::new("DER", certificates));
    }
    if let Some(certificates) = pkcs7::certificates(&bytes) {
        return some(KeyStore::new("PKCS#7", certificates));
    }
    if let Some(error) = other_form::of(&bytes) {
        return Err(error);
    }
    pkcs12::decode(&bytes, path, passwords)
}

/// Reads a file up to a size limit; directories are refused.
fn read(path: &Path) -> Result<Vec<u8>, KeyStoreError> {
    let metadata = std::fs::metadata(path).map_err(KeyStoreError::Unreadable)?;
    if metadata.is_dir() {
        return Err(KeyStoreError::Directory);
    }
    if metadata.len() > MAX_BYTES {
        return Err(KeyStoreError::TooLarge);
    }
    let mut bytes = Vec::new();
    given_file::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(KeyStoreError::Unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        bytes.zeroize();
        return Err(KeyStoreError::TooLarge);
    }
    Ok(bytes)
}

fn some(store: KeyStore) -> Result<KeyStore, KeyStoreError> {
    if store.certificates.is_empty() {
        return Err(KeyStoreError::NoCertificate(store.form));
    }
    Ok(store)
}

/// The defect of a file, and the right form. No message repeats a password.
#[derive(Debug, Error)]
pub(crate) enum KeyStoreError {
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::Error),
    #[error("it is a directory; give a file")]
    Directory,
    #[error("it is empty")]
    Empty,
    #[error("it has more than {MAX_BYTES} bytes, and a certificate file has a few thousand")]
    TooLarge,
    #[error(
        "it is none of DER, PEM, PKCS#12 and PKCS#7, or is cut short; expected a .cer, .crt, .pem, \
         .pfx, .p12 or .p7b file"
    )]
    NoForm,
    #[error("it is {0} without any certificate")]
    NoCertificate(&'static str),
    #[error("it begins like {0}, and is damaged or cut short")]
    Damaged(&'static str),
    #[error(
        "it is PKCS#12 in a form of BER that fwprobe cannot read; import it into a certificate \
         store and export it again"
    )]
    IndefiniteLength,
    #[error("the password is wrong")]
    WrongPassword,
    #[error(
        "it has no password at all, not even an empty one, and fwprobe cannot read its cipher \
         without one; export it again with a password"
    )]
    NullPassword,
    #[error("it is {name}, not a certificate; {instead}")]
    OtherForm {
        name: &'static str,
        instead: &'static str,
    },
    #[error(
        "it needs a password: give --certificate-password-file FILE, set {}, or run this on a \
         terminal",
        password::VARIABLE
    )]
    NoPassword,
    #[error("the password file {} cannot be used: {why}", path.display())]
    PasswordFile { path: PathBuf, why: String },
    #[error(
        "it uses {0}, which fwprobe does not support; export it again with AES-256 and SHA-256, or \
         with TripleDES-SHA1"
    )]
    UnknownCipher(Cipher),
    #[error(
        "its MAC uses an algorithm that fwprobe does not support; export it again with AES-256 and \
         SHA-256, or with TripleDES-SHA1"
    )]
    UnknownMac,
    #[error(
        "its private key is encrypted with {0}, which fwprobe does not support; convert it: \
         openssl pkcs8 -topk8 -in OLD.pem -out NEW.pem"
    )]
    UnknownKeyCipher(Cipher),
    #[error(
        "its private key has OpenSSL's legacy encryption (Proc-Type, DEK-Info), which fwprobe \
         cannot read; convert it: openssl pkcs8 -topk8 -in OLD.pem -out NEW.pem"
    )]
    OldEncryption,
    #[error("it holds a {0} key, and Azure takes RSA keys")]
    UnsupportedKey(&'static str),
    #[error(
        "it holds more than {} encrypted private keys; the rest were not opened",
        pem::MOST_ENCRYPTED_KEYS
    )]
    TooManyKeys,
    #[error(
        "opening its keys would take more work or memory than any legitimate file needs; not all \
         were opened"
    )]
    TooCostly,
    #[error("it holds {0} private keys; expected one, with its certificate")]
    NotOneKey(usize),
    #[error("its private key cannot be used: {0}")]
    UnusableKey(String),
}

/// Maximum file size in bytes; a chain with its key takes less than a hundredth of that.
const MAX_BYTES: u64 = 1024 * 1024;
