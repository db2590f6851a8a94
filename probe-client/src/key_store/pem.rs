//! PEM (RFC 7468): certificates and keys between dashes, with any text around them.

use std::path::Path;

use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::pkcs5::{EncryptionScheme, Error as Pkcs5Error};
use pkcs8::{EncryptedPrivateKeyInfoRef, Error as Pkcs8Error};
use x509_parser::pem::Pem;
use zeroize::Zeroize as _;

use super::{KeyForm, KeyStore, KeyStoreError, PasswordSource, StoredKey, facts, pkcs7, some};

pub(super) fn looks_like(bytes: &[u8]) -> bool {
    bytes.windows(MARK.len()).any(|window| window == MARK)
}

pub(super) fn decode(
    bytes: &[u8],
    path: &Path,
    passwords: &PasswordSource,
) -> Result<KeyStore, KeyStoreError> {
    let mut store = KeyStore {
        form: "PEM",
        certificates: Vec::new(),
        keys: Vec::new(),
    };
    for part in Pem::iter_from_buffer(bytes) {
        let part = part.map_err(|_| KeyStoreError::Damaged("PEM"))?;
        take(part, &mut store, path, passwords)?;
    }
    some(store)
}

fn take(
    part: Pem,
    store: &mut KeyStore,
    path: &Path,
    passwords: &PasswordSource,
) -> Result<(), KeyStoreError> {
    let Pem {
        label,
        mut contents,
    } = part;
    let plain = match label.as_str() {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
            let found = facts::der_certificate(&contents);
            store
                .certificates
                .extend(found.ok_or(KeyStoreError::Damaged("a PEM certificate"))?);
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
            let key = decrypted(&contents, path, passwords);
            contents.zeroize();
            store.keys.push(key?);
            return Ok(());
        }
        "PRIVATE KEY" => KeyForm::Pkcs8,
        "RSA PRIVATE KEY" => KeyForm::Pkcs1,
        "EC PRIVATE KEY" => KeyForm::Sec1,
        // Parameters, requests, lists: no matter here.
        _ => return Ok(()),
    };
    store.keys.push(StoredKey::new(plain, contents));
    Ok(())
}

fn decrypted(
    der: &[u8],
    path: &Path,
    passwords: &PasswordSource,
) -> Result<StoredKey, KeyStoreError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|_| KeyStoreError::Damaged("an encrypted private key"))?;
    if !affordable(&info.encryption_algorithm) {
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
            KeyStoreError::UnknownCipher
        } else {
            KeyStoreError::WrongPassword
        }
    })?;
    Ok(StoredKey::new(KeyForm::Pkcs8, key.as_bytes().to_vec()))
}

/// A file may not make its reader work for hours.
fn affordable(scheme: &EncryptionScheme) -> bool {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return true;
    };
    match &parameters.kdf {
        Kdf::Pbkdf2(kdf) => kdf.iteration_count <= MAX_ITERATIONS,
        Kdf::Scrypt(kdf) => {
            let memory = u128::from(kdf.cost_parameter) * u128::from(kdf.block_size) * 128;
            memory <= MAX_MEMORY && kdf.parallelization <= 16
        }
        _ => false,
    }
}

const MARK: &[u8] = b"-----BEGIN ";

/// The same as for PKCS#12; OpenSSL's own default is 2048.
const MAX_ITERATIONS: u32 = 1_000_000;

/// In bytes.
const MAX_MEMORY: u128 = 1 << 30;
