//! Reads the runs in a folder. Other files there are left alone, and those that cannot be read are named.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use probe_documents::RunDocument;

use crate::saved_run::load;
use crate::terminal;

/// Returns the runs in `folder`, one after the other, in the order of their file names.
///
/// Files that do not end in `.json` are not looked at. A file that is not a readable run is left out, and `left_out` gets
/// the reason.
///
/// # Errors
///
/// The folder cannot be read.
pub(super) fn runs(
    folder: &Path,
    left_out: impl Fn(&anyhow::Error),
) -> anyhow::Result<impl Iterator<Item = (PathBuf, RunDocument)>> {
    let shown = folder.display();
    let entries = std::fs::read_dir(folder).with_context(|| format!("{shown} cannot be read"))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("{shown} cannot be read"))?
            .path();
        let extension = path.extension().unwrap_or_default();
        if extension.eq_ignore_ascii_case("json") && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files.into_iter().filter_map(move |path| match load(&path) {
        Ok(document) => Some((path, document)),
        Err(error) => {
            left_out(&error);
            None
        }
    }))
}

/// Names a file that is left out.
pub(super) fn tell(error: &anyhow::Error) {
    terminal::tell(&format!("left out: {error:#}"));
}
