//! The client keys that this server knows, and the only two ways in: a greeting and a control call.
//! Unknown, revoked and wrong keys take the same steps and give the same answer.

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
    /// The operator's note on whose key it is.
    pub label: String,
    /// Revoked keys stay listed, so that their ids are not given out again.
    pub revoked: bool,
    /// May have the server read its files again.
    pub admin: bool,
}

/// All client keys of a server.
#[derive(Debug)]
pub struct Keyring {
    keys: BTreeMap<KeyId, Key>,
    /// Checked against where there is no key to check against. It opens nothing: the answer is
    /// decided by the missing key, whatever this one says.
    decoy: Secret,
}

impl Keyring {
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

    /// The greeting in `frame` and the key that made its MAC. The transcript is only of use
    /// afterwards if this succeeds.
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

    /// The key that signed a control call. `exporter` is that of the call's TLS connection; without
    /// one nothing is authentic.
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

    /// What to check a MAC against. Finding out that there is no such key costs no less than finding
    /// one, up to the few comparisons of the look-up; ids are no secrets.
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

/// Two keys with one id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the key id `{0}` is there twice")]
pub struct DuplicateKeyId(pub KeyId);

/// Unknown key, revoked key or wrong MAC: nobody is told which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not authenticated")]
pub struct Unauthenticated;

const NO_EXPORTER: Exporter = [0; 32];

#[cfg(test)]
mod tests;
