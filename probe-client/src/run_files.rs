//! Reads the runs of many nodes from folders and files, one run at a time, and of each run only the answers. A file
//! contains one run, or one run per line (`.ndjson`, `.jsonl`). A file that is not a run stops nothing.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use probe_core::excerpt::without_error_numbers;
use probe_documents::merge::{NodeRun, UnreadKind};

use crate::config::Problems;
use crate::saved_run::{MAX_BYTES, Refused, parse_answers};
use crate::{given_file, run_folder};

/// Takes a run, or the reason why there is none, with the file that it is about.
pub(crate) type Take<'a> = dyn FnMut(&str, Result<NodeRun<'_>, Refused>) + 'a;

/// Returns the files that `inputs` name: each file, and from each folder the files that may be runs, in the order of
/// their names.
///
/// # Errors
///
/// All inputs that do not exist or cannot be read.
pub(crate) fn listed(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, Problems> {
    let mut files = Vec::new();
    let mut problems = Problems::default();
    for input in inputs {
        match of_input(input) {
            Ok(found) => files.extend(found),
            Err(error) => problems.add(format!("{} cannot be read: {error}", input.display())),
        }
    }
    problems.none()?;
    Ok(files)
}

/// Reads every run in `files`. The name of a file is given up once its runs are read, since there may be as many names
/// as there are runs.
pub(crate) fn read(files: Vec<PathBuf>, take: &mut Take<'_>) {
    for file in files {
        let shown = file.display().to_string();
        if run_folder::ends_in(&file, &ONE_PER_LINE) {
            lines(&file, &shown, take);
        } else {
            whole(&file, &shown, take);
        }
    }
}

fn of_input(input: &Path) -> io::Result<Vec<PathBuf>> {
    if std::fs::metadata(input)?.is_dir() {
        run_folder::files_ending_in(input, &ENDINGS)
    } else {
        Ok(vec![input.to_owned()])
    }
}

/// Reads a file with one run.
fn whole(path: &Path, shown: &str, take: &mut Take<'_>) {
    match given_file::text(path, MAX_BYTES) {
        Ok(text) => take(shown, parse_answers(&shown, &text)),
        Err(error) => take(shown, Err(unreadable(shown, &error))),
    }
}

/// Reads a file with one run per line, one line at a time.
fn lines(path: &Path, shown: &str, take: &mut Take<'_>) {
    let mut file = match given_file::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) => return take(shown, Err(unreadable(shown, &error))),
    };
    let mut line = Vec::new();
    for number in 1_u64.. {
        let shown = format!("{shown}, line {number}");
        line.clear();
        let mut rest = file.by_ref().take(MAX_BYTES + 1);
        match rest.read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) if line.len() as u64 > MAX_BYTES => {
                let because = format!(
                    "{shown} has more than {MAX_BYTES} bytes: this line and those after it are not \
                     read"
                );
                return take(&shown, Err(Refused::new(UnreadKind::Unreadable, because)));
            }
            Ok(_) => {}
            Err(error) => return take(&shown, Err(unreadable(&shown, &error))),
        }
        let text = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line);
        let text = text.trim_ascii();
        if !text.is_empty() {
            take(&shown, one_line(text, &shown));
        }
    }
}

fn one_line<'a>(text: &'a [u8], shown: &str) -> Result<NodeRun<'a>, Refused> {
    let text = std::str::from_utf8(text).map_err(|_| {
        let because = format!("{shown} cannot be read: it is not UTF-8");
        Refused::new(UnreadKind::Unreadable, because)
    })?;
    parse_answers(&shown, text)
}

fn unreadable(shown: &str, error: &io::Error) -> Refused {
    let why = without_error_numbers(&error.to_string());
    let because = format!("{shown} cannot be read: {why}");
    Refused::new(UnreadKind::Unreadable, because)
}

/// The endings of files with one run per line.
const ONE_PER_LINE: [&str; 2] = ["ndjson", "jsonl"];
/// The endings of files that are read from a folder.
const ENDINGS: [&str; 3] = ["json", ONE_PER_LINE[0], ONE_PER_LINE[1]];
/// The byte order mark that editors on Windows write before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests {
    use probe_documents::RunDocument;

    use super::*;

    const RUN: &str = include_str!("../core/tests/scenarios/reachable-both-families.json");

    /// Returns what each file gives: the node's name, or the kind of the reason.
    fn told(files: Vec<PathBuf>) -> Vec<(String, Result<String, UnreadKind>)> {
        let mut told = Vec::new();
        read(files, &mut |source, run| {
            let run = run.map(|run| run.node().to_owned()).map_err(|refused| {
                assert!(refused.to_string().starts_with(source), "{refused}");
                refused.kind
            });
            let name = source.rsplit(['/', '\\']).next().unwrap();
            told.push((name.to_owned(), run));
        });
        told
    }

    #[test]
    fn every_kind_of_file_in_a_folder_is_read_or_named() {
        let folder = tempfile::tempdir().unwrap();
        let document: RunDocument = serde_json::from_str(RUN).unwrap();
        let line = serde_json::to_string(&document).unwrap();
        let other = RUN.replace("fwprobe.run/1", "fwprobe.run/7");
        let lines = format!("\u{feff}{line}\r\n\n{}\n{line}", &line[..100]);
        for (name, text) in [
            ("a.json", RUN),
            ("b.ndjson", &lines),
            ("c.json", "{\"runs\": []}"),
            ("d.json", &other),
            ("e.JSON", ""),
            ("notes.txt", "no run"),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        std::fs::write(folder.path().join("f.jsonl"), [b'{', 0xff, b'}']).unwrap();
        std::fs::create_dir(folder.path().join("g.json")).unwrap();
        let files = listed(&[folder.path().to_owned()]).unwrap();
        let host = || Ok("headnode".to_owned());
        let expected = [
            ("a.json", host()),
            ("b.ndjson, line 1", host()),
            ("b.ndjson, line 3", Err(UnreadKind::CutOff)),
            ("b.ndjson, line 4", host()),
            ("c.json", Err(UnreadKind::Foreign)),
            ("d.json", Err(UnreadKind::OtherVersion)),
            ("e.JSON", Err(UnreadKind::CutOff)),
            ("f.jsonl, line 1", Err(UnreadKind::Unreadable)),
        ];
        let expected = expected.map(|(name, run)| (name.to_owned(), run));
        assert_eq!(told(files), expected);
    }

    #[test]
    fn the_reason_in_an_answer_has_no_error_number() {
        let mut because = String::new();
        whole(Path::new("no-such.json"), "no-such.json", &mut |_, run| {
            because = run.err().map(|refused| refused.to_string()).unwrap();
        });
        assert!(
            because.starts_with("no-such.json cannot be read: "),
            "{because}"
        );
        assert!(!because.contains("(os error"), "{because}");
    }

    #[test]
    fn all_inputs_that_do_not_exist_are_named() {
        let inputs = ["no-such-folder", "no-such.json"].map(PathBuf::from);
        let problems = listed(&inputs).unwrap_err();
        let lines = problems.lines();
        assert!(lines[0].starts_with("no-such-folder cannot be read: "));
        assert!(lines[1].starts_with("no-such.json cannot be read: "));
    }
}
