//! Directories for a test's files, and what becomes of those that a killed test has left.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

/// A temporary directory in which every user may make files.
pub(crate) fn open_directory() -> anyhow::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .permissions(std::fs::Permissions::from_mode(0o777))
        .tempdir()
        .and_then(|directory| {
            // The process' mask has taken some of them away.
            std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777))?;
            Ok(directory)
        })
        .context("a temporary directory")
}

/// Removes the directories whose process is gone: it was killed, and could not.
///
/// # Errors
/// The folder for temporary directories cannot be read.
pub(crate) fn sweep() -> anyhow::Result<()> {
    for entry in std::env::temp_dir().read_dir()? {
        let directory = entry?;
        let name = directory.file_name();
        let owner = name.to_str().and_then(owner);
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            // Another user's stay.
            let _ = std::fs::remove_dir_all(directory.path());
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
