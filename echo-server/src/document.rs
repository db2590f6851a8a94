//! Reads a TOML file key by key and reports everything that is wrong with it at once, each problem with its line and
//! with what would be right.

mod defect;
mod table;

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;
use toml::de::DeTable;

pub use self::defect::Defect;
pub(crate) use self::defect::quoted;
pub(crate) use self::table::{Field, Table};

/// All problems of one file, in the order of its lines. Never empty.
#[derive(Debug)]
pub struct FileProblems(Vec<FileProblem>);

/// One problem of a file.
#[derive(Debug, Error)]
#[error("{}{}: {defect}", path.display(), colon(*line))]
pub struct FileProblem {
    /// The file, as it was named.
    pub path: PathBuf,
    /// The line, from 1; `None` if the problem concerns the file as a whole.
    pub line: Option<usize>,
    /// The problem itself.
    pub defect: Defect,
}

/// A table's name, and the keys that it may have, each with an example line.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [(&'static str, &'static str)],
}

/// The problems found so far.
pub(crate) struct Problems<'t> {
    text: &'t str,
    found: Vec<(usize, Defect)>,
}

/// The result of reading a file. If there are problems, the value lacks the parts that they concern.
pub(crate) struct Reading<T> {
    pub(crate) value: Option<T>,
    pub(crate) problems: Vec<FileProblem>,
}

/// Reads the file at `path` with `build`; `section` describes its root table.
pub(crate) fn read<T>(
    path: &Path,
    section: &'static Section,
    build: impl FnOnce(&Table<'_>, &mut Problems<'_>) -> T,
) -> Reading<T> {
    match text(path) {
        Ok(text) => parse(path, &text, section, build),
        Err(defect) => Reading {
            value: None,
            problems: vec![FileProblem {
                path: path.to_owned(),
                line: None,
                defect,
            }],
        },
    }
}

fn parse<T>(
    path: &Path,
    text: &str,
    section: &'static Section,
    build: impl FnOnce(&Table<'_>, &mut Problems<'_>) -> T,
) -> Reading<T> {
    let mut problems = Problems {
        text,
        found: Vec::new(),
    };
    let value = match DeTable::parse(text) {
        Ok(root) => {
            let table = Table::open(section, root.get_ref(), 0, &mut problems);
            Some(build(&table, &mut problems))
        }
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            problems.report(at, Defect::Syntax(quoted(error.message())));
            None
        }
    };
    Reading {
        value,
        problems: problems.finish(path),
    }
}

impl<T> Reading<T> {
    /// Returns the value if there are no problems.
    pub(crate) fn whole(self) -> Result<T, FileProblems> {
        match self.value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(FileProblems(self.problems)),
        }
    }
}

fn text(path: &Path) -> Result<String, Defect> {
    let file = std::fs::File::open(path).map_err(Defect::Unreadable)?;
    let mut text = String::new();
    let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text);
    match read.map_err(Defect::Unreadable)? as u64 {
        0..=MAX_FILE_BYTES => Ok(text),
        _ => Err(Defect::TooLarge),
    }
}

impl Problems<'_> {
    pub(crate) fn report(&mut self, at: usize, defect: Defect) {
        self.found.push((at, defect));
    }

    /// Returns the line, from 1, of a byte offset.
    pub(crate) fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().iter().take(at);
        before.filter(|byte| **byte == b'\n').count() + 1
    }

    fn finish(mut self, path: &Path) -> Vec<FileProblem> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|(at, _)| *at);
        let problem = |(at, defect)| FileProblem {
            path: path.to_owned(),
            line: Some(self.line(at)),
            defect,
        };
        found.into_iter().map(problem).collect()
    }
}

impl FileProblems {
    /// Returns the problems in the order of the file.
    pub fn problems(&self) -> &[FileProblem] {
        &self.0
    }
}

impl fmt::Display for FileProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0)
    }
}

impl std::error::Error for FileProblems {}

/// Writes each item on a line of its own.
pub(crate) fn write_lines(f: &mut fmt::Formatter<'_>, all: &[impl fmt::Display]) -> fmt::Result {
    for (count, one) in all.iter().enumerate() {
        let separator = if count == 0 { "" } else { "\n" };
        write!(f, "{separator}{one}")?;
    }
    Ok(())
}

fn colon(line: Option<usize>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

/// The maximum size of a file: room for thousands of keys or listeners.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
