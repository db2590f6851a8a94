//! Loads a client certificate and its key, to present in TLS.

use std::path::Path;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use sha2::{Digest as _, Sha256};

use super::{KeyStoreError, PasswordSource, key, load};

/// A client certificate with its key, which is inside the TLS library and cannot be read back.
#[derive(Clone, Debug)]
pub(crate) struct ClientIdentity {
    pub(crate) resolver: Arc<dyn ResolvesClientCert>,
    /// The SHA-256 digest of the leaf certificate.
    pub(crate) sha256: [u8; 32],
}

/// Reads certificate and key from `path`.
///
/// # Errors
///
/// The file cannot be read, or does not contain exactly one key with its certificate.
pub(crate) fn client_identity(
    path: &Path,
    passwords: &PasswordSource,
) -> Result<ClientIdentity, KeyStoreError> {
    let mut store = load(path, passwords)?;
    if store.keys.is_empty() && !store.unusable_keys.is_empty() {
        return Err(store.unusable_keys.remove(0));
    }
    let [stored] = store.keys.as_slice() else {
        return Err(KeyStoreError::NotOneKey(store.keys.len()));
    };
    let public = key::public_key(stored).map_err(KeyStoreError::UnusableKey)?;
    let mut chain = store.certificates.clone();
    // TLS needs the leaf first; the others stay in the file's order.
    let own = chain.iter().position(|c| key::is_of(c, &public));
    let own = own.ok_or_else(|| {
        KeyStoreError::UnusableKey("it belongs to no certificate in the file".to_owned())
    })?;
    let leaf = chain.remove(own);
    let sha256 = Sha256::digest(&leaf).into();
    chain.insert(0, leaf);
    let signing = any_supported_type(&stored.der())
        .map_err(|error| KeyStoreError::UnusableKey(error.to_string()))?;
    let chain = chain.into_iter().map(CertificateDer::from).collect();
    let certified = CertifiedKey::new(chain, signing);
    Ok(ClientIdentity {
        resolver: Arc::new(SingleCertAndKey::from(certified)),
        sha256,
    })
}
