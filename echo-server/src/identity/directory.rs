//! Writing the identity's directory: three files, never half-written. New ones are for their owner alone; one
//! that takes another's place is for whom that was for.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use proto::key::KeyId;
use tempfile::NamedTempFile;
use thiserror::Error;
use zeroize::Zeroizing;

use super::keys_file::KeysFile;
use super::mint::unused;
use super::{ClientKey, Identity, Label};
use crate::document::FileProblems;

impl Identity {
    /// Writes a new identity into `directory`, which is made if it is not there.
    ///
    /// # Errors
    /// A file of an identity is there already, or one cannot be written. Nothing is left behind.
    pub fn save_new(&self, directory: &Path) -> Result<(), SaveError> {
        let existing: Vec<_> = FILES
            .into_iter()
            .map(|name| directory.join(name))
            .filter(|path| path.symlink_metadata().is_ok())
            .collect();
        if !existing.is_empty() {
            return Err(SaveError::Exists(existing));
        }
        let made = make_private(directory).map_err(|error| SaveError::io(directory, error))?;
        let saved = self.write_all_new(directory);
        if saved.is_err() && made {
            // Only if it is empty, as it then is, unless somebody else began to use it.
            let _ = std::fs::remove_dir(directory);
        }
        saved
    }

    /// Adds a client key to the identity in `directory`, and returns it. An `admin` may have the
    /// server reload.
    ///
    /// # Errors
    /// The identity cannot be read or written.
    pub fn add_key(
        directory: &Path,
        label: Label,
        admin: bool,
        now: Timestamp,
    ) -> Result<ClientKey, ChangeError> {
        let path = directory.join(KEYS_FILE);
        let mut file = KeysFile::read(&path)?;
        let mut key = unused(&file.keys, label, now);
        key.admin = admin;
        file.keys.push(key.clone());
        replace(&path, &file)?;
        Ok(key)
    }

    /// Marks a client key of the identity in `directory` as revoked. It stays listed, so that its id
    /// is not given out again.
    ///
    /// # Errors
    /// There is no such key, or the identity cannot be read or written.
    pub fn revoke_key(directory: &Path, id: &KeyId) -> Result<(), ChangeError> {
        let path = directory.join(KEYS_FILE);
        let mut file = KeysFile::read(&path)?;
        let Some(key) = file.keys.iter_mut().find(|key| key.id == *id) else {
            let known = file.keys.iter().map(|key| key.id.to_string()).collect();
            return Err(ChangeError::NoSuchKey {
                id: id.clone(),
                known,
            });
        };
        key.revoked = true;
        replace(&path, &file)?;
        Ok(())
    }

    fn write_all_new(&self, directory: &Path) -> Result<(), SaveError> {
        let mut written: Vec<PathBuf> = Vec::new();
        for (name, text) in self.texts() {
            let path = directory.join(name);
            let result = temporary(directory, &text, None)
                .and_then(|file| file.persist_noclobber(&path).map_err(|error| error.error));
            if let Err(error) = result {
                for path in &written {
                    let _ = std::fs::remove_file(path);
                }
                return Err(SaveError::io(&path, error));
            }
            written.push(path);
        }
        sync(directory);
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

/// Makes `directory` and those above it, for the owner alone; says whether it was not there before.
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

/// A file beside the one that it will become, on disk already. Its mode is 0600 from the start, and in the
/// end, with owner and group, that of `like`.
fn temporary(directory: &Path, text: &str, like: Option<&Path>) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(".fwprobe-echo-")
        .tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    if let Some(like) = like {
        take_rights(file.as_file(), like)?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

/// Gives `file` the owner, group and mode of `like`: whoever reads the one has to read the other, and the
/// server is often another user than the one who changes its files.
#[cfg(unix)]
fn take_rights(file: &File, like: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let (wanted, found) = (like.metadata()?, file.metadata()?);
    if (wanted.uid(), wanted.gid()) != (found.uid(), found.gid()) {
        // What differs alone: an owner may name the group, and nobody but root the owner.
        let owner = (wanted.uid() != found.uid()).then(|| wanted.uid());
        fchown(file, owner, Some(wanted.gid())).map_err(|error| {
            let (path, owner, group) = (like.display(), wanted.uid(), wanted.gid());
            let reason =
                format!("{path} belongs to user {owner}, group {group}, and so must this: {error}");
            io::Error::new(error.kind(), reason)
        })?;
    }
    // Last, because a change of owner or group takes bits away.
    let mode = wanted.permissions().mode() & MODE_BITS;
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn take_rights(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Writes a new file, for those who may read `like`.
pub(super) fn create(path: &Path, text: &str, like: &Path) -> Result<(), SaveError> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let result = temporary(directory, text, Some(like))
        .and_then(|file| file.persist_noclobber(path).map_err(|error| error.error));
    match result {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(SaveError::Exists(vec![path.to_owned()]))
        }
        Err(error) => Err(SaveError::io(path, error)),
    }
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), SaveError> {
    std::fs::rename(from, to).map_err(|error| SaveError::io(to, error))
}

fn replace(path: &Path, file: &KeysFile) -> Result<(), SaveError> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let replaced = temporary(directory, &file.to_text(), Some(path))
        .and_then(|temporary| temporary.persist(path).map_err(|error| error.error));
    replaced.map_err(|error| SaveError::io(path, error))?;
    sync(directory);
    Ok(())
}

/// Makes a rename survive a power cut, where the platform can. That it cannot is no reason to fail.
pub(super) fn sync(directory: &Path) {
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
}

pub(super) fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(pem::encode(&pem::Pem::new(label, der)))
}

/// Why an identity was not written.
#[derive(Debug, Error)]
pub enum SaveError {
    #[error(
        "an identity is there already and stays as it is: {}; give another --dir, or move it away",
        list(.0)
    )]
    Exists(Vec<PathBuf>),
    #[error("{} cannot be written: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

impl SaveError {
    fn io(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, error }
    }
}

/// Why the client keys of an identity were not changed.
#[derive(Debug, Error)]
pub enum ChangeError {
    #[error(transparent)]
    Read(#[from] FileProblems),
    #[error(transparent)]
    Write(#[from] SaveError),
    #[error("there is no key `{id}`; there are: {}", known.join(", "))]
    NoSuchKey { id: KeyId, known: Vec<String> },
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

/// The server's private key, PKCS #8 in PEM.
pub(crate) const KEY_FILE: &str = "server-key.pem";
/// The server's certificate in PEM; nothing in it is secret.
pub(crate) const CERTIFICATE_FILE: &str = "server-certificate.pem";
/// The client keys.
pub(crate) const KEYS_FILE: &str = "keys.toml";

pub(super) const FILES: [&str; 3] = [KEY_FILE, CERTIFICATE_FILE, KEYS_FILE];

/// Without the file's type.
#[cfg(unix)]
const MODE_BITS: u32 = 0o7777;
