//! Lists the files of one of the lab's folders, sorted by name.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub(super) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in folder
        .read_dir()
        .with_context(|| folder.display().to_string())?
    {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}
