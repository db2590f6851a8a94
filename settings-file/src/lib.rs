//! Reads a TOML file key by key and reports all its problems together: each problem with its place, and with what would
//! be right. Every file of both programs is read by this crate; it does no I/O.

mod defect;
mod error;
mod nearest;
mod problems;
mod section;
mod table;

use toml::de::DeTable;

pub use self::defect::Defect;
pub use self::error::{FileError, FileErrors};
pub use self::nearest::nearest;
pub use self::problems::{Problems, Reported};
pub use self::section::Section;
pub use self::table::{Field, Table};

/// The value of a key, or the fact that its problem has been reported.
pub type Read<T> = Result<T, Reported>;

/// The result of reading a file. If there are problems, the value may lack the parts that they concern.
#[derive(Debug)]
pub struct Reading<T> {
    /// The value; `None` if the file is not TOML or could not be read.
    pub value: Option<T>,
    /// All problems, in the order of the file.
    pub problems: Vec<FileError>,
}

/// Reads `text` with `build`. `section` describes the root table; `file` is quoted in the errors.
pub fn read<T>(
    file: &str,
    text: &str,
    section: &Section,
    build: impl FnOnce(&Table<'_>, &mut Problems<'_>) -> T,
) -> Reading<T> {
    if text.len() > MAX_FILE_BYTES {
        return Reading::failed(FileError::whole(file, Defect::TooLarge));
    }
    let mut problems = Problems::new(text);
    let value = match DeTable::parse(text) {
        Ok(root) => {
            let table = Table::open(section, root.get_ref(), 0, &mut problems);
            Some(build(&table, &mut problems))
        }
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            problems.report(at, Defect::syntax(error.message()));
            None
        }
    };
    Reading {
        value,
        problems: problems.finish(file),
    }
}

impl<T> Reading<T> {
    /// Returns the reading of a file that could not be read at all.
    pub fn failed(problem: FileError) -> Self {
        Self {
            value: None,
            problems: vec![problem],
        }
    }

    /// Returns the value if there are no problems.
    ///
    /// # Errors
    /// Returns all problems of the file.
    pub fn whole(self) -> Result<T, FileErrors> {
        match self.value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(FileErrors::new(self.problems)),
        }
    }
}

/// Writes a text as a TOML string, with its quotes.
pub fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// The largest file that is read, 1 MiB: room for thousands of rules, and parsed in no time.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// The longest text of one value: a path, or a connection string with many pins.
pub const MAX_TEXT_BYTES: usize = 8 * 1024;
