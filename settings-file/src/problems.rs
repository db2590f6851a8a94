//! Collects the problems of a file while it is read.

use crate::{Defect, FileError};

/// The value is wrong, and the reason is already among the problems.
#[derive(Clone, Copy, Debug)]
pub struct Reported;

/// The problems found so far, each with its byte offset in the file.
#[derive(Debug)]
pub struct Problems<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
    found: Vec<(usize, Defect)>,
}

impl<'t> Problems<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            text,
            line_starts: breaks.map(|(at, _)| at + 1).collect(),
            found: Vec::new(),
        }
    }

    /// Adds a problem at a byte offset of the file.
    pub fn report(&mut self, at: usize, defect: Defect) -> Reported {
        self.found.push((at, defect));
        Reported
    }

    /// Returns the line of a byte offset, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at) + 1
    }

    /// Returns the problems in the order of the file.
    pub(crate) fn finish(mut self, file: &str) -> Vec<FileError> {
        self.found.sort_by_key(|(at, _)| *at);
        let mut errors = Vec::with_capacity(self.found.len());
        // Columns are counted from the previous problem on, because a file with one long line may have many.
        let (mut counted, mut column) = (0, 1);
        for (at, defect) in std::mem::take(&mut self.found) {
            let line = self.line(at);
            let start = line
                .checked_sub(2)
                .map_or(0, |before| self.line_starts[before]);
            if start > counted {
                (counted, column) = (start, 1);
            }
            let passed = self.text.get(counted..at).unwrap_or_default();
            column += passed.chars().count();
            counted = at.max(counted);
            errors.push(FileError {
                file: file.to_owned(),
                place: Some((line, column)),
                defect,
            });
        }
        errors
    }
}
