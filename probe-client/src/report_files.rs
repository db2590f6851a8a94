//! Report files. All are opened before the run starts, so that fwprobe reports beforehand which path cannot be written.
//! Each regular file is either replaced completely or left unchanged. In a folder, each run gets a file of its own.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use probe_documents::RunDocument;
use probe_documents::diff::Diff;
use probe_documents::merge::MergeDocument;
use probe_report::{Format, Look};
use thiserror::Error;

use crate::document_file::{self, FileName};
use crate::report_format::{self, ReportFormat, TEMPLATE_PREFIX};
use crate::signed_url::{self, path_without_secrets};

mod target;

pub(crate) use target::{Target, readable_like_any_new_file, without_its_name};

/// The files that a run will write.
#[derive(Debug)]
pub(crate) struct Outputs(Vec<Output>);

/// A file that was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) path: PathBuf,
    pub(crate) format: ReportFormat,
    /// Whether the user named only the folder, so that fwprobe chose the file's name.
    pub(crate) in_folder: bool,
}

/// The result of writing a run's files: if one cannot be written, the others still are.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) written: Vec<Written>,
    pub(crate) failed: Vec<OutputError>,
}

#[derive(Debug)]
struct Output {
    format: ReportFormat,
    path: PathBuf,
    place: Place,
}

/// Where a report goes.
#[derive(Debug)]
enum Place {
    File(Target),
    /// A new file in a folder, with this extension.
    Folder(&'static str),
}

impl Outputs {
    /// Opens a file for each `[FORMAT=]FILE`, and a folder for each `[FORMAT=]DIR/`.
    ///
    /// # Errors
    ///
    /// The first entry that names no format, cannot be written, or names the same file as an earlier entry.
    pub(crate) fn open(specifications: &[String]) -> Result<Self, OutputError> {
        let mut all: Vec<Output> = Vec::new();
        for text in specifications {
            if signed_url::split(text).is_some() {
                return Err(OutputError::Url(signed_url::without_secrets(text)));
            }
            if signed_url::is_mistyped(text) {
                return Err(OutputError::Mistyped(signed_url::without_secrets(text)));
            }
            let output = Output::open(text)?;
            if all.iter().any(|other| other.is_same_place(&output)) {
                return Err(OutputError::Twice(output.path));
            }
            all.push(output);
        }
        Ok(Self(all))
    }

    /// Returns these files if none of them is one of `inputs`, the files that the command reads.
    ///
    /// # Errors
    ///
    /// The first file that is one of `inputs`: it would be replaced.
    pub(crate) fn sparing<'p>(
        self,
        inputs: impl IntoIterator<Item = &'p Path>,
    ) -> Result<Self, OutputError> {
        for input in inputs {
            let is_file = |output: &&Output| matches!(output.place, Place::File(_));
            let mut files = self.0.iter().filter(is_file);
            if let Some(output) = files.find(|output| is_one_file(&output.path, input)) {
                return Err(OutputError::Input(output.path.clone()));
            }
        }
        Ok(self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether one of the files is an HTML report.
    pub(crate) fn has_html(&self) -> bool {
        self.0.iter().any(|output| output.format.is_html())
    }

    /// Returns the first folder among the outputs.
    pub(crate) fn folder(&self) -> Option<&Path> {
        let mut all = self.0.iter();
        let folder = all.find(|output| matches!(output.place, Place::Folder(_)))?;
        Some(&folder.path)
    }

    /// Writes every file. A file that cannot be written is left unchanged, or is not created.
    pub(crate) fn write(self, document: &RunDocument) -> Filled {
        let name = |extension: &str| Some(FileName::of(document, extension));
        self.fill(name, |format, out| format.write(document, Look::PLAIN, out))
    }

    /// Writes the difference between two runs into every file, as [`write`](Self::write) does. It fails for a format
    /// that has no form for a difference.
    pub(crate) fn write_diff(self, diff: &Diff, after: &RunDocument) -> Filled {
        let name = |extension: &str| Some(FileName::of(after, extension));
        self.fill(name, |format, out| {
            format.write_diff(diff, Look::PLAIN, out)
        })
    }

    /// Writes the answer of many nodes into every file, as [`write`](Self::write) does. It fails for a folder, and for
    /// a format that has no form for many nodes.
    pub(crate) fn write_merge(self, merge: &MergeDocument) -> Filled {
        self.fill(
            |_: &str| None,
            |format, out| format.write_merge(merge, Look::PLAIN, out),
        )
    }

    /// Returns the first file whose format has no form for the difference between two runs.
    pub(crate) fn without_diff(&self) -> Option<&Path> {
        let mut all = self.0.iter();
        let unable = all.find(|output| !output.format.has_diff())?;
        Some(&unable.path)
    }

    /// Returns the first file whose format has no form for the answer of many nodes.
    pub(crate) fn without_merge(&self) -> Option<&Path> {
        let mut all = self.0.iter();
        let unable = all.find(|output| !output.format.has_merge())?;
        Some(&unable.path)
    }

    fn fill(
        self,
        name: impl Fn(&str) -> Option<FileName>,
        write: impl Fn(&ReportFormat, &mut dyn Write) -> io::Result<()>,
    ) -> Filled {
        let mut filled = Filled {
            written: Vec::new(),
            failed: Vec::new(),
        };
        for output in self.0 {
            match output.fill(&name, &write) {
                Ok(written) => filled.written.push(written),
                Err(error) => filled.failed.push(error),
            }
        }
        filled
    }
}

impl Output {
    fn open(text: &str) -> Result<Self, OutputError> {
        let (format, path) = specification(text)?;
        if path.as_os_str().is_empty() {
            return Err(OutputError::NoFile(signed_url::without_secrets(text)));
        }
        let place = if is_folder(&path) {
            let Some(extension) = format.extension() else {
                return Err(OutputError::NoEnding(path));
            };
            document_file::prepare(&path).map(|()| Place::Folder(extension))
        } else {
            Target::open(&path).map(Place::File)
        };
        match place {
            Ok(place) => Ok(Self {
                format,
                path,
                place,
            }),
            Err(error) => Err(OutputError::NotWritable { path, error }),
        }
    }

    /// Returns whether both outputs write to the same file, by whatever name. Different formats may share a folder.
    fn is_same_place(&self, other: &Self) -> bool {
        if let (Place::Folder(one), Place::Folder(two)) = (&self.place, &other.place)
            && one != two
        {
            return false;
        }
        is_one_file(&self.path, &other.path)
    }

    fn fill(
        self,
        name: impl Fn(&str) -> Option<FileName>,
        write: impl Fn(&ReportFormat, &mut dyn Write) -> io::Result<()>,
    ) -> Result<Written, OutputError> {
        let Self {
            format,
            path,
            place,
        } = self;
        let mut buffer = Vec::new();
        let written = write(&format, &mut buffer).and_then(|()| match place {
            Place::File(target) => target.fill(&buffer).map(|()| (path.clone(), false)),
            Place::Folder(extension) => {
                let name = name(extension).ok_or_else(|| io::Error::other("it is a folder"))?;
                let file = document_file::write(&path, &name, &buffer);
                file.map(|file| (file, true))
            }
        });
        match written {
            Ok((path, in_folder)) => Ok(Written {
                path,
                format,
                in_folder,
            }),
            Err(error) => Err(OutputError::NotWritable { path, error }),
        }
    }
}

/// Returns whether both paths lead to the same file, also through symbolic or hard links.
fn is_one_file(one: &Path, other: &Path) -> bool {
    place_of(one) == place_of(other) || same_file::is_same_file(one, other).unwrap_or(false)
}

/// Returns where `path` leads, symbolic links followed, or `path` itself if that cannot be found out.
fn place_of(path: &Path) -> PathBuf {
    let place = path.canonicalize().or_else(|_| {
        let absolute = std::path::absolute(path)?;
        let folder = absolute.parent().unwrap_or(&absolute).canonicalize()?;
        Ok::<_, io::Error>(folder.join(absolute.file_name().unwrap_or_default()))
    });
    place.unwrap_or_else(|_| path.to_owned())
}

/// Returns whether `path` is meant to be a folder: it ends in a separator, or is one already.
fn is_folder(path: &Path) -> bool {
    let text = path.as_os_str().to_string_lossy();
    text.ends_with(std::path::is_separator) || path.is_dir()
}

fn specification(text: &str) -> Result<(ReportFormat, PathBuf), OutputError> {
    if let Some(rest) = text.strip_prefix(TEMPLATE_PREFIX) {
        let Some((template, path)) = rest.split_once('=') else {
            return Err(OutputError::TemplateAlone(signed_url::without_secrets(
                text,
            )));
        };
        let (template, file) = (Path::new(template), Path::new(path));
        if is_one_file(template, file) {
            return Err(OutputError::Input(file.to_owned()));
        }
        let format = ReportFormat::template(template);
        let shown = || signed_url::without_secrets(text);
        let format = format.map_err(|error| OutputError::Template(shown(), error))?;
        return Ok((format, PathBuf::from(path)));
    }
    if let Some((name, path)) = text.split_once('=') {
        if let Some(format) = Format::named(name) {
            return Ok((ReportFormat::BuiltIn(format), PathBuf::from(path)));
        }
        if name.chars().all(|c| c.is_ascii_alphabetic() || c == '-') {
            let shown = signed_url::without_secrets(text);
            return Err(OutputError::UnknownFormat(shown, name.to_owned()));
        }
    }
    let path = Path::new(text);
    if is_folder(path) {
        return Ok((ReportFormat::json(), path.to_owned()));
    }
    let extension = path.extension().and_then(|e| e.to_str());
    match extension.and_then(Format::of_extension) {
        Some(format) => Ok((ReportFormat::BuiltIn(format), path.to_owned())),
        None => Err(OutputError::NoFormat(path.to_owned())),
    }
}

/// Returns the text of an error, which may contain a path, without what may be the query of a URL.
fn told(error: &io::Error) -> String {
    signed_url::without_secrets(&error.to_string())
}

/// The reason why a report file cannot be written. No message contains the query of a URL, even of a mistyped one.
#[derive(Debug, Error)]
pub(crate) enum OutputError {
    #[error("--output {}: its ending names no format; end it in {}, or write FORMAT=FILE \
             (formats: {})", path_without_secrets(.0), report_format::extensions(), report_format::names().collect::<Vec<_>>().join(", "))]
    NoFormat(PathBuf),
    #[error("--output {0}: `{1}` is not a format; expected one of {list}; for a file of that name, \
             write ./{0}", list = report_format::names().collect::<Vec<_>>().join(", "))]
    UnknownFormat(String, String),
    #[error("--output {0}: name the file to write as well: {0}=FILE")]
    TemplateAlone(String),
    #[error("--output {0} names no file: write {0}FILE")]
    NoFile(String),
    #[error("--output {} is named twice; give each report a file of its own", path_without_secrets(.0))]
    Twice(PathBuf),
    #[error("--output {} is a file that this command reads; name another file", path_without_secrets(.0))]
    Input(PathBuf),
    #[error("--output {0}: {1:#}")]
    Template(String, anyhow::Error),
    #[error("--output {} is a folder, and files of this format have no ending of their own; name a \
             file", path_without_secrets(.0))]
    NoEnding(PathBuf),
    #[error("--output {0}: only `run` and `idle` send reports to a URL")]
    Url(String),
    #[error("--output {0} is not a URL; did you mean https://…?")]
    Mistyped(String),
    #[error("--output {} cannot be written: {}", path_without_secrets(.path), told(.error))]
    NotWritable { path: PathBuf, error: io::Error },
}

impl OutputError {
    /// Returns the entry that names no format, as errors show it.
    pub(crate) fn without_format(&self) -> Option<String> {
        if let Self::NoFormat(path) = self {
            return Some(path_without_secrets(path));
        }
        if let Self::UnknownFormat(shown, _) = self {
            return Some(shown.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_file_are_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.html");
        std::fs::write(&file, "").unwrap();
        let other_name = folder.path().join(".").join("report.html");
        assert_eq!(place_of(&file), place_of(&other_name));
        let not_there = folder.path().join("other.html");
        assert_ne!(place_of(&file), place_of(&not_there));
        #[cfg(unix)]
        {
            let link = folder.path().join("report.json");
            std::os::unix::fs::symlink(&file, &link).unwrap();
            assert_eq!(place_of(&file), place_of(&link));
        }
    }

    #[test]
    fn a_url_in_place_of_a_file_is_refused_without_its_secret() {
        for (text, told) in [
            ("https://x/a.json?sig=S3CRET", "only `run` and `idle`"),
            ("https:/x/a.json?sig=S3CRET", "did you mean https://…?"),
            ("htps://x/a.json?sig=S3CRET", "did you mean https://…?"),
            ("ftp://x/a.json?sig=S3CRET", "did you mean https://…?"),
            ("json=https//x/a.json?sig=S3CRET", "did you mean https://…?"),
            ("no-such-folder/a?sig=S3CRET", "its ending names no format"),
            ("jsn=x/a.json?sig=S3CRET", "`jsn` is not a format"),
            ("json=no-such-folder/a?sig=S3CRET", "cannot be written"),
            ("json=no-such-folder/a?sig=S3CRET/b", "cannot be written"),
        ] {
            let error = Outputs::open(&[text.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains("S3CRET"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_read_is_not_replaced_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str| folder.path().join(name);
        let input = named("run.json");
        std::fs::write(&input, "{}").unwrap();
        std::fs::hard_link(&input, named("hard.html")).unwrap();
        let mut names = vec![
            input.clone(),
            named(".").join("run.json"),
            named("hard.html"),
        ];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("run.json", named("soft.html")).unwrap();
            names.push(named("soft.html"));
        }
        let opened = |path: &Path| {
            let outputs = Outputs::open(&[format!("html={}", path.display())]).unwrap();
            outputs.sparing([input.as_path()])
        };
        for name in names {
            let error = opened(&name).unwrap_err().to_string();
            assert!(error.ends_with("is a file that this command reads; name another file"));
        }
        assert!(opened(&named("other.html")).is_ok());
        let own = format!("template={0}={0}", input.display());
        assert!(matches!(Outputs::open(&[own]), Err(OutputError::Input(_))));
        assert_eq!(std::fs::read(&input).unwrap(), b"{}");
    }
}
