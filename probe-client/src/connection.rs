//! Where the connection string comes from: a file, the environment or the configuration file, in
//! this order. Never an argument, which every user of the machine could read.

use std::path::{Path, PathBuf};

use proto::connection_string::{ConnectionString, InvalidConnectionString};
use thiserror::Error;

/// Where it was found, for messages.
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

/// Reads and parses it.
///
/// # Errors
/// None was given, its file cannot be read, or it is malformed.
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
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_BYTES {
        return Err(ConnectionError::TooLong {
            path: path.to_owned(),
            length,
        });
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// Why there is no connection string. No message repeats the secret.
#[derive(Debug, Error)]
pub(crate) enum ConnectionError {
    #[error(
        "no connection string: give --connection-file FILE, set {VARIABLE}, or put `connection = \"fwprobe://…\"` \
         into the configuration file (`fwprobe-echo identity new` prints it on the server)"
    )]
    None,
    #[error("the connection file {} cannot be read: {error}", path.display())]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("the connection file {} has {length} bytes; one line of `fwprobe://KEYID:SECRET@HOST?pin=sha256:…` is wanted", path.display())]
    TooLong { path: PathBuf, length: u64 },
    #[error(
        "the connection string in {origin} is not usable: {problem}. Wanted: fwprobe://KEYID:SECRET@HOST[,HOST…]?pin=sha256:…"
    )]
    Invalid {
        origin: ConnectionSource,
        problem: InvalidConnectionString,
    },
}

/// The environment variable.
pub(crate) const VARIABLE: &str = "FWPROBE_CONNECTION";

/// A connection string of many hosts and pins is far shorter.
const MAX_BYTES: u64 = 16 * 1024;
