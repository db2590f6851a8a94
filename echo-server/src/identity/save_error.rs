//! The reason why an identity could not be written.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::lock::LockError;

/// The reason why an identity was not written.
#[derive(Debug, Error)]
pub enum SaveError {
    #[error(
        "an identity exists already and is left unchanged: {}; give another --dir, or move it away",
        list(.0)
    )]
    Exists(Vec<PathBuf>),
    #[error("{} cannot be written: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "{} was changed, but a power cut may undo the change: {error}; look at it with \
         `fwprobe-echo identity show --dir {}`",
        directory.display(), directory.display()
    )]
    Sync {
        directory: PathBuf,
        error: io::Error,
    },
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl SaveError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, error }
    }
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}
