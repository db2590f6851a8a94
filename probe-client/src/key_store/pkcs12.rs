//! PKCS#12 (RFC 7292): certificates and keys protected by a password.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error as P12Error;
use x509_parser::asn1_rs::{Any, FromDer as _};
use zeroize::Zeroizing;

use super::cipher::Cipher;
use super::{KeyForm, KeyStore, KeyStoreError, PasswordSource, StoredKey, some};

mod null_password;

/// Decodes a PKCS#12 file. If no password is given, it tries without one, since many files without a key have none.
pub(super) fn decode(
    bytes: &[u8],
    path: &Path,
    passwords: &PasswordSource,
) -> Result<KeyStore, KeyStoreError> {
    if !is_pkcs12(bytes) {
        return Err(KeyStoreError::NoForm);
    }
    if bytes.get(1) == Some(&0x80) {
        return Err(KeyStoreError::IndefiniteLength);
    }
    let bytes = without_trailer(bytes);
    let password = passwords.find(path)?;
    let archive = match &password {
        Some(password) if !password.is_empty() => opened(bytes, password)?,
        Some(_) => without_password(bytes).unwrap_or(Err(KeyStoreError::WrongPassword))?,
        None => without_password(bytes).unwrap_or(Err(KeyStoreError::NoPassword))?,
    };
    let keys = archive.keys.iter().map(|bag| {
        // The crate's own copy of the key cannot be wiped.
        StoredKey::new(KeyForm::Pkcs8, bag.key.as_der().to_vec())
    });
    let certificates = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec());
    some(KeyStore {
        keys: keys.collect(),
        ..KeyStore::new("PKCS#12", certificates.collect())
    })
}

/// Opens a file with the empty password, or with no password at all, as OpenSSL and Windows do. Returns `None` if it
/// needs another password.
fn without_password(bytes: &[u8]) -> Option<Result<Pkcs12Archive, KeyStoreError>> {
    match opened(bytes, "") {
        Err(KeyStoreError::WrongPassword) => {}
        other => return Some(other),
    }
    let unsealed = null_password::without_mac(bytes)?;
    Some(opened(&unsealed, "").map_err(|error| {
        // With the older ciphers, no password and an empty one give different keys. The MAC is right, so the file is
        // whole.
        let keys_differ = matches!(
            error,
            KeyStoreError::WrongPassword | KeyStoreError::Damaged(_)
        );
        if keys_differ {
            KeyStoreError::NullPassword
        } else {
            error
        }
    }))
}

fn opened(bytes: &[u8], password: &str) -> Result<Pkcs12Archive, KeyStoreError> {
    let (own, password) = (
        Zeroizing::new(bytes.to_vec()),
        Zeroizing::new(password.to_owned()),
    );
    let opening = move || Pkcs12Archive::from_pkcs12(&own, &password);
    let opened = within(LONGEST, opening).ok_or(KeyStoreError::TooCostly)?;
    let unknown_cipher = || KeyStoreError::UnknownCipher(Cipher::of_archive(bytes));
    opened.map_err(|error| match error {
        P12Error::MacError(_) => KeyStoreError::WrongPassword,
        // The MAC is checked first, so if there is one, the password was right.
        P12Error::UnpadError | P12Error::Pkcs5Error(_) if has_mac(bytes) => {
            unknown_cipher()
        }
        P12Error::UnpadError | P12Error::Pkcs5Error(_) => KeyStoreError::WrongPassword,
        P12Error::UnsupportedEncryptionScheme => unknown_cipher(),
        P12Error::UnsupportedMacAlgorithm => KeyStoreError::UnknownMac,
        P12Error::InvalidParameters => KeyStoreError::TooCostly,
        P12Error::IoError(_)
        | P12Error::DerError(_)
        | P12Error::InvalidVersion
        | P12Error::UnsupportedContentType
        | P12Error::UnsupportedCertificateType
        | P12Error::X509Error(_)
        | P12Error::InvalidLength
        | P12Error::InvalidData
        // The crate cannot decode the parameters of a cipher that it does not know.
        | P12Error::InvalidPrivateKey => match Cipher::of_archive(bytes) {
            Cipher::Named(_) => unknown_cipher(),
            Cipher::Other => KeyStoreError::Damaged("PKCS#12"),
        },
    })
}

/// Returns the result of `work`; `None` if it takes longer than `limit`, or panics. Its thread is then left running
/// until the program ends.
fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, done) = channel();
    // Sending fails if the limit is over, since the receiver is gone.
    std::thread::spawn(move || drop(sender.send(work())));
    done.recv_timeout(limit).ok()
}

/// Returns whether this is a sequence that begins with version 3 (RFC 7292).
fn is_pkcs12(bytes: &[u8]) -> bool {
    let Some([0x30, length]) = bytes.first_chunk::<2>() else {
        return false;
    };
    let header = match length {
        0x00..=0x80 => 2,
        more => 2 + usize::from(more & 0x7f),
    };
    bytes.get(header..header + 3) == Some(&[0x02, 0x01, 0x03])
}

/// Removes bytes after the end of the archive, which its own length gives. Some programs append zeros or a line break.
fn without_trailer(bytes: &[u8]) -> &[u8] {
    match Any::from_der(bytes) {
        Ok((rest, _)) => &bytes[..bytes.len() - rest.len()],
        Err(_) => bytes,
    }
}

/// Returns whether the archive has a MAC, which follows version and content.
fn has_mac(bytes: &[u8]) -> bool {
    let Ok((_, outer)) = Any::from_der(bytes) else {
        return false;
    };
    let mut rest = outer.data;
    let mut parts = 0;
    while let Ok((after, _)) = Any::from_der(rest) {
        parts += 1;
        rest = after;
    }
    parts == 3
}

/// Time limit to open a file; an honest one takes a tenth of a second. The crate limits each part of a file to a few
/// seconds, but not the number of parts, and some parts are found only after others are open.
const LONGEST: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_takes_too_long_is_left_behind() {
        let (_never_sent, never) = channel::<()>();
        let endless = within(Duration::from_millis(1), move || never.recv());
        assert!(endless.is_none());
        assert_eq!(within(LONGEST, || 1), Some(1));
    }
}
