//! Changes the identity in a directory: creates the files, adds and revokes client keys.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use proto::connection_string::ConnectionString;
use proto::key::KeyId;
use settings_file::FileErrors;
use thiserror::Error;
use zeroize::Zeroizing;

use super::change::Change;
use super::file_names::{CERTIFICATE_FILE, FILES, KEY_FILE, KEYS_FILE};
use super::keys_file::KeysFile;
use super::mint::unused;
use super::save_error::SaveError;
use super::{ClientKey, Identity, Label, LoadErrors};

impl Identity {
    /// Writes a new identity into `directory`, which is created if it does not exist.
    ///
    /// # Errors
    /// A file of an identity exists already, or one cannot be written. Nothing is left behind.
    pub fn save_new(&self, directory: &Path) -> Result<(), SaveError> {
        // This is checked before the lock file is created.
        refuse_existing(directory)?;
        let made = make_private(directory).map_err(|error| SaveError::io(directory, error))?;
        let change = Change::begin(directory).inspect_err(|_| remove_made(directory, made))?;
        // Another process may have created the files meanwhile.
        let saved = refuse_existing(directory).and_then(|()| self.write_all_new(&change));
        if saved.is_err() && made {
            change.abandon();
            remove_made(directory, made);
            return saved;
        }
        saved.and_then(|()| change.finish())
    }

    /// Adds a client key to the identity in `directory`, and returns it. An `admin` may ask the server to reload.
    ///
    /// # Errors
    /// The identity cannot be read or written.
    pub fn add_key(
        directory: &Path,
        label: Label,
        admin: bool,
        now: Timestamp,
    ) -> Result<ClientKey, ChangeError> {
        change_keys(directory, |keys| Ok(added(keys, label, admin, now)))
    }

    /// Adds a client key to the identity in `directory`. Returns it with the connection string that its owner needs.
    /// Both come from the same state of the files, and are returned only once the key is on disk.
    ///
    /// # Errors
    /// A part of the identity cannot be read, or the client keys cannot be written.
    pub fn add_key_to_connect(
        directory: &Path,
        label: Label,
        admin: bool,
        now: Timestamp,
    ) -> Result<(ClientKey, ConnectionString), ChangeError> {
        // The whole identity is read first: a key without a connection string cannot be used.
        Self::load(directory)?;
        change_keys(directory, |keys| {
            let identity = Self::load(directory)?;
            let key = added(keys, label, admin, now);
            let string = identity.connection_string(&key);
            Ok((key, string))
        })
    }

    /// Marks a client key of the identity in `directory` as revoked. It stays listed, so that its id is not given out
    /// again.
    ///
    /// # Errors
    /// There is no key with this id, or the identity cannot be read or written.
    pub fn revoke_key(directory: &Path, id: &KeyId) -> Result<(), ChangeError> {
        change_keys(directory, |keys| {
            let Some(key) = keys.iter_mut().find(|key| key.id == *id) else {
                let known = keys.iter().map(|key| key.id.to_string()).collect();
                return Err(ChangeError::NoSuchKey {
                    id: id.clone(),
                    known,
                });
            };
            key.revoked = true;
            Ok(())
        })
    }

    fn write_all_new(&self, change: &Change<'_>) -> Result<(), SaveError> {
        let mut written = Vec::new();
        for (name, text) in self.texts() {
            if let Err(error) = change.create(name, &text, None) {
                change.remove(&written);
                return Err(error);
            }
            written.push(name);
        }
        Ok(())
    }

    fn texts(&self) -> [(&'static str, Zeroizing<String>); 3] {
        let keys = KeysFile {
            control_port: self.control_port,
            keys: self.keys.clone(),
        };
        [
            (KEY_FILE, pem("PRIVATE KEY", self.private_key.secret_der())),
            (CERTIFICATE_FILE, pem("CERTIFICATE", &self.certificate)),
            (KEYS_FILE, keys.to_text()),
        ]
    }
}

/// Reads, changes and writes the client keys, while no other process can change them. The value from `change` is
/// returned only once everything is on disk.
fn change_keys<T>(
    directory: &Path,
    change: impl FnOnce(&mut Vec<ClientKey>) -> Result<T, ChangeError>,
) -> Result<T, ChangeError> {
    let path = directory.join(KEYS_FILE);
    // If there is no identity, no lock file is made.
    KeysFile::read(&path)?;
    let writing = Change::begin(directory)?;
    let mut file = KeysFile::read(&path)?;
    let value = change(&mut file.keys)?;
    writing.replace(KEYS_FILE, &file.to_text())?;
    writing.finish()?;
    Ok(value)
}

fn added(keys: &mut Vec<ClientKey>, label: Label, admin: bool, now: Timestamp) -> ClientKey {
    let mut key = unused(keys, label, now);
    key.admin = admin;
    keys.push(key.clone());
    key
}

fn refuse_existing(directory: &Path) -> Result<(), SaveError> {
    let existing: Vec<_> = FILES
        .into_iter()
        .map(|name| directory.join(name))
        .filter(|path| path.symlink_metadata().is_ok())
        .collect();
    if existing.is_empty() {
        Ok(())
    } else {
        Err(SaveError::Exists(existing))
    }
}

/// Removes a directory that was `made` for an identity which could not be written.
fn remove_made(directory: &Path, made: bool) {
    if made {
        // This removes only an empty directory. It is empty, unless another process has begun to use it.
        let _ = std::fs::remove_dir(directory);
    }
}

/// Creates `directory` and its parents for the owner alone. Returns whether it was missing before.
fn make_private(directory: &Path) -> io::Result<bool> {
    if directory.is_dir() {
        return Ok(false);
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(directory).map(|()| true)
}

pub(super) fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(pem::encode(&pem::Pem::new(label, der)))
}

/// The reason why the client keys of an identity were not changed.
#[derive(Debug, Error)]
pub enum ChangeError {
    #[error(transparent)]
    Read(#[from] FileErrors),
    #[error(transparent)]
    Load(#[from] LoadErrors),
    #[error(transparent)]
    Write(#[from] SaveError),
    #[error("there is no key `{id}`; there are: {}", known.join(", "))]
    NoSuchKey { id: KeyId, known: Vec<String> },
}
