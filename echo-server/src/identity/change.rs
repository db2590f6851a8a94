//! Writes the files of an identity. Only one process at a time can do so, and each file is written as a whole or not at
//! all. Only the owner may read a new file; a file that replaces another keeps its owner, group and mode.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::file_names::FILES;
use super::lock::{Lock, PATIENCE};
use super::save_error::SaveError;

/// A change of the identity in a directory. No other process changes the identity while this one reads and writes it.
#[derive(Debug)]
pub(super) struct Change<'d> {
    directory: &'d Path,
    lock: Lock,
}

impl<'d> Change<'d> {
    /// Waits until no other process changes the contents of `directory`, which must exist.
    ///
    /// # Errors
    /// Another process keeps changing it, or it cannot be locked.
    pub(super) fn begin(directory: &'d Path) -> Result<Self, SaveError> {
        let lock = Lock::take(directory, PATIENCE, |path| {
            // The lock file belongs to the owner of the identity. A user who may only read the identity must not be
            // able to hold the lock for ever.
            let like = FILES.map(|name| directory.join(name));
            let like = like.iter().find(|path| path.exists());
            let file = temporary(directory, "", |file| match like {
                Some(like) => take_owner(file, like),
                None => Ok(()),
            })?;
            let kept = file.persist_noclobber(path);
            kept.map(drop).map_err(|error| error.error)
        })?;
        Ok(Self { directory, lock })
    }

    /// Writes a new file with the owner, group and mode of the file `like`. Without `like`, only the owner can read it.
    pub(super) fn create(
        &self,
        name: &str,
        text: &str,
        like: Option<&str>,
    ) -> Result<(), SaveError> {
        let (path, like) = (self.path(name), like.map(|name| self.path(name)));
        let rights = |file: &File| {
            like.as_deref()
                .map_or(Ok(()), |like| take_rights(file, like))
        };
        let result = temporary(self.directory, text, rights)
            .and_then(|file| file.persist_noclobber(&path).map_err(|error| error.error));
        match result {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(SaveError::Exists(vec![path]))
            }
            Err(error) => Err(SaveError::io(&path, error)),
        }
    }

    /// Replaces a file, and keeps its owner, group and mode.
    pub(super) fn replace(&self, name: &str, text: &str) -> Result<(), SaveError> {
        let path = self.path(name);
        let replaced = temporary(self.directory, text, |file| take_rights(file, &path))
            .and_then(|file| file.persist(&path).map_err(|error| error.error));
        replaced
            .map(drop)
            .map_err(|error| SaveError::io(&path, error))
    }

    /// Renames one file over another.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), SaveError> {
        let to = self.path(to);
        std::fs::rename(self.path(from), &to).map_err(|error| SaveError::io(&to, error))
    }

    /// Removes files that were [created](Self::create).
    pub(super) fn remove(&self, names: &[&str]) {
        for name in names {
            let _ = std::fs::remove_file(self.path(name));
        }
    }

    /// Makes the change survive a power cut.
    ///
    /// # Errors
    /// The directory could not be written to disk.
    pub(super) fn finish(self) -> Result<(), SaveError> {
        sync(self.directory).map_err(|error| SaveError::Sync {
            directory: self.directory.to_owned(),
            error,
        })
    }

    /// Removes the lock file from a directory in which no identity was made.
    pub(super) fn abandon(self) {
        self.lock.remove();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Returns a temporary file in the directory, with `text` already on disk. Its mode is 0600 until `rights` changes it.
fn temporary(
    directory: &Path,
    text: &str,
    rights: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(".fwprobe-echo-")
        .tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    rights(file.as_file())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Gives `file` the owner, group and mode of `like`. The user who may read `like` must be able to read `file`, and the
/// server often runs as a user other than the one who changes its files.
#[cfg(unix)]
fn take_rights(file: &File, like: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    take_owner(file, like)?;
    // The mode is set last, because a change of owner or group clears some of its bits.
    let mode = like.metadata()?.permissions().mode() & MODE_BITS;
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(unix)]
fn take_owner(file: &File, like: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let (wanted, found) = (like.metadata()?, file.metadata()?);
    if (wanted.uid(), wanted.gid()) == (found.uid(), found.gid()) {
        return Ok(());
    }
    // Only rights that differ are changed: an owner may set the group, but only root may set the owner.
    let owner = (wanted.uid() != found.uid()).then(|| wanted.uid());
    fchown(file, owner, Some(wanted.gid())).map_err(|error| {
        let (path, owner, group) = (like.display(), wanted.uid(), wanted.gid());
        let reason = format!(
            "this file needs the same owner as {path} (user {owner}, group {group}): {error}"
        );
        io::Error::new(error.kind(), reason)
    })
}

#[cfg(not(unix))]
fn take_rights(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn take_owner(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        // This file system cannot do this for directories.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// Does nothing, because a directory cannot be opened on these systems, and its changes are written in order.
#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The bits of a mode without the file's type.
#[cfg(unix)]
const MODE_BITS: u32 = 0o7777;
