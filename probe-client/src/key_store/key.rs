//! Compares private keys and certificates by their public key.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::StoredKey;

/// Returns the subject public key info of `key`, in DER.
///
/// # Errors
///
/// The reason why a key of this kind or size cannot be used here.
pub(super) fn public_key(key: &StoredKey) -> Result<Vec<u8>, String> {
    let signing = any_supported_type(&key.der()).map_err(|_| NOT_USABLE.to_owned())?;
    let public = signing.public_key().ok_or_else(|| NOT_USABLE.to_owned())?;
    Ok(public.as_ref().to_vec())
}

/// Returns whether `certificate`, in DER, contains this public key.
pub(super) fn is_of(certificate: &[u8], public_key: &[u8]) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, c)| c.public_key().raw == public_key)
}

const NOT_USABLE: &str =
    "only RSA keys of 2048 to 8192 bits, P-256, P-384, P-521 and Ed25519 can be used";
