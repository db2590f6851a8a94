//! The problems of one file, each with its place.

use std::fmt;

use thiserror::Error;

use crate::Defect;

/// All problems of one file, in the order of the file. Never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileErrors(Vec<FileError>);

/// One problem of a file.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[error("{file}{}: {defect}", colon(*place))]
pub struct FileError {
    /// The file, as it was named.
    pub file: String,
    /// Line and column in characters, from 1; `None` if the problem concerns the file as a whole.
    pub place: Option<(usize, usize)>,
    /// The defect at this place.
    pub defect: Defect,
}

impl FileError {
    /// Returns a problem of the file as a whole.
    pub fn whole(file: &str, defect: Defect) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            defect,
        }
    }

    /// Returns the problem of a file that could not be read.
    pub fn unreadable(file: &str, reason: impl fmt::Display) -> Self {
        Self::whole(file, Defect::Unreadable(reason.to_string()))
    }
}

impl FileErrors {
    pub(crate) fn new(problems: Vec<FileError>) -> Self {
        Self(problems)
    }

    /// Returns the problems, in the order of the file.
    pub fn problems(&self) -> &[FileError] {
        &self.0
    }
}

impl From<FileError> for FileErrors {
    fn from(problem: FileError) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, problem) in self.0.iter().enumerate() {
            let separator = if count == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FileErrors {}

fn colon(place: Option<(usize, usize)>) -> String {
    place.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"))
}
