//! Report files: all opened before the run starts, so that a path that cannot be written is known
//! at once; each put in its place whole, or not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use probe_core::document::RunDocument;
use tempfile::NamedTempFile;
use thiserror::Error;

use super::Look;
use crate::arguments::ReportFormat;

/// The files that a run will write.
#[derive(Debug)]
pub(crate) struct Outputs(Vec<Output>);

#[derive(Debug)]
struct Output {
    format: ReportFormat,
    path: PathBuf,
    /// Beside its final place, so that renaming it there is atomic.
    file: NamedTempFile,
}

impl Outputs {
    /// Opens a file for each `[FORMAT=]FILE`.
    ///
    /// # Errors
    /// The first that names no format or cannot be written.
    pub(crate) fn open(specifications: &[String]) -> Result<Self, OutputError> {
        specifications
            .iter()
            .map(|text| Output::open(text))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Writes every file and says where.
    ///
    /// # Errors
    /// The first that could not be written; it is then not there, or as it was before.
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
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            Some(_) | None => PathBuf::from("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".fwprobe-");
        readable_like_any_new_file(&mut builder);
        let file = builder
            .tempfile_in(&directory)
            .map_err(|error| OutputError::NotWritable {
                path: path.clone(),
                error,
            })?;
        Ok(Self { format, path, file })
    }

    fn write(mut self, document: &RunDocument) -> Result<PathBuf, OutputError> {
        let path = self.path.clone();
        let failed = |error| OutputError::NotWritable {
            path: path.clone(),
            error,
        };
        let mut buffer = Vec::new();
        super::write(self.format, document, Look::PLAIN, &mut buffer).map_err(failed)?;
        self.file.write_all(&buffer).map_err(failed)?;
        self.file.as_file().sync_all().map_err(failed)?;
        self.file
            .persist(&self.path)
            .map_err(|error| failed(error.error))?;
        Ok(self.path)
    }
}

fn specification(text: &str) -> Result<(ReportFormat, PathBuf), OutputError> {
    if let Some((format, path)) = text.split_once('=')
        && let Ok(format) = ReportFormat::from_str(format, true)
    {
        return Ok((format, PathBuf::from(path)));
    }
    let path = Path::new(text);
    let extension = path.extension().and_then(|e| e.to_str());
    match extension.and_then(of_extension) {
        Some(format) => Ok((format, path.to_owned())),
        None => Err(OutputError::NoFormat(path.to_owned())),
    }
}

fn of_extension(extension: &str) -> Option<ReportFormat> {
    match extension.to_ascii_lowercase().as_str() {
        "json" => Some(ReportFormat::Json),
        "txt" => Some(ReportFormat::Table),
        _ => None,
    }
}

/// Temporary files are private; a report is like any other file that the user makes, and the umask counts.
#[cfg(unix)]
fn readable_like_any_new_file(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable_like_any_new_file(_builder: &mut tempfile::Builder<'_, '_>) {}

/// Why a report file cannot be written.
#[derive(Debug, Error)]
pub(crate) enum OutputError {
    #[error("--output {}: its ending names no format; end it in .json or .txt, or write FORMAT=FILE (formats: table, json, hpc-step-result, hpc-step-summary)", .0.display())]
    NoFormat(PathBuf),
    #[error("--output {} is a directory; a file is wanted", .0.display())]
    Directory(PathBuf),
    #[error("--output {} cannot be written: {error}", path.display())]
    NotWritable { path: PathBuf, error: io::Error },
}
