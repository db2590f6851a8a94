//! The value of `--format`, and of `--output FORMAT=FILE`: a format of the table in `probe-report`, or a template of
//! the user's own.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use probe_documents::RunDocument;
use probe_documents::diff::Diff;
use probe_documents::merge::MergeDocument;
use probe_report::format::{FailureWriter, TABLE};
use probe_report::{FORMATS, Format, Look, Report, Template};

use crate::given_file;

/// A report format as the user names it. The file of a template is not read yet.
#[derive(Clone, Debug)]
pub(crate) enum FormatChoice {
    BuiltIn(&'static Format),
    Template(PathBuf),
}

/// A report format that can be written.
#[derive(Clone, Debug)]
pub(crate) enum ReportFormat {
    BuiltIn(&'static Format),
    Template(Arc<Template>),
}

impl FormatChoice {
    /// Returns the format with this name, in any case, or the template of `template=FILE`.
    pub(crate) fn named(text: &str) -> Option<Self> {
        match text.strip_prefix(TEMPLATE_PREFIX) {
            Some(file) => Some(Self::Template(PathBuf::from(file))),
            None => Format::named(text).map(Self::BuiltIn),
        }
    }

    /// Returns the format, with its template read and checked.
    ///
    /// # Errors
    ///
    /// The template cannot be read, or is not valid.
    pub(crate) fn load(&self) -> anyhow::Result<ReportFormat> {
        match self {
            Self::BuiltIn(format) => Ok(ReportFormat::BuiltIn(format)),
            Self::Template(file) => ReportFormat::template(file),
        }
    }

    /// Returns the file of the template; `None` for a built-in format.
    pub(crate) fn template_file(&self) -> Option<&Path> {
        match self {
            Self::BuiltIn(_) => None,
            Self::Template(file) => Some(file),
        }
    }

    /// Returns the writer for a run that could not be carried out, if the format has one.
    pub(crate) fn failure(&self) -> Option<FailureWriter> {
        match self {
            Self::BuiltIn(format) => format.failure,
            Self::Template(_) => None,
        }
    }
}

impl fmt::Display for FormatChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(format) => f.write_str(format.name),
            Self::Template(file) => write!(f, "{TEMPLATE_PREFIX}{}", file.display()),
        }
    }
}

impl Default for ReportFormat {
    fn default() -> Self {
        Self::BuiltIn(TABLE)
    }
}

impl ReportFormat {
    /// Reads and checks the template in `file`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a valid template.
    pub(crate) fn template(file: &Path) -> anyhow::Result<Self> {
        let shown = file.display();
        let text = given_file::text(file, MAX_TEMPLATE)
            .with_context(|| format!("the template {shown} cannot be read"))?;
        Ok(Self::Template(Arc::new(Template::parse(
            &shown.to_string(),
            text,
        )?)))
    }

    /// Writes `document` in this format.
    ///
    /// # Errors
    ///
    /// The template fails on this run, or writing to `out` failed.
    pub(crate) fn write(
        &self,
        document: &RunDocument,
        look: Look,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::BuiltIn(format) => probe_report::write(format, document, look, out),
            Self::Template(template) => template.write(&Report::of(document), out),
        }
    }

    /// Writes the difference between two runs in this format.
    ///
    /// # Errors
    ///
    /// The format has no form for a difference, or writing to `out` failed.
    pub(crate) fn write_diff(
        &self,
        diff: &Diff,
        look: Look,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let write = self.built_in().and_then(|format| format.diff);
        let write = write.ok_or_else(|| {
            io::Error::other("this format can show only one run, not a difference")
        })?;
        write(diff, look, out)
    }

    pub(crate) fn has_diff(&self) -> bool {
        self.built_in().is_some_and(|format| format.diff.is_some())
    }

    /// Writes the answer of many nodes in this format.
    ///
    /// # Errors
    ///
    /// The format has no form for many nodes, or writing to `out` failed.
    pub(crate) fn write_merge(
        &self,
        merge: &MergeDocument,
        look: Look,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let write = self.built_in().and_then(|format| format.merge);
        let write = write
            .ok_or_else(|| io::Error::other("this format can show only one run, not many nodes"))?;
        write(merge, look, out)
    }

    pub(crate) fn has_merge(&self) -> bool {
        self.built_in().is_some_and(|format| format.merge.is_some())
    }

    /// Returns the format of the run document itself.
    pub(crate) fn json() -> Self {
        Format::named("json").map_or_else(Self::default, Self::BuiltIn)
    }

    /// Returns the ending of files of this format, if it has one.
    pub(crate) fn extension(&self) -> Option<&'static str> {
        self.built_in()?.extensions.first().copied()
    }

    pub(crate) fn is_table(&self) -> bool {
        self.built_in().is_some_and(|format| format == TABLE)
    }

    pub(crate) fn is_html(&self) -> bool {
        let html = Format::of_extension("html");
        self.built_in().is_some_and(|format| Some(format) == html)
    }

    fn built_in(&self) -> Option<&'static Format> {
        match self {
            Self::BuiltIn(format) => Some(format),
            Self::Template(_) => None,
        }
    }
}

/// Returns the names of all formats, as users write them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().map(|format| format.name).chain([TEMPLATE])
}

/// Returns the file name extensions that name a format, for the text of an error: `.txt or .json`.
pub(crate) fn extensions() -> String {
    let all: Vec<String> = FORMATS
        .iter()
        .flat_map(|format| format.extensions)
        .map(|extension| format!(".{extension}"))
        .collect();
    match all.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        Some(_) | None => all.join(""),
    }
}

/// The part of a `--format` value before the name of a template file.
pub(crate) const TEMPLATE_PREFIX: &str = "template=";

/// The name of a template in lists of formats.
const TEMPLATE: &str = "template=FILE";

/// Maximum size of a template in bytes.
const MAX_TEMPLATE: u64 = 1024 * 1024;
