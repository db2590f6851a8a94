//! The files of a folder of run documents: named by time and host, written as a whole, never replaced.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use probe_documents::RunDocument;
use probe_report::{Format, Look};

use crate::report_files::readable_like_any_new_file;

/// Returns the beginning of the document's file name: `2026-11-30T084705Z-head-node`. Sorted by it, files are in the
/// order of their runs.
pub(crate) fn stem(document: &RunDocument) -> String {
    let started = document.run.started.parse::<jiff::Timestamp>();
    let started = started.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let host = document.host.name.as_deref().unwrap_or_default();
    let host: String = host
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-._".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(MAX_HOST)
        .collect();
    let host = if host.is_empty() { "host" } else { &host };
    format!("{}-{host}", started.strftime("%Y-%m-%dT%H%M%SZ"))
}

/// Returns the document as a file has it.
pub(crate) fn text(document: &RunDocument) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(json) = Format::named("json") {
        // Writing to a vector does not fail.
        let _ = probe_report::write(json, document, Look::PLAIN, &mut text);
    }
    text
}

/// Writes `text` to a new file `STEM.json` in `folder`, with a number after the stem if there is such a file. Returns its
/// path.
///
/// # Errors
///
/// The file cannot be written. There is then none, not even a part of it.
pub(crate) fn write(folder: &Path, stem: &str, text: &[u8]) -> io::Result<PathBuf> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    readable_like_any_new_file(&mut builder);
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    let mut path = folder.join(format!("{stem}.json"));
    for number in 2..=MOST_ALIKE {
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                file = failed.file;
                path = folder.join(format!("{stem}-{number}.json"));
            }
            Err(failed) => return Err(failed.error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The prefix of files that are being written.
const TEMPORARY: &str = ".fwprobe-";
/// The longest name of a host in a file name, in characters.
const MAX_HOST: usize = 64;
/// The largest number of files with one stem: runs of one host that began in the same second.
const MOST_ALIKE: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for (text, name) in [
            ("first", "a.json"),
            ("second", "a-2.json"),
            ("third", "a-3.json"),
        ] {
            let path = write(folder.path(), "a", text.as_bytes()).unwrap();
            assert_eq!(path, folder.path().join(name));
        }
        let first = std::fs::read_to_string(folder.path().join("a.json")).unwrap();
        assert_eq!(first, "first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(&folder.path().join("gone"), "a", b"text").is_err());
    }
}
