//! `--keep`: deletes the oldest files of a folder, but only files that fwprobe named itself on this host.

use std::io;
use std::path::Path;

use jiff::SignedDuration;

use crate::document_file::{FileName, alike};

/// The files to keep, among those of one host and one format in a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keep {
    /// The newest files, up to this number.
    Files(usize),
    /// The files of runs that began at most this many days before the last one.
    Days(u32),
}

impl Keep {
    /// Reads `100` (files) or `30d` (days).
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "expected a number of files such as 100, or of days such as 30d".to_owned();
        let (digits, is_days) = match text.strip_suffix('d') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        match digits.parse::<u32>() {
            Ok(days @ 1..=MOST_DAYS) if is_days => Ok(Self::Days(days)),
            Ok(files @ 1..) if !is_days => Ok(Self::Files(files as usize)),
            Ok(_) | Err(_) => Err(wrong()),
        }
    }

    /// Deletes the files that are no longer kept once `written` is there, and returns their number. `written` itself is
    /// never deleted.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, or a file cannot be deleted. The other files are still deleted.
    pub(crate) fn apply(self, written: &Path) -> io::Result<usize> {
        let (Some(folder), Some(newest)) = (written.parent(), name(written)) else {
            return Ok(0);
        };
        let mut files = alike(folder, &newest)?;
        files.sort_unstable();
        let count = files.len();
        let is_superfluous = |index: usize, file: &FileName| match self {
            Self::Files(most) => count - index > most,
            Self::Days(days) => {
                let longest = SignedDuration::from_hours(24 * i64::from(days));
                newest.began.duration_since(file.began) > longest
            }
        };
        let (mut deleted, mut failed) = (0, None);
        for (index, (file, path)) in files.iter().enumerate() {
            if path == written || !is_superfluous(index, file) {
                continue;
            }
            match std::fs::remove_file(path) {
                Ok(()) => deleted += 1,
                // Another program has deleted the file already.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(deleted), Err)
    }
}

fn name(path: &Path) -> Option<FileName> {
    FileName::read(path.file_name()?.to_str()?)
}

/// The maximum number of days, a hundred years.
const MOST_DAYS: u32 = 36_525;

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = "2026-11-30T080000Z-a.json";

    /// Returns the names that are left of `names` and [`WRITTEN`], sorted.
    fn left(keep: Keep, names: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for name in names.iter().chain([&WRITTEN]) {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        let before = names.len() + 1;
        let deleted = keep.apply(&folder.path().join(WRITTEN)).unwrap();
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut left: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort_unstable();
        assert_eq!(before - left.len(), deleted);
        left
    }

    #[test]
    fn the_oldest_go_first() {
        let names = [
            "2026-11-28T080000Z-a.json",
            "2026-11-29T080000Z-a.json",
            "2026-11-29T080000Z-a~2.json",
            "2026-11-29T080000Z-a~10.json",
        ];
        let two = ["2026-11-29T080000Z-a~10.json", WRITTEN];
        assert_eq!(left(Keep::Files(2), &names), two);
        assert_eq!(left(Keep::Files(5), &names).len(), 5);
        assert_eq!(left(Keep::Days(1), &names).len(), 4);
        assert_eq!(left(Keep::Days(2), &names).len(), 5);
    }

    #[test]
    fn foreign_files_stay() {
        let foreign = [
            "2020-11-30T080000Z-a.html",
            "2020-11-30T080000Z-a-2.json",
            "2020-11-30T080000Z-b.json",
            "2020-11-30T080000Z.json",
            "notes.json",
        ];
        for keep in [Keep::Files(1), Keep::Days(1)] {
            assert_eq!(left(keep, &foreign).len(), foreign.len() + 1);
        }
    }

    #[test]
    fn the_file_just_written_stays_even_if_its_clock_was_set_back() {
        let later = ["2027-11-30T080000Z-a.json", "2028-11-30T080000Z-a.json"];
        assert_eq!(left(Keep::Files(1), &later), [WRITTEN, later[1]]);
        assert_eq!(left(Keep::Days(1), &later).len(), 3);
    }

    #[test]
    fn a_folder_with_such_a_name_stays() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("2020-11-30T080000Z-a.json");
        std::fs::create_dir(&inner).unwrap();
        let written = folder.path().join(WRITTEN);
        std::fs::write(&written, "{}").unwrap();
        assert_eq!(Keep::Days(1).apply(&written).unwrap(), 0);
        assert!(inner.is_dir());
    }

    #[test]
    fn numbers_are_files_and_d_is_days() {
        assert_eq!(Keep::parse("100"), Ok(Keep::Files(100)));
        assert_eq!(Keep::parse("30d"), Ok(Keep::Days(30)));
        for wrong in ["", "0", "0d", "d", "-1", "1h", "36526d", "1.5"] {
            assert!(Keep::parse(wrong).is_err(), "{wrong}");
        }
    }
}
