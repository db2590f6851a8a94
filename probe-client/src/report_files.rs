//! Report files. All are opened before the run starts, so that a path that cannot be written is known at once. Each
//! regular file is either replaced completely or left unchanged.

use std::io;
use std::path::{Path, PathBuf};

use probe_core::document::RunDocument;
use probe_report::{Format, Look};
use thiserror::Error;

use crate::report_format::{self, ReportFormat};

mod target;

use target::Target;

/// The files that a run will write.
#[derive(Debug)]
pub(crate) struct Outputs(Vec<Output>);

#[derive(Debug)]
struct Output {
    format: ReportFormat,
    path: PathBuf,
    target: Target,
}

impl Outputs {
    /// Opens a file for each `[FORMAT=]FILE`.
    ///
    /// # Errors
    ///
    /// The first entry that names no format or cannot be written.
    pub(crate) fn open(specifications: &[String]) -> Result<Self, OutputError> {
        specifications
            .iter()
            .map(|text| Output::open(text))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Writes every file and returns the paths.
    ///
    /// # Errors
    ///
    /// The first write error. The target file is left unchanged, or is not created.
    pub(crate) fn write(self, document: &RunDocument) -> Result<Vec<PathBuf>, OutputError> {
        self.0.into_iter().map(|o| o.write(document)).collect()
    }
}

impl Output {
    fn open(text: &str) -> Result<Self, OutputError> {
        let (format, path) = specification(text)?;
        if path.is_dir() {
            return Err(OutputError::Directory(path));
        }
        match Target::open(&path) {
            Ok(target) => Ok(Self {
                format,
                path,
                target,
            }),
            Err(error) => Err(OutputError::NotWritable { path, error }),
        }
    }

    fn write(self, document: &RunDocument) -> Result<PathBuf, OutputError> {
        let Self {
            format,
            path,
            target,
        } = self;
        let mut buffer = Vec::new();
        let written = probe_report::write(format, document, Look::PLAIN, &mut buffer)
            .and_then(|()| target.fill(&buffer));
        match written {
            Ok(()) => Ok(path),
            Err(error) => Err(OutputError::NotWritable { path, error }),
        }
    }
}

fn specification(text: &str) -> Result<(ReportFormat, PathBuf), OutputError> {
    if let Some((format, path)) = text.split_once('=')
        && let Some(format) = Format::named(format)
    {
        return Ok((format, PathBuf::from(path)));
    }
    let path = Path::new(text);
    let extension = path.extension().and_then(|e| e.to_str());
    match extension.and_then(Format::of_extension) {
        Some(format) => Ok((format, path.to_owned())),
        None => Err(OutputError::NoFormat(path.to_owned())),
    }
}

/// Why a report file cannot be written.
#[derive(Debug, Error)]
pub(crate) enum OutputError {
    #[error("--output {}: its ending names no format; end it in {}, or write FORMAT=FILE \
             (formats: {})", .0.display(), report_format::extensions(), report_format::names())]
    NoFormat(PathBuf),
    #[error("--output {} is a directory; give a file name", .0.display())]
    Directory(PathBuf),
    #[error("--output {} cannot be written: {error}", path.display())]
    NotWritable { path: PathBuf, error: io::Error },
}
