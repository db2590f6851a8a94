//! The client keys that this server knows, and the only two ways to use them: a greeting and a control call. Unknown,
//! revoked and wrong keys take the same steps and get the same answer.

use std::collections::BTreeMap;

use proto::control_auth::{Exporter, verify};
use proto::frame::Frame;
use proto::key::{KeyId, Secret};
use proto::transcript::Transcript;
use proto::wire::{Greeting, SignedRequest};
use thiserror::Error;

/// One client key.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: KeyId,
    pub secret: Secret,
    /// The operator's note about the key's owner.
    pub label: String,
    /// Revoked keys stay listed, so that their ids are not given out again.
    pub revoked: bool,
    /// Whether the key may ask the server to read its files again.
    pub admin: bool,
}

/// All client keys of a server.
#[derive(Debug)]
pub struct Keyring {
    keys: BTreeMap<KeyId, Key>,
    /// The secret that MACs are checked against if the key id is unknown or revoked. It opens nothing: without a valid
    /// key the answer is the same, even if this check succeeds.
    decoy: Secret,
}

impl Keyring {
    /// Creates a keyring with `keys`.
    ///
    /// # Errors
    /// Two keys have the same id.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, DuplicateKeyId> {
        let mut ring = BTreeMap::new();
        for key in keys {
            if let Some(twice) = ring.insert(key.id.clone(), key) {
                return Err(DuplicateKeyId(twice.id));
            }
        }
        Ok(Self {
            keys: ring,
            decoy: Secret::new([0; 32]),
        })
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Opens the greeting in `frame`. Returns it with the key that made its MAC. The transcript can be used afterwards
    /// only if this succeeds.
    ///
    /// # Errors
    /// No valid key made this frame.
    pub(crate) fn open_greeting(
        &self,
        frame: &Frame<'_>,
        transcript: &mut Transcript,
    ) -> Result<(Greeting, &Key), Unauthenticated> {
        let claimed = frame.peek::<Greeting>().map(|greeting| greeting.key_id);
        let candidate = self.candidate(&claimed.unwrap_or_default());
        let opened = frame.open(&candidate.secret().for_greeting(), transcript);
        match (candidate, opened) {
            (Candidate::Valid(key), Ok(greeting)) => Ok((greeting, key)),
            (Candidate::Valid(_), Err(_)) | (Candidate::None { .. }, _) => Err(Unauthenticated),
        }
    }

    /// Returns the key that signed a control call. `exporter` is that of the call's TLS connection; without one no call
    /// is authentic.
    ///
    /// # Errors
    /// No valid key signed this call for this method and connection.
    pub fn verify_call(
        &self,
        method: &str,
        exporter: Option<&Exporter>,
        signed: &SignedRequest,
    ) -> Result<&Key, Unauthenticated> {
        let candidate = self.candidate(&signed.key_id);
        let bound_to = exporter.unwrap_or(&NO_EXPORTER);
        let authentic = verify(candidate.secret(), method, bound_to, signed);
        match candidate {
            Candidate::Valid(key) if authentic && exporter.is_some() => Ok(key),
            Candidate::Valid(_) | Candidate::None { .. } => Err(Unauthenticated),
        }
    }

    /// Returns the secret to check a MAC against. An unknown id takes as long as a known one, except for the few
    /// comparisons of the look-up; ids are not secret.
    fn candidate(&self, id: &str) -> Candidate<'_> {
        id.parse::<KeyId>()
            .ok()
            .and_then(|id| self.keys.get(&id))
            .filter(|key| !key.revoked)
            .map_or(Candidate::None { decoy: &self.decoy }, Candidate::Valid)
    }
}

enum Candidate<'a> {
    Valid(&'a Key),
    None { decoy: &'a Secret },
}

impl Candidate<'_> {
    fn secret(&self) -> &Secret {
        match self {
            Self::Valid(key) => &key.secret,
            Self::None { decoy } => decoy,
        }
    }
}

/// The error for two keys with the same id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the key id `{0}` is used twice")]
pub struct DuplicateKeyId(pub KeyId);

/// The error for an unknown key, a revoked key or a wrong MAC. The peer does not learn which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not authenticated")]
pub struct Unauthenticated;

const NO_EXPORTER: Exporter = [0; 32];

#[cfg(test)]
mod tests;
