//! Reads an identity from its directory, or reports all its defects.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use proto::connection_string::Pin;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use settings_file::FileErrors;
use thiserror::Error;

use super::file_names::{
    CERTIFICATE_FILE, FILES, KEY_FILE, KEYS_FILE, NEXT_CERTIFICATE_FILE, NEXT_KEY_FILE,
};
use super::keys_file::KeysFile;
use super::{Identity, NO_CONTROL_PORT, UnusableCertificate, expiry, pin_of, signing_key};
use crate::document::write_lines;

/// An identity that a server is about to use.
#[derive(Debug)]
pub(crate) struct ToServe {
    /// The identity without its next pin, which only connection strings name.
    pub(crate) identity: Identity,
    /// The reason why the next certificate cannot be used. Only commands that make connection strings need it.
    pub(crate) without_next: Option<LoadError>,
}

impl Identity {
    /// Reads the identity in `directory`.
    ///
    /// # Errors
    /// Returns everything that is missing, unreadable or wrong.
    pub fn load(directory: &Path) -> Result<Self, LoadErrors> {
        let mut errors = Vec::new();
        let identity = read(directory, None, &mut errors);
        let next_pin = noted(next_pin(directory), &mut errors);
        match identity {
            Some(identity) if errors.is_empty() => Ok(Self {
                next_pin: next_pin.flatten(),
                ..identity
            }),
            _ => Err(LoadErrors(errors)),
        }
    }

    /// Reads the part of the identity that is needed to serve from `now` on.
    ///
    /// # Errors
    /// Returns everything that is missing, unreadable or wrong, including an expired certificate.
    pub(crate) fn load_to_serve(directory: &Path, now: Timestamp) -> Result<ToServe, LoadErrors> {
        let mut errors = Vec::new();
        match read(directory, Some(now), &mut errors) {
            Some(identity) if errors.is_empty() => Ok(ToServe {
                identity,
                without_next: next_pin(directory).err(),
            }),
            _ => Err(LoadErrors(errors)),
        }
    }

    /// Returns the paths of all files of an identity in `directory`, including those of a roll-over that may have
    /// begun.
    pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
        let next = [NEXT_KEY_FILE, NEXT_CERTIFICATE_FILE];
        let names = FILES.into_iter().chain(next);
        names.map(|name| directory.join(name)).collect()
    }

    /// Returns the files in `directory` that contain secrets and that every user of this host may read.
    pub(crate) fn readable_by_all(directory: &Path) -> Vec<PathBuf> {
        let secret = [KEY_FILE, KEYS_FILE, NEXT_KEY_FILE].map(|name| directory.join(name));
        secret
            .into_iter()
            .filter(|path| is_readable_by_all(path))
            .collect()
    }
}

/// Reads an identity. Returns `None` only if `errors` says why. An expired certificate is an error if the identity is
/// to be `served` at a given time.
fn read(
    directory: &Path,
    served: Option<Timestamp>,
    errors: &mut Vec<LoadError>,
) -> Option<Identity> {
    // A file counts as missing only if that is certain. If this process may not look at a file, that is a different
    // error.
    let is_missing = |name: &str| {
        let found = directory.join(name).metadata();
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    if FILES.into_iter().all(is_missing) {
        errors.push(LoadError::None(directory.to_owned()));
        return None;
    }
    let certificate = noted(certificate(&directory.join(CERTIFICATE_FILE)), errors);
    if let (Some(certificate), Some(now)) = (&certificate, served) {
        errors.extend(expired(directory, certificate, now));
    }
    let private_key = noted(private_key(&directory.join(KEY_FILE)), errors);
    let keys = KeysFile::read(&directory.join(KEYS_FILE)).map_err(LoadError::from);
    let keys = noted(keys, errors);
    let (certificate, private_key) = certificate.zip(private_key)?;
    // Certificate and private key can be checked without the client keys.
    let is_whole = keys.is_some();
    let (control_port, keys) = keys.map_or((NO_CONTROL_PORT, Vec::new()), |file| {
        (file.control_port, file.keys)
    });
    let assembled = Identity::assemble(certificate, private_key, control_port, keys);
    let assembled = assembled.map_err(|problem| LoadError::unusable(directory, problem));
    noted(assembled, errors).filter(|_| is_whole)
}

fn noted<T>(result: Result<T, LoadError>, errors: &mut Vec<LoadError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// Returns the pin of the next certificate, if a roll-over has begun in `directory`.
///
/// # Errors
/// The next certificate cannot be read.
fn next_pin(directory: &Path) -> Result<Option<Pin>, LoadError> {
    let path = directory.join(NEXT_CERTIFICATE_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let pin = pin_of(&certificate(&path)?);
    pin.map(Some)
        .map_err(|problem| LoadError::unusable(&path, problem))
}

/// Returns the first certificate of a file.
///
/// # Errors
/// The certificate cannot be read.
pub(super) fn certificate(path: &Path) -> Result<CertificateDer<'static>, LoadError> {
    let der = CertificateDer::from_pem_file(path).map_err(|error| LoadError::pem(path, error))?;
    pin_of(&der).map_err(|problem| LoadError::unusable(path, problem))?;
    Ok(der)
}

/// Returns the first private key of a file.
///
/// # Errors
/// The key cannot be read, or its kind is not supported.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, LoadError> {
    let key = PrivateKeyDer::from_pem_file(path).map_err(|error| LoadError::pem(path, error))?;
    signing_key(&key).map_err(|problem| LoadError::unusable(path, problem))?;
    Ok(key)
}

fn expired(
    directory: &Path,
    certificate: &CertificateDer<'_>,
    now: Timestamp,
) -> Option<LoadError> {
    let expired = expiry(certificate).filter(|expired| *expired < now)?;
    Some(LoadError::Expired {
        directory: directory.to_owned(),
        expired,
        now,
    })
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

/// All reasons why an identity could not be loaded; never empty.
#[derive(Debug)]
pub struct LoadErrors(Vec<LoadError>);

/// One reason why an identity could not be loaded from a directory.
#[derive(Debug, Error)]
pub enum LoadError {
    #[error(
        "there is no identity in {}; make one with `fwprobe-echo identity new --dir {} --host HOST`",
        .0.display(), .0.display()
    )]
    None(PathBuf),
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{} does not contain the expected PEM block", path.display())]
    NotPem { path: PathBuf },
    #[error(transparent)]
    Keys(#[from] FileErrors),
    /// `path` is the file, or the directory if the problem concerns two of its files.
    #[error("{} cannot be used: {problem}", path.display())]
    Unusable {
        path: PathBuf,
        problem: UnusableCertificate,
    },
    #[error(
        "{} expired on {expired} (the clock says {now:.0}): devices that inspect TLS reject an \
         expired certificate, and fwprobe would blame the network; make a new one with \
         `fwprobe-echo identity roll-over begin --dir {}`, and follow the steps that it prints",
        directory.join(CERTIFICATE_FILE).display(), directory.display()
    )]
    Expired {
        directory: PathBuf,
        expired: Timestamp,
        now: Timestamp,
    },
}

impl LoadErrors {
    /// Returns the errors one by one.
    pub fn into_each(self) -> Vec<LoadError> {
        self.0
    }
}

impl From<LoadError> for LoadErrors {
    fn from(error: LoadError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0)
    }
}

impl std::error::Error for LoadErrors {}

impl LoadError {
    fn pem(path: &Path, error: PemError) -> Self {
        let path = path.to_owned();
        if let PemError::Io(error) = error {
            Self::Unreadable { path, error }
        } else {
            Self::NotPem { path }
        }
    }

    pub(super) fn unusable(path: &Path, problem: UnusableCertificate) -> Self {
        let path = path.to_owned();
        Self::Unusable { path, problem }
    }
}
