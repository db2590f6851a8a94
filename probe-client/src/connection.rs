//! Finds the connection string: in a file, the environment or the configuration file, in this order. It is never an
//! argument, which every user of the machine could read.

use std::path::{Path, PathBuf};

use proto::connection_string::{ConnectionString, InvalidConnectionString};
use thiserror::Error;

use crate::given_file;

mod wrong_kind;

/// The place where the connection string was found, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionSource {
    File(PathBuf),
    Environment,
    ConfigurationFile(PathBuf),
}

impl std::fmt::Display for ConnectionSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment => write!(f, "the variable {VARIABLE}"),
            Self::ConfigurationFile(path) => write!(f, "`connection` in {}", path.display()),
        }
    }
}

/// Reads and parses the connection string.
///
/// # Errors
///
/// No connection string was given, its file cannot be read, or it is malformed.
pub(crate) fn find(
    file: Option<&Path>,
    environment: Option<String>,
    configured: Option<(String, PathBuf)>,
) -> Result<ConnectionString, ConnectionError> {
    let (text, source) = if let Some(path) = file {
        let text = read(path)?;
        (text, ConnectionSource::File(path.to_owned()))
    } else if let Some(text) = environment {
        (text, ConnectionSource::Environment)
    } else if let Some((text, path)) = configured {
        if let Ok(metadata) = std::fs::metadata(&path) {
            refuse_what_all_may_read(&path, &metadata)?;
        }
        (text, ConnectionSource::ConfigurationFile(path))
    } else {
        return Err(ConnectionError::None);
    };
    text.parse().map_err(|problem| ConnectionError::Invalid {
        origin: source,
        problem,
    })
}

fn read(path: &Path) -> Result<String, ConnectionError> {
    let unreadable = |error: std::io::Error| ConnectionError::Unreadable {
        path: path.to_owned(),
        error,
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // A pipe can be read only once. A file of the wrong kind may be one that all users may read, such as a certificate.
    if metadata.is_file() {
        let kind = wrong_kind::found_in(path).map_err(unreadable)?;
        if let Some(kind) = kind {
            return Err(ConnectionError::WrongKind {
                path: path.to_owned(),
                kind,
            });
        }
    }
    refuse_what_all_may_read(path, &metadata)?;
    let length = metadata.len();
    if length > MAX_BYTES {
        return Err(ConnectionError::TooLong {
            path: path.to_owned(),
            length,
        });
    }
    given_file::text(path, MAX_BYTES).map_err(unreadable)
}

/// Refuses a file that all users may read or change, as the server does for its secrets.
fn refuse_what_all_may_read(
    path: &Path,
    metadata: &std::fs::Metadata,
) -> Result<(), ConnectionError> {
    match given_file::mode(metadata).filter(|mode| mode & OTHERS != 0) {
        Some(mode) => Err(ConnectionError::Exposed {
            path: path.to_owned(),
            mode,
        }),
        None => Ok(()),
    }
}

/// The reason why there is no connection string. No message repeats the secret.
#[derive(Debug, Error)]
pub(crate) enum ConnectionError {
    #[error(
        "no connection string: give --connection-file FILE, set {VARIABLE}, or put `connection \
         = \"fwprobe://…\"` into the configuration file (`fwprobe-echo identity new` makes it on \
         the server)"
    )]
    None,
    #[error("the connection file {} cannot be read: {error}", path.display())]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error(
        "{} holds a secret, and every user of this host may read or change it (mode {mode:04o}): \
         `chmod 600 {}`, and ask the server's admin for a new key if others have seen it",
        path.display(),
        path.display()
    )]
    Exposed { path: PathBuf, mode: u32 },
    #[error(
        "the connection file {} is {kind}; expected one line, \
         `fwprobe://KEYID:SECRET@HOST?pin=sha256:…`, in a file such as `fwprobe-echo identity new` \
         writes with --output",
        path.display()
    )]
    WrongKind { path: PathBuf, kind: &'static str },
    #[error("the connection file {} has {length} bytes; expected one line of \
             `fwprobe://KEYID:SECRET@HOST?pin=sha256:…`", path.display())]
    TooLong { path: PathBuf, length: u64 },
    #[error(
        "the connection string in {origin} is not usable: {problem}. Expected: \
         fwprobe://KEYID:SECRET@HOST[,HOST…]?pin=sha256:…"
    )]
    Invalid {
        origin: ConnectionSource,
        problem: InvalidConnectionString,
    },
}

/// The environment variable that holds the connection string.
pub(crate) const VARIABLE: &str = "FWPROBE_CONNECTION";

/// Mode bits that let users other than the owner and the group read or write.
const OTHERS: u32 = 0o006;

/// Maximum size in bytes; a connection string with many hosts and pins is far shorter.
const MAX_BYTES: u64 = 16 * 1024;
