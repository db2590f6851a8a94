//! PEM (RFC 7468): certificates and keys between lines of dashes, with any text around them.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pkcs5::pbes2::Kdf;
use pkcs5::{EncryptionScheme, Error as Pkcs5Error};
use pkcs8::{EncryptedPrivateKeyInfoRef, Error as Pkcs8Error};
use x509_parser::asn1_rs::{Any, FromDer as _, Oid};
use zeroize::{Zeroize as _, Zeroizing};

use super::cipher::Cipher;
use super::{
    KeyForm, KeyStore, KeyStoreError, PasswordSource, StoredKey, facts, other_form, pkcs7, some,
};

pub(super) fn looks_like(bytes: &[u8]) -> bool {
    bytes.windows(MARK.len()).any(|window| window == MARK)
}

pub(super) fn decode(
    bytes: &[u8],
    path: &Path,
    passwords: &PasswordSource,
) -> Result<KeyStore, KeyStoreError> {
    let mut store = KeyStore::new("PEM", Vec::new());
    let text = String::from_utf8_lossy(bytes);
    let mut encrypted = 0;
    let mut work = Work::of_one_file();
    for block in blocks(&text) {
        let Block {
            label,
            headers,
            body,
        } = block;
        let is_key = label.ends_with("PRIVATE KEY");
        if is_key && headers.iter().any(|line| line.contains("ENCRYPTED")) {
            store.unusable_keys.push(KeyStoreError::OldEncryption);
            continue;
        }
        if label == "ENCRYPTED PRIVATE KEY" {
            encrypted += 1;
            if encrypted > MOST_ENCRYPTED_KEYS {
                store.unusable_keys.push(KeyStoreError::TooManyKeys);
                break;
            }
        }
        let taken = contents(label, &body)
            .and_then(|contents| take(label, contents, &mut store, &mut work, path, passwords));
        match taken {
            Err(error) if is_key => store.unusable_keys.push(error),
            other => other?,
        }
    }
    some(store)
}

/// The content between two lines of dashes.
struct Block<'t> {
    label: &'t str,
    /// Header lines in the form of RFC 1421, `Name: value`.
    headers: Vec<&'t str>,
    body: Zeroizing<String>,
}

/// Returns all blocks, including indented ones. A block without an end takes everything that follows, and is damaged.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut all: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for line in text.lines().map(str::trim) {
        let begins = line.strip_prefix("-----BEGIN ");
        if let Some(label) = begins.and_then(|rest| rest.strip_suffix("-----")) {
            let (headers, body) = (Vec::new(), Zeroizing::default());
            all.push(Block {
                label,
                headers,
                body,
            });
            open = true;
        } else if line.starts_with("-----END ") {
            open = false;
        } else if open && let Some(block) = all.last_mut() {
            if line.contains(':') {
                block.headers.push(line);
            } else {
                block.body.push_str(line);
            }
        }
    }
    all
}

fn contents(label: &str, body: &str) -> Result<Vec<u8>, KeyStoreError> {
    let form = if label.ends_with("PRIVATE KEY") {
        KEY
    } else {
        "PEM"
    };
    let decoded = BASE64_STANDARD.decode(body);
    decoded.map_err(|_| KeyStoreError::Damaged(form))
}

fn take(
    label: &str,
    mut contents: Vec<u8>,
    store: &mut KeyStore,
    work: &mut Work,
    path: &Path,
    passwords: &PasswordSource,
) -> Result<(), KeyStoreError> {
    let plain = match label {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
            // `certutil -encode` writes any file with this label.
            let found = facts::der_certificate(&contents)
                .or_else(|| pkcs7::certificates(&contents))
                .ok_or(KeyStoreError::Damaged("a PEM certificate"))?;
            store.certificates.extend(found);
            return Ok(());
        }
        "PKCS7" | "CMS" => {
            let found = pkcs7::certificates(&contents);
            store
                .certificates
                .extend(found.ok_or(KeyStoreError::Damaged("PKCS#7 in PEM"))?);
            return Ok(());
        }
        "ENCRYPTED PRIVATE KEY" => {
            let key = decrypted(&contents, work, path, passwords);
            contents.zeroize();
            store.keys.push(key?);
            return Ok(());
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => return Err(other_form::request()),
        "DSA PRIVATE KEY" => {
            contents.zeroize();
            return Err(KeyStoreError::UnsupportedKey("DSA"));
        }
        "PRIVATE KEY" => KeyForm::Pkcs8,
        "RSA PRIVATE KEY" => KeyForm::Pkcs1,
        "EC PRIVATE KEY" => KeyForm::Sec1,
        // Other blocks, such as parameters, requests and lists, do not matter here.
        _ => return Ok(()),
    };
    store.keys.push(StoredKey::new(plain, contents));
    Ok(())
}

fn decrypted(
    der: &[u8],
    work: &mut Work,
    path: &Path,
    passwords: &PasswordSource,
) -> Result<StoredKey, KeyStoreError> {
    let unknown_cipher = || KeyStoreError::UnknownKeyCipher(Cipher::of_key(der));
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| match algorithm(der) {
        Some(_) => unknown_cipher(),
        None => KeyStoreError::Damaged(KEY),
    })?;
    if !work.covers(&info.encryption_algorithm) {
        return Err(KeyStoreError::TooCostly);
    }
    let password = passwords.find(path)?.ok_or(KeyStoreError::NoPassword)?;
    let key = info.decrypt(password.as_bytes()).map_err(|error| {
        let unknown = matches!(
            error,
            Pkcs8Error::EncryptedPrivateKey(
                Pkcs5Error::UnsupportedAlgorithm { .. } | Pkcs5Error::NoPbes1CryptSupport
            )
        );
        if unknown {
            unknown_cipher()
        } else {
            KeyStoreError::WrongPassword
        }
    })?;
    Ok(StoredKey::new(KeyForm::Pkcs8, key.as_bytes().to_vec()))
}

/// Returns the identifier of the algorithm with which a key is encrypted (RFC 5958 section 3).
fn algorithm(der: &[u8]) -> Option<Oid<'_>> {
    let (_, outer) = Any::from_der(der).ok()?;
    let (_, algorithm) = Any::from_der(outer.data).ok()?;
    Some(Oid::from_der(algorithm.data).ok()?.1)
}

/// The work that may still be spent on decrypting the keys of one file, all keys together.
struct Work {
    /// Iterations of PBKDF2.
    iterations: u32,
    /// Bytes of memory that scrypt fills.
    filled: u128,
}

impl Work {
    fn of_one_file() -> Self {
        Self {
            iterations: MAX_ITERATIONS,
            filled: MAX_FILLED,
        }
    }

    /// Returns whether enough work is left for a key with `scheme`, and subtracts it.
    fn covers(&mut self, scheme: &EncryptionScheme) -> bool {
        let EncryptionScheme::Pbes2(parameters) = scheme else {
            // This scheme has at most 65,535 iterations (RFC 8018 appendix A.3) of an old, fast hash.
            return true;
        };
        match &parameters.kdf {
            Kdf::Pbkdf2(kdf) => {
                let left = self.iterations.checked_sub(kdf.iteration_count);
                left.map(|left| self.iterations = left).is_some()
            }
            Kdf::Scrypt(kdf) => {
                let blocks = u128::from(kdf.cost_parameter) * u128::from(kdf.block_size);
                let filled = blocks * 128 * u128::from(kdf.parallelization);
                let left = self.filled.checked_sub(filled);
                left.map(|left| self.filled = left).is_some()
            }
            _ => false,
        }
    }
}

const KEY: &str = "a private key in PEM";

const MARK: &[u8] = b"-----BEGIN ";

/// Maximum number of encrypted keys; a certificate file with its key has one.
pub(super) const MOST_ENCRYPTED_KEYS: usize = 4;

/// Maximum number of PBKDF2 iterations, the same as for PKCS#12: about a second. OpenSSL's own default is 2048.
const MAX_ITERATIONS: u32 = 1_000_000;

/// Maximum number of bytes that scrypt may fill, one GiB: a few seconds. OpenSSL's own default is 16 MiB.
const MAX_FILLED: u128 = 1 << 30;

#[cfg(test)]
mod tests {
    use pkcs5::pbes2::Parameters;

    use super::*;

    fn pbkdf2(iterations: u32) -> EncryptionScheme {
        let parameters =
            Parameters::generate_pbkdf2_sha256_aes256cbc(iterations, &[1; 16], [2; 16]);
        parameters.unwrap().into()
    }

    #[test]
    fn all_keys_of_a_file_share_its_work() {
        let mut work = Work::of_one_file();
        assert!(work.covers(&pbkdf2(MAX_ITERATIONS - 4_096)));
        assert!(!work.covers(&pbkdf2(MAX_ITERATIONS)));
        assert!(work.covers(&pbkdf2(2_048)));
        assert!(work.covers(&pbkdf2(2_048)));
        assert!(!work.covers(&pbkdf2(1)));
    }
}
