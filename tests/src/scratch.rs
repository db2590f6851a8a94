//! Directories for a test's files, and what becomes of those that a killed test has left.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::squid_memory;

/// A temporary directory in which every user may make files, and replace none of another's: the server serves with
/// nothing that others could put in its identity's place.
pub(crate) fn open_directory() -> anyhow::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .permissions(std::fs::Permissions::from_mode(0o1777))
        .tempdir()
        .and_then(|directory| {
            // The process' mask has taken some of them away.
            std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o1777))?;
            Ok(directory)
        })
        .context("a temporary directory")
}

/// Removes the directories, and the shared memory, whose process is gone: it was killed, and could not.
///
/// # Errors
/// A folder cannot be read.
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
            // Another user's stay.
            let _ = std::fs::remove_dir_all(directory.path());
        }
    }
    // Where there is no such folder, squid has left nothing.
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

/// Whether there is one of the process with this id.
pub(crate) fn is_left_of(id: u32) -> anyhow::Result<bool> {
    let id = id.to_string();
    for entry in std::env::temp_dir().read_dir()? {
        if entry?.file_name().to_str().and_then(owner) == Some(&id) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The process that a directory of this name was made by, if it is one of ours.
fn owner(name: &str) -> Option<&str> {
    let (id, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
    Some(id)
}

const PREFIX: &str = "fwprobe-test-";

/// Writes a file that nobody else can read: its owner is whoever [`Place::ordinary`](crate::Place::ordinary) is.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let writing = || format!("writing {}", path.display());
    // One of another user's, in such a directory, takes nothing even from root.
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

/// As in `Place`.
const NOBODY: u32 = 65_534;
