//! Writes the files of runs into a folder. Each file is named by its run's time and node, is written as a whole, and is
//! never replaced.

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use probe_documents::RunDocument;
use probe_report::{Format, Look};

use crate::report_files::{readable_like_any_new_file, without_its_name};

/// The name of a run's file: `2026-11-30T084705Z-head-node.json`. Sorted by name, files are in the order of their runs.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct FileName {
    /// The time at which the run began, in whole seconds.
    pub(crate) began: Timestamp,
    /// The number that distinguishes files whose runs began in the same second: 1 for the first.
    number: u32,
    /// The node that ran fwprobe: the host's own name, unless a label names the node.
    pub(crate) host: String,
    pub(crate) extension: String,
}

impl FileName {
    /// Returns the name for a report of `document`.
    pub(crate) fn of(document: &RunDocument, extension: &str) -> Self {
        let started = document.run.started.parse::<Timestamp>();
        let host = document.host.node().unwrap_or_default();
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
        Self {
            began: whole_seconds(started.unwrap_or(Timestamp::UNIX_EPOCH)),
            number: 1,
            host: if host.is_empty() {
                "host".to_owned()
            } else {
                host
            },
            extension: extension.to_owned(),
        }
    }

    /// Reads a name; `None` if it is not one that [`FileName::of`] makes.
    pub(crate) fn read(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        let (time, rest) = stem.split_at_checked(TIME_LENGTH)?;
        let host = rest.strip_prefix('-').filter(|host| !host.is_empty())?;
        let (host, number) = match host.rsplit_once(NUMBER) {
            Some((host, number)) => (host, number.parse().ok()?),
            None => (host, 1),
        };
        let began = DateTime::strptime(TIME, time).ok()?;
        let read = Self {
            began: began.to_zoned(TimeZone::UTC).ok()?.timestamp(),
            number,
            host: host.to_owned(),
            extension: extension.to_owned(),
        };
        (read.to_string() == name).then_some(read)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.began.strftime(TIME), self.host)?;
        if self.number > 1 {
            write!(f, "{NUMBER}{}", self.number)?;
        }
        write!(f, ".{}", self.extension)
    }
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Returns the document as the content of a file.
pub(crate) fn text(document: &RunDocument) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(json) = Format::named("json") {
        // Writing to a vector does not fail.
        let _ = probe_report::write(json, document, Look::PLAIN, &mut text);
    }
    text
}

/// Checks that files can be created in `folder`, and creates the folder if it does not exist.
///
/// # Errors
///
/// The folder or a file in it cannot be created.
pub(crate) fn prepare(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder)
        .map(drop)
        .map_err(without_its_name)
}

/// Writes `text` to a new file in `folder`, with a number in its name if there are files of the same time and host.
/// Returns its path.
///
/// # Errors
///
/// The file cannot be written. No part of it is left in the folder.
pub(crate) fn write(folder: &Path, name: &FileName, text: &[u8]) -> io::Result<PathBuf> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    readable_like_any_new_file(&mut builder);
    let mut file = builder.tempfile_in(folder).map_err(without_its_name)?;
    file.as_file_mut().write_all(text)?;
    file.as_file().sync_all()?;
    let mut name = name.clone();
    name.number = next_number(folder, &name)?;
    while name.number <= MOST_ALIKE {
        let path = folder.join(name.to_string());
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                file = failed.file;
                name.number += 1;
            }
            Err(failed) => return Err(failed.error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Returns the number of a new file: one more than the highest number in `folder` among names that otherwise equal
/// `name`. Lower numbers of deleted files are not used again, since the newest file would then look like the oldest.
fn next_number(folder: &Path, name: &FileName) -> io::Result<u32> {
    let alike = alike(folder, name)?.into_iter().map(|(other, _)| other);
    let same_second = alike.filter(|other| other.began == name.began);
    let last = same_second.map(|other| other.number).max();
    Ok(last.unwrap_or(0).saturating_add(1))
}

/// Returns the regular files in `folder` that have a name like `name`: of the same host, with the same ending.
pub(crate) fn alike(folder: &Path, name: &FileName) -> io::Result<Vec<(FileName, PathBuf)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let read = entry.file_name().to_str().and_then(FileName::read);
        let read = read.filter(|read| read.host == name.host && read.extension == name.extension);
        if let Some(read) = read
            && entry.file_type()?.is_file()
        {
            files.push((read, entry.path()));
        }
    }
    Ok(files)
}

/// The form of the time in a name, and its length.
const TIME: &str = "%Y-%m-%dT%H%M%SZ";
const TIME_LENGTH: usize = "2026-11-30T084705Z".len();
/// Separates the number from the host, whose name cannot contain it.
const NUMBER: char = '~';
/// The prefix of files that are being written.
const TEMPORARY: &str = ".fwprobe-";
/// The longest name of a host in a file name, in characters.
const MAX_HOST: usize = 64;
/// The maximum number of files that differ in their number alone: runs of one host that began in the same second.
const MOST_ALIKE: u32 = 1_000;

#[cfg(test)]
mod tests {
    use probe_core::labels::{Label, Labels, NODE};

    use super::*;

    fn name() -> FileName {
        FileName::read("2026-11-30T084705Z-head-node.json").unwrap()
    }

    #[test]
    fn files_are_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for (text, ending) in [("first", ""), ("second", "~2"), ("third", "~3")] {
            let path = write(folder.path(), &name(), text.as_bytes()).unwrap();
            let name = format!("2026-11-30T084705Z-head-node{ending}.json");
            assert_eq!(path, folder.path().join(name));
        }
        let first = folder.path().join(name().to_string());
        assert_eq!(std::fs::read_to_string(first).unwrap(), "first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn the_number_of_a_deleted_file_is_not_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| write(folder.path(), &name(), text.as_bytes()).unwrap();
        let (first, _) = (write("first"), write("second"));
        std::fs::remove_file(first).unwrap();
        let third = write("third");
        assert!(third.ends_with("2026-11-30T084705Z-head-node~3.json"));
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(&folder.path().join("gone"), &name(), b"text").is_err());
    }

    #[test]
    fn a_name_is_read_as_it_was_made() {
        let text = include_str!("../core/tests/scenarios/demo.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        for (host, expected) in [
            (Some("head-node-2"), "2026-11-22T090252Z-head-node-2.html"),
            (Some("a/b~2\u{1b}"), "2026-11-22T090252Z-a-b-2-.html"),
            (None, "2026-11-22T090252Z-host.html"),
        ] {
            document.host.name = host.map(str::to_owned);
            let mut name = FileName::of(&document, "html");
            assert_eq!(name.to_string(), expected);
            name.number = 12;
            assert_eq!(FileName::read(&name.to_string()), Some(name));
        }
    }

    #[test]
    fn nodes_with_the_same_host_name_have_files_of_their_own() {
        let text = include_str!("../core/tests/scenarios/demo.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        let label = Label::new(NODE, "rack 7/n042").unwrap();
        document.host.labels = Labels::of(&[label], &[]).unwrap();
        let name = FileName::of(&document, "json");
        assert_eq!(name.to_string(), "2026-11-22T090252Z-rack-7-n042.json");
    }

    #[test]
    fn other_names_are_foreign() {
        for name in [
            "",
            ".json",
            "run.json",
            "2026-11-30.json",
            "2026-11-30T084705Z.json",
            "2026-11-30T084705Z-.json",
            "2026-11-30T084705Z-a",
            "2026-13-30T084705Z-a.json",
            "2026-11-30T084705Z-a~1.json",
            "2026-11-30T084705Z-a~02.json",
            "2026-11-30T084705Zé-a.json",
            " 2026-11-30T084705Z-a.json",
        ] {
            assert_eq!(FileName::read(name), None, "{name}");
        }
    }
}
