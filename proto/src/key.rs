//! Client keys and the keys derived from them. HKDF-SHA-256 (RFC 5869) gives every direction and message type a key of
//! its own. The construction is described in docs/develop/wire.md.

use std::fmt;
use std::str::FromStr;

use hkdf::Hkdf;
use sha2::Sha256;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A nonce of either side, 32 random bytes.
pub type Nonce = [u8; 32];

/// The name of a client key, 1 to 32 characters of `A-Z a-z 0-9 - _`. It is not secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidKeyId> {
        let fits = (1..=MAX_KEY_ID).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKeyId)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key id is 1 to 32 characters of A-Z a-z 0-9 - _")]
pub struct InvalidKeyId;

/// The 256 bits that a client and the server share. They are wiped from memory when dropped, and never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the secret itself, for the one place that writes it into a key file or a connection string.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the keys for the greeting, before either side knows the other's nonce.
    pub fn for_greeting(&self) -> KeySchedule {
        KeySchedule::extract(&[], self)
    }

    /// Returns the keys for the testimony and the refusal, which are bound to the client's nonce.
    pub fn for_answer(&self, client: &Nonce) -> KeySchedule {
        KeySchedule::extract(client, self)
    }

    /// Returns the keys for everything that follows. They are bound to both nonces, so that a replay derives other
    /// keys.
    pub fn for_session(&self, client: &Nonce, server: &Nonce) -> KeySchedule {
        let mut salt = [0u8; 64];
        salt[..32].copy_from_slice(client);
        salt[32..].copy_from_slice(server);
        KeySchedule::extract(&salt, self)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One extracted HKDF key, from which the key for each purpose is expanded. The libraries that hold it wipe it from
/// memory when it is dropped.
pub struct KeySchedule(Hkdf<Sha256>);

impl KeySchedule {
    fn extract(salt: &[u8], secret: &Secret) -> Self {
        Self(Hkdf::new(Some(salt), secret.expose()))
    }

    /// Returns the key for one purpose. The `label` is part of docs/develop/wire.md.
    pub(crate) fn expand(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0u8; 32]);
        self.0
            .expand_multi_info(&[LABEL_PREFIX, label.as_bytes()], key.as_mut_slice())
            .expect("32 bytes is a length that HKDF-SHA-256 can expand to");
        key
    }
}

impl fmt::Debug for KeySchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySchedule(…)")
    }
}

const MAX_KEY_ID: usize = 32;
const LABEL_PREFIX: &[u8] = b"fwprobe/1 ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows_itself() {
        let secret = Secret::new([0xab; 32]);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    /// If a library is built without wiping, this does not compile.
    #[test]
    fn whatever_holds_a_key_wipes_it() {
        fn wipes<T: ZeroizeOnDrop>() {}
        wipes::<Secret>();
        // An HMAC and an HKDF consist of this type.
        wipes::<Sha256>();
        wipes::<chacha20::ChaChaCore<chacha20::R20, chacha20::variants::Ietf>>();
    }

    #[test]
    fn every_stage_and_label_has_its_own_key() {
        let secret = Secret::new([7; 32]);
        let keys = [
            secret.for_greeting().expand("a"),
            secret.for_greeting().expand("b"),
            secret.for_answer(&[1; 32]).expand("a"),
            secret.for_session(&[1; 32], &[2; 32]).expand("a"),
            secret.for_session(&[2; 32], &[1; 32]).expand("a"),
        ];
        for (i, a) in keys.iter().enumerate() {
            for b in &keys[i + 1..] {
                assert_ne!(a, b);
            }
        }
    }

    #[test]
    fn expansion_is_hkdf_sha256() {
        // Computed with OpenSSL: `openssl kdf -keylen 32 -kdfopt digest:SHA2-256
        // -kdfopt hexkey:0707…07 -kdfopt hexsalt:0101…01 -kdfopt info:"fwprobe/1 testimony" HKDF`.
        let key = Secret::new([7; 32])
            .for_answer(&[1; 32])
            .expand("testimony");
        assert_eq!(hex::encode(*key), OPENSSL_TESTIMONY_KEY);
    }

    #[test]
    fn key_ids_are_short_and_plain() {
        assert!("admin-1_B".parse::<KeyId>().is_ok());
        for bad in ["", "a b", "ü", "a/b", &"x".repeat(33)] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad:?}");
        }
    }

    const OPENSSL_TESTIMONY_KEY: &str =
        "1f6c202d6fbac06ac42e4dc0607e5e9bf7e7e2687755241d0081f94260b2fa43";
}
