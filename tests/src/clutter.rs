//! Things in a folder of runs that have the names of runs, and are none.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The names of what [`put`] makes, each with the reason why a reader of the folder leaves it out.
pub const LEFT_OUT: [(&str, &str); 3] = [
    ("forbidden.json", "Permission denied"),
    ("link.json", "No such file or directory"),
    ("pipe.json", "it is a named pipe, not a file"),
];

/// A folder with the name of a run. A reader passes over it without a message.
const FOLDER: &str = "folder.json";

/// Puts into `folder` a file that nobody may read, a link to nothing, a named pipe that nobody writes to, and a folder.
///
/// # Errors
/// Fails if one of them cannot be made.
pub fn put(folder: &Path) -> anyhow::Result<()> {
    let [forbidden, link, pipe] = LEFT_OUT.map(|(name, _)| folder.join(name));
    fs::write(&forbidden, "{}").context("a file")?;
    fs::set_permissions(&forbidden, Permissions::from_mode(0o000)).context("its permissions")?;
    symlink("nowhere.json", &link).context("a link")?;
    let made = Command::new("mkfifo").arg(&pipe).status();
    ensure!(made.context("mkfifo")?.success(), "mkfifo failed");
    fs::create_dir(folder.join(FOLDER)).context("a folder")
}

/// Checks that everything that [`put`] made is still in `folder`.
///
/// # Errors
/// Fails if something is missing.
pub fn is_there(folder: &Path) -> anyhow::Result<()> {
    let names = LEFT_OUT.iter().map(|(name, _)| *name).chain([FOLDER]);
    for name in names {
        fs::symlink_metadata(folder.join(name)).with_context(|| format!("{name} is gone"))?;
    }
    Ok(())
}
