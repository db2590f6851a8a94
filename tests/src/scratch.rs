//! Directories for a test's files, and the removal of directories that killed tests have left.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::squid_memory;

/// Makes a temporary directory in which every user may create files but cannot replace another user's (sticky bit).
///
/// The server needs this: it refuses to serve an identity whose files others could replace.
pub(crate) fn open_directory() -> anyhow::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .permissions(std::fs::Permissions::from_mode(0o1777))
        .tempdir()
        .and_then(|directory| {
            // The umask has removed some of the permission bits.
            std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o1777))?;
            Ok(directory)
        })
        .context("a temporary directory")
}

/// Removes the directories and the shared memory of test processes that were killed.
///
/// # Errors
/// Fails if a folder cannot be read.
pub(crate) fn sweep() -> anyhow::Result<()> {
    let is_left = |id: &str| !Path::new("/proc").join(id).exists();
    for entry in std::env::temp_dir().read_dir()? {
        let directory = entry?;
        if directory
            .file_name()
            .to_str()
            .and_then(owner)
            .is_some_and(is_left)
        {
            // Directories of other users cannot be removed, and stay.
            let _ = std::fs::remove_dir_all(directory.path());
        }
    }
    // If the folder does not exist, squid has left nothing there.
    for entry in Path::new(squid_memory::FOLDER)
        .read_dir()
        .into_iter()
        .flatten()
    {
        let file = entry?;
        let name = file.file_name();
        if name
            .to_str()
            .and_then(squid_memory::owner)
            .is_some_and(is_left)
        {
            let _ = std::fs::remove_file(file.path());
        }
    }
    Ok(())
}

/// Returns whether the process with this id has left a directory.
pub(crate) fn is_left_of(id: u32) -> anyhow::Result<bool> {
    let id = id.to_string();
    for entry in std::env::temp_dir().read_dir()? {
        if entry?.file_name().to_str().and_then(owner) == Some(&id) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the id of the process that made the directory of this name, or `None` if the directory is not ours.
fn owner(name: &str) -> Option<&str> {
    let (id, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
    Some(id)
}

const PREFIX: &str = "fwprobe-test-";

/// Writes a file that only the user of [`Place::ordinary`](crate::Place::ordinary) can read; that user owns it.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let writing = || format!("writing {}", path.display());
    // In a sticky directory, even root cannot write to an existing file of another user.
    if path.exists() {
        std::fs::remove_file(path).with_context(writing)?;
    }
    std::fs::write(path, text).with_context(writing)?;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, private).with_context(writing)?;
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).with_context(writing)?;
    }
    Ok(())
}

/// The user and group id of `nobody`, as in `Place`.
const NOBODY: u32 = 65_534;
