//! Writes the files of an identity, one process at a time and never by halves. New files are for their owner alone;
//! a file that replaces another keeps its owner, group and mode.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::file_names::FILES;
use super::lock::{Lock, PATIENCE};
use super::save_error::SaveError;

/// A change of the identity in a directory. Nobody else changes it meanwhile, whatever is read and written.
#[derive(Debug)]
pub(super) struct Change<'d> {
    directory: &'d Path,
    lock: Lock,
}

impl<'d> Change<'d> {
    /// Waits until nobody else changes what is in `directory`, which is there.
    ///
    /// # Errors
    /// Somebody else goes on changing it, or it cannot be locked.
    pub(super) fn begin(directory: &'d Path) -> Result<Self, SaveError> {
        let lock = Lock::take(directory, PATIENCE, |path| {
            // For whoever may change the identity, and nobody who may only read it: he could hold it for ever.
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

    /// Writes a new file, for those who may read the file `like`, or for its owner alone.
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

    /// Writes a file anew, for those who may read it already.
    pub(super) fn replace(&self, name: &str, text: &str) -> Result<(), SaveError> {
        let path = self.path(name);
        let replaced = temporary(self.directory, text, |file| take_rights(file, &path))
            .and_then(|file| file.persist(&path).map_err(|error| error.error));
        replaced
            .map(drop)
            .map_err(|error| SaveError::io(&path, error))
    }

    /// Puts one file in another's place.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), SaveError> {
        let to = self.path(to);
        std::fs::rename(self.path(from), &to).map_err(|error| SaveError::io(&to, error))
    }

    /// Takes back what was [created](Self::create).
    pub(super) fn remove(&self, names: &[&str]) {
        for name in names {
            let _ = std::fs::remove_file(self.path(name));
        }
    }

    /// Makes it survive a power cut.
    ///
    /// # Errors
    /// It may not.
    pub(super) fn finish(self) -> Result<(), SaveError> {
        sync(self.directory).map_err(|error| SaveError::Sync {
            directory: self.directory.to_owned(),
            error,
        })
    }

    /// Gives up a directory in which nothing has come about.
    pub(super) fn abandon(self) {
        self.lock.remove();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// A file beside the one that it will become, on disk already. Its mode is 0600 from the start, until `rights` are
/// given to it.
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

/// Gives `file` the owner, group and mode of `like`: whoever reads the one has to read the other, and the
/// server is often another user than the one who changes its files.
#[cfg(unix)]
fn take_rights(file: &File, like: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    take_owner(file, like)?;
    // Last, because a change of owner or group takes bits away.
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
    // What differs alone: an owner may name the group, and nobody but root the owner.
    let owner = (wanted.uid() != found.uid()).then(|| wanted.uid());
    fchown(file, owner, Some(wanted.gid())).map_err(|error| {
        let (path, owner, group) = (like.display(), wanted.uid(), wanted.gid());
        let reason =
            format!("{path} belongs to user {owner}, group {group}, and so must this: {error}");
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
        // A file system that does this for no directory.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// A directory cannot be opened there, and its changes are written in order.
#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Without the file's type.
#[cfg(unix)]
const MODE_BITS: u32 = 0o7777;
