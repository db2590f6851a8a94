//! Locks an identity's directory for one process at a time. Two processes that read, change and replace a file at the
//! same time would undo each other's changes, even a revocation.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

/// A lock that is held until it is dropped or its process ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of `directory` as soon as no other process holds it. `create` makes its file if there is none.
    ///
    /// # Errors
    /// Another process held the lock for all of `timeout`, or it cannot be taken at all.
    pub(super) fn take(
        directory: &Path,
        timeout: Duration,
        create: impl Fn(&Path) -> io::Result<()>,
    ) -> Result<Self, LockError> {
        let path = directory.join(LOCK_FILE);
        let failed = |error| LockError::Io {
            path: path.clone(),
            error,
        };
        let began = Instant::now();
        loop {
            let file = open(&path, &create).map_err(failed)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => return Ok(Self { file, path }),
                // The process that held the lock has removed the lock file, so other processes may have locked a new
                // file by now.
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            if began.elapsed() >= timeout {
                let seconds = timeout.as_secs();
                return Err(LockError::Held { path, seconds });
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Releases the lock and removes its file, for a directory that is about to be removed.
    pub(super) fn remove(self) {
        let _ = std::fs::remove_file(&self.path);
        drop(self.file);
    }
}

fn open(path: &Path, create: &impl Fn(&Path) -> io::Result<()>) -> io::Result<File> {
    let open = || OpenOptions::new().read(true).write(true).open(path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    match create(path) {
        // If the file exists by now, another process has created it.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => open(),
    }
}

/// Returns whether `path` still names `file`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let (held, named) = (file.metadata().map(identity), path.metadata().map(identity));
    matches!((held, named), (Ok(held), Ok(named)) if held == named)
}

/// Returns true, because an open file cannot be replaced on these systems.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// The reason why an identity was not changed.
#[derive(Debug, Error)]
pub enum LockError {
    #[error(
        "{} has been locked by another process for {seconds} s, and nothing was changed; wait for \
         the other `fwprobe-echo identity` command, or end it (`fuser {}` names its process)",
        path.display(), path.display()
    )]
    Held { path: PathBuf, seconds: u64 },
    #[error("{} cannot be locked, and nothing was changed: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// The name of the lock file. It is empty and never replaced, because a file that is renamed cannot serve as a lock.
pub(super) const LOCK_FILE: &str = ".lock";

/// The time to wait for the lock. A change takes a few writes to disk, so hundreds of them fit, one after the other.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn take(directory: &Path) -> Result<Lock, LockError> {
        Lock::take(directory, Duration::ZERO, |path| {
            File::create_new(path).map(drop)
        })
    }

    #[test]
    fn one_has_it_until_it_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let held = take(directory.path()).unwrap();
        let error = take(directory.path()).unwrap_err();
        assert!(matches!(error, LockError::Held { .. }), "{error}");
        drop(held);
        take(directory.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_removed_locks_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(LOCK_FILE);
        let held = take(directory.path()).unwrap();
        assert!(is_at(&held.file, &path));
        std::fs::remove_file(&path).unwrap();
        assert!(!is_at(&held.file, &path));
        let next = take(directory.path()).unwrap();
        assert!(!is_at(&held.file, &path));
        next.remove();
        assert!(!path.exists());
    }

    #[test]
    fn what_cannot_be_locked_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error = take(&directory.path().join("none")).unwrap_err();
        let path = directory.path().join("none").join(LOCK_FILE);
        let expected = format!("{} cannot be locked", path.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}
