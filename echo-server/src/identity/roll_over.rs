//! A new key and certificate, in two steps: first it lies beside the old one while clients learn its
//! pin, then it takes the old one's place. Clients that know both pins notice nothing.

use std::path::Path;

use jiff::Timestamp;
use proto::connection_string::Pin;
use thiserror::Error;

use super::directory::{create, pem, rename, sync};
use super::load::{certificate, private_key};
use super::{CERTIFICATE_FILE, Identity, KEY_FILE, LoadError, LoadErrors, MintError, SaveError};

impl Identity {
    /// Puts a new key and certificate for the same hosts beside those in `directory`, and returns the
    /// new pin.
    ///
    /// # Errors
    /// There is one already, or the identity cannot be read or written.
    pub fn begin_roll_over(directory: &Path, now: Timestamp) -> Result<Pin, RollOverError> {
        let current = Self::load(directory)?;
        let next = Self::mint(current.hosts(), current.control_port(), [], now)?;
        let key = pem("PRIVATE KEY", next.private_key.secret_der());
        let [key_path, next_key_path] = [KEY_FILE, NEXT_KEY_FILE].map(|name| directory.join(name));
        create(&next_key_path, &key, &key_path)?;
        // Last, because it is what the pin is read from.
        let [path, next_path] =
            [CERTIFICATE_FILE, NEXT_CERTIFICATE_FILE].map(|name| directory.join(name));
        create(&next_path, &pem("CERTIFICATE", &next.certificate), &path)?;
        sync(directory);
        Ok(next.pin)
    }

    /// Puts the new key and certificate in the old ones' place. If that is interrupted half way, the
    /// next call does the rest.
    ///
    /// # Errors
    /// There is nothing to be put there, or it makes no identity, or it cannot be written.
    pub fn finish_roll_over(directory: &Path) -> Result<Pin, RollOverError> {
        let steps = [
            (NEXT_KEY_FILE, KEY_FILE),
            (NEXT_CERTIFICATE_FILE, CERTIFICATE_FILE),
        ];
        let steps = steps.map(|(next, current)| (directory.join(next), directory.join(current)));
        if steps.iter().all(|(next, _)| !next.exists()) {
            return Err(RollOverError::NotBegun);
        }
        let [key, certificate] = steps
            .each_ref()
            .map(|(next, current)| if next.exists() { next } else { current });
        // Nothing is touched unless both belong together.
        let next = put_together(directory, key, certificate).map_err(LoadErrors::from)?;
        for (next, current) in &steps {
            if next.exists() {
                rename(next, current)?;
            }
        }
        sync(directory);
        Ok(next.pin)
    }
}

fn put_together(directory: &Path, key: &Path, der: &Path) -> Result<Identity, LoadError> {
    let (key, certificate) = (private_key(key)?, certificate(der)?);
    Identity::assemble(certificate, key, super::NO_CONTROL_PORT, Vec::new())
        .map_err(|problem| LoadError::unusable(directory, problem))
}

/// The pin that clients are learning, if a roll-over has begun in `directory`.
///
/// # Errors
/// The next certificate cannot be read.
pub(super) fn next_pin(directory: &Path) -> Result<Option<Pin>, LoadError> {
    let path = directory.join(NEXT_CERTIFICATE_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let pin = super::pin_of(&certificate(&path)?);
    pin.map(Some)
        .map_err(|problem| LoadError::unusable(&path, problem))
}

/// Why a roll-over went no further. What was there is still there.
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

pub(crate) const NEXT_KEY_FILE: &str = "next-server-key.pem";
pub(crate) const NEXT_CERTIFICATE_FILE: &str = "next-server-certificate.pem";
