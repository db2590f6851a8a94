//! One client key, with the operator's note about it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use proto::key::{KeyId, Secret};
use rand::Rng as _;
use thiserror::Error;

/// A key that a client proves to hold. `Debug` does not show the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey {
    pub id: KeyId,
    pub label: Label,
    pub secret: Secret,
    pub created: Timestamp,
    pub revoked: bool,
    /// Whether the key may ask the server to read its files again.
    pub admin: bool,
}

impl ClientKey {
    /// Creates a key with a random id and secret.
    pub fn generate(label: Label, created: Timestamp) -> Self {
        let mut rng = rand::rng();
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        let mut id = [0; ID_BYTES];
        rng.fill_bytes(&mut id);
        let id = format!("k{}", hex::encode(id));
        Self {
            id: id
                .parse()
                .expect("a letter and hexadecimal digits are a key id"),
            label,
            secret: Secret::new(secret),
            created,
            revoked: false,
            admin: false,
        }
    }
}

/// The operator's note about the key's owner: one line of at most 64 printable characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Self, InvalidLabel> {
        let fits = !text.trim().is_empty()
            && text.chars().count() <= MAX_LABEL_CHARS
            && !text.chars().any(char::is_control);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLabel)
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a label is 1 to {MAX_LABEL_CHARS} printable characters")]
pub struct InvalidLabel;

/// The number of random bytes in an id. Ids are not secret. Two ids of 32 bits are equal by chance in one of 4,000
/// million pairs, and then another id is made.
const ID_BYTES: usize = 4;

/// The maximum length of a label in characters: it fits in a line of a log or a table.
const MAX_LABEL_CHARS: usize = 64;
