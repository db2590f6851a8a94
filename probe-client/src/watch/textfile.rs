//! The file from which node_exporter or windows_exporter takes the metrics.

use std::io;
use std::path::{Path, PathBuf};

use probe_report::metrics::Exposition;
use thiserror::Error;

use super::log::Log;
use super::watched::Watched;
use crate::report_files::Target;

/// A file of `--textfile`, which is always replaced as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Textfile(PathBuf);

/// The reason why the file cannot be used.
#[derive(Debug, Error)]
pub(crate) enum TextfileError {
    #[error("--textfile {}: its name must end in .prom, because the exporters read no other file", .0.display())]
    Ending(PathBuf),
    #[error("--textfile {} cannot be written: {error}", path.display())]
    NotWritable { path: PathBuf, error: io::Error },
}

impl Textfile {
    /// Checks that the file can be written.
    ///
    /// # Errors
    ///
    /// The file's name does not end in `.prom`, or the file cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, TextfileError> {
        let path = path.to_owned();
        if path.extension().is_none_or(|ending| ending != "prom") {
            return Err(TextfileError::Ending(path));
        }
        match Target::open(&path) {
            Ok(_) => Ok(Self(path)),
            Err(error) => Err(TextfileError::NotWritable { path, error }),
        }
    }

    /// Replaces the file.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn replace(&self, text: &str) -> Result<(), TextfileError> {
        self.fill(text).map_err(|error| TextfileError::NotWritable {
            path: self.0.clone(),
            error,
        })
    }

    pub(super) fn write(&self, watched: &Watched, log: &Log) {
        if let Err(error) = self.fill(&watched.metrics(Exposition::Classic)) {
            log.problem(format!("{} cannot be written: {error}", self.0.display()));
        }
    }

    fn fill(&self, text: &str) -> io::Result<()> {
        Target::open(&self.0)?.fill(text.as_bytes())
    }
}
