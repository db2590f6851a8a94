//! Reads the runs in a folder. Other files there are left alone, and the user is told which files cannot be read.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use probe_documents::RunDocument;

use crate::saved_run::load;
use crate::terminal;

/// Returns the files in `folder` that may be runs, those that end in `.json`, in the order of their names.
///
/// # Errors
///
/// The folder cannot be read.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    files_ending_in(folder, &["json"])
}

/// Returns the files in `folder` with one of these endings, in any case, in the order of their names.
///
/// # Errors
///
/// The folder cannot be read.
pub(crate) fn files_ending_in(folder: &Path, endings: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if ends_in(&path, endings) && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Returns whether the name of `file` has one of these endings, in any case.
pub(crate) fn ends_in(file: &Path, endings: &[&str]) -> bool {
    let extension = file.extension().unwrap_or_default();
    endings
        .iter()
        .any(|ending| extension.eq_ignore_ascii_case(ending))
}

/// Returns the runs in `folder`, each with its file, in the order of the file names. It reads one file at a time, and
/// tells the user which files are left out because they are not readable runs.
///
/// # Errors
///
/// The folder cannot be read.
pub(crate) fn runs(folder: &Path) -> anyhow::Result<impl Iterator<Item = (PathBuf, RunDocument)>> {
    let files = files(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    Ok(files.into_iter().filter_map(|path| match load(&path) {
        Ok(document) => Some((path, document)),
        Err(error) => {
            terminal::tell(&format!("left out: {error:#}"));
            None
        }
    }))
}

/// Returns the error for a folder without a run.
pub(crate) fn empty(folder: &Path) -> String {
    let folder = folder.display();
    format!("{folder} contains no run; expected files that `--output run.json` wrote")
}
