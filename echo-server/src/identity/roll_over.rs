//! Replaces key and certificate in two steps. First the new pair is stored next to the old one while clients learn its
//! pin, then it replaces the old one. Clients that know both pins notice nothing.

use std::path::Path;

use jiff::Timestamp;
use proto::connection_string::Pin;
use thiserror::Error;

use super::change::Change;
use super::directory::pem;
use super::file_names::{CERTIFICATE_FILE, KEY_FILE, NEXT_CERTIFICATE_FILE, NEXT_KEY_FILE};
use super::load::{certificate, private_key};
use super::{Identity, LoadError, LoadErrors, MintError, SaveError};

impl Identity {
    /// Stores a new key and certificate for the same hosts next to those in `directory`, and returns the new pin.
    ///
    /// # Errors
    /// A roll-over has begun already, or the identity cannot be read or written.
    pub fn begin_roll_over(directory: &Path, now: Timestamp) -> Result<Pin, RollOverError> {
        // If there is no identity, no lock file is made.
        Self::load(directory)?;
        let change = Change::begin(directory)?;
        let current = Self::load(directory)?;
        let next = Self::mint(current.hosts(), current.control_port(), [], now)?;
        let key = pem("PRIVATE KEY", next.private_key.secret_der());
        change.create(NEXT_KEY_FILE, &key, Some(KEY_FILE))?;
        // The certificate is written last, because the pin is read from it.
        let certificate = pem("CERTIFICATE", &next.certificate);
        change
            .create(NEXT_CERTIFICATE_FILE, &certificate, Some(CERTIFICATE_FILE))
            .inspect_err(|_| change.remove(&[NEXT_KEY_FILE]))?;
        change.finish()?;
        Ok(next.pin)
    }

    /// Replaces the old key and certificate with the new ones. If the replacement is interrupted, the next call
    /// completes it.
    ///
    /// # Errors
    /// There is no new key or certificate, the two do not form an identity, or the files cannot be written.
    pub fn finish_roll_over(directory: &Path) -> Result<Pin, RollOverError> {
        let is_there = |name: &str| directory.join(name).exists();
        let has_begun = || STEPS.iter().any(|(next, _)| is_there(next));
        // If no roll-over has begun, no lock file is made.
        if !has_begun() {
            return Err(RollOverError::NotBegun);
        }
        let change = Change::begin(directory)?;
        if !has_begun() {
            return Err(RollOverError::NotBegun);
        }
        let [key, certificate] = STEPS
            .map(|(next, current)| directory.join(if is_there(next) { next } else { current }));
        // No file is changed unless the new key and certificate belong together.
        let next = put_together(directory, &key, &certificate).map_err(LoadErrors::from)?;
        for (next, current) in STEPS {
            if is_there(next) {
                change.rename(next, current)?;
            }
        }
        change.finish()?;
        Ok(next.pin)
    }
}

fn put_together(directory: &Path, key: &Path, der: &Path) -> Result<Identity, LoadError> {
    let (key, certificate) = (private_key(key)?, certificate(der)?);
    Identity::assemble(certificate, key, super::NO_CONTROL_PORT, Vec::new())
        .map_err(|problem| LoadError::unusable(directory, problem))
}

/// The reason why a roll-over did not proceed. The existing files are kept.
#[derive(Debug, Error)]
pub enum RollOverError {
    #[error(
        "no roll-over has begun here; `fwprobe-echo identity roll-over begin` is the first step"
    )]
    NotBegun,
    #[error(transparent)]
    Load(#[from] LoadErrors),
    #[error(transparent)]
    Mint(#[from] MintError),
    #[error(transparent)]
    Save(#[from] SaveError),
}

/// The renames of a roll-over, from the next file to the current one, in this order.
const STEPS: [(&str, &str); 2] = [
    (NEXT_KEY_FILE, KEY_FILE),
    (NEXT_CERTIFICATE_FILE, CERTIFICATE_FILE),
];
