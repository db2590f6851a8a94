//! Reads the user's configuration file, which holds options that need not be typed each time.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::environment::Environment;
use crate::given_file;

/// The keys of the file. All are optional; unknown keys are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileConfig {
    /// The connection string, `fwprobe://…`.
    connection: Option<String>,
    pub(super) profile: Option<String>,
    #[serde(skip)]
    path: PathBuf,
}

impl FileConfig {
    /// Returns the connection string and the file that contains it.
    pub(super) fn connection(&self) -> Option<(String, PathBuf)> {
        let text = self.connection.clone()?;
        Some((text, self.path.clone()))
    }
}

/// Reads the file `explicit`, which must exist, or the default file, which need not.
pub(super) fn read(
    explicit: Option<&Path>,
    environment: Environment<'_>,
) -> Result<FileConfig, ConfigFileError> {
    let path = match explicit {
        Some(path) => path.to_owned(),
        None => match default_path(environment).filter(|path| path.exists()) {
            Some(path) => path,
            None => return Ok(FileConfig::default()),
        },
    };
    let text = given_file::text(&path, given_file::BY_HAND).map_err(|error| {
        ConfigFileError::Unreadable {
            path: path.clone(),
            error,
        }
    })?;
    let parsed: FileConfig = toml::from_str(&text).map_err(|error| ConfigFileError::Malformed {
        path: path.clone(),
        line: error
            .span()
            .map_or(1, |span| 1 + text[..span.start].matches('\n').count()),
        message: error.message().to_owned(),
    })?;
    Ok(FileConfig { path, ..parsed })
}

fn default_path(environment: Environment<'_>) -> Option<PathBuf> {
    let (base, rest): (_, &[&str]) = if cfg!(windows) {
        (environment("APPDATA")?, &[])
    } else if let Some(base) = environment("XDG_CONFIG_HOME").filter(|b| !b.is_empty()) {
        (base, &[])
    } else {
        (environment("HOME")?, &[".config"])
    };
    let mut path = PathBuf::from(base);
    path.extend(rest);
    path.extend(["fwprobe", "config.toml"]);
    Some(path)
}

#[derive(Debug, Error)]
pub(super) enum ConfigFileError {
    #[error("the configuration file {} cannot be read: {error}", path.display())]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{}, line {line}: {message} (keys: connection, profile)", path.display())]
    Malformed {
        path: PathBuf,
        line: usize,
        message: String,
    },
}
