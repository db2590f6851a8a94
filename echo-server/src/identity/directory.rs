//! The identity's directory: three files, readable by their owner alone, and never half-written.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use proto::key::KeyId;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::NamedTempFile;
use thiserror::Error;
use zeroize::Zeroizing;

use super::keys_file::KeysFile;
use super::mint::unused;
use super::roll_over::{NEXT_KEY_FILE, next_pin};
use super::{ClientKey, Identity, Label, UnusableCertificate};
use crate::document::FileProblems;

impl Identity {
    /// Reads the identity in `directory`.
    ///
    /// # Errors
    /// A file is missing, unreadable or wrong.
    pub fn load(directory: &Path) -> Result<Self, LoadError> {
        // Only if that is certain: files that may not be looked at are another problem.
        let is_missing = |name: &str| {
            let found = directory.join(name).metadata();
            found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        if FILES.into_iter().all(is_missing) {
            return Err(LoadError::None(directory.to_owned()));
        }
        let certificate_path = directory.join(CERTIFICATE_FILE);
        let certificate = CertificateDer::from_pem_file(&certificate_path)
            .map_err(|error| LoadError::pem(&certificate_path, error))?;
        let key_path = directory.join(KEY_FILE);
        let private_key = PrivateKeyDer::from_pem_file(&key_path)
            .map_err(|error| LoadError::pem(&key_path, error))?;
        let KeysFile { control_port, keys } = KeysFile::read(&directory.join(KEYS_FILE))?;
        let mut identity =
            Self::assemble(certificate, private_key, control_port, keys).map_err(|problem| {
                LoadError::Unusable {
                    directory: directory.to_owned(),
                    problem,
                }
            })?;
        identity.next_pin = next_pin(directory)?;
        Ok(identity)
    }

    /// Files in `directory` that hold secrets and that every user of this host may read.
    pub(crate) fn readable_by_all(directory: &Path) -> Vec<PathBuf> {
        let secret = [KEY_FILE, KEYS_FILE, NEXT_KEY_FILE].map(|name| directory.join(name));
        secret
            .into_iter()
            .filter(|path| is_readable_by_all(path))
            .collect()
    }

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
            let result = temporary(directory, &text)
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

#[cfg(unix)]
fn is_readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let others = 0o004;
    path.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & others != 0)
}

#[cfg(not(unix))]
fn is_readable_by_all(_: &Path) -> bool {
    false
}

/// A file beside the one that it will become, on disk already. Its mode is 0600 from the start.
fn temporary(directory: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(".fwprobe-echo-")
        .tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Writes a new file for the owner alone.
pub(super) fn create(path: &Path, text: &str) -> Result<(), SaveError> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let result = temporary(directory, text)
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
    let replaced = temporary(directory, &file.to_text())
        .and_then(|temporary| temporary.persist(path).map_err(|error| error.error));
    replaced.map_err(|error| SaveError::io(path, error))?;
    sync(directory);
    Ok(())
}

/// Makes a rename survive a power cut, where the platform can. That it cannot is no reason to fail.
pub(super) fn sync(directory: &Path) {
    if let Ok(directory) = std::fs::File::open(directory) {
        let _ = directory.sync_all();
    }
}

pub(super) fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(pem::encode(&pem::Pem::new(label, der)))
}

/// Why an identity cannot be had from a directory.
#[derive(Debug, Error)]
pub enum LoadError {
    #[error(
        "there is no identity in {}; make one with `fwprobe-echo identity new --dir {} --host HOST`",
        .0.display(), .0.display()
    )]
    None(PathBuf),
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{} is no such file in PEM", path.display())]
    NotPem { path: PathBuf },
    #[error(transparent)]
    Keys(#[from] FileProblems),
    #[error("the identity in {} cannot be used: {problem}", directory.display())]
    Unusable {
        directory: PathBuf,
        problem: UnusableCertificate,
    },
}

impl LoadError {
    pub(super) fn pem(path: &Path, error: PemError) -> Self {
        let path = path.to_owned();
        if let PemError::Io(error) = error {
            Self::Unreadable { path, error }
        } else {
            Self::NotPem { path }
        }
    }
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

const FILES: [&str; 3] = [KEY_FILE, CERTIFICATE_FILE, KEYS_FILE];
