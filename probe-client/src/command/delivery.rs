//! The places to which the reports of a run go: standard output, files, the desktop's browser. All of them are opened
//! before the run starts, so that fwprobe reports beforehand which cannot be written.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use probe_documents::RunDocument;
use probe_report::Look;

use crate::arguments::{Colour, ReportOptions};
use crate::keep::Keep;
use crate::progress::Screen;
use crate::report_files::{Filled, OutputError, Outputs, Written};
use crate::report_format::{FormatChoice, ReportFormat};
use crate::{desktop, terminal};

/// Everything that a run will write.
#[derive(Debug)]
pub(super) struct Delivery {
    /// The format to print; `None` if the user named none, or names it for a file.
    format: Option<ReportFormat>,
    outputs: Outputs,
    /// Whether to show the HTML report.
    shown: bool,
    keep: Option<Keep>,
    /// Whether standard error shows only errors.
    quiet: bool,
    /// Whether the printed table shows all evidence, even if it is longer than a screen.
    verbose: bool,
}

impl Delivery {
    /// Reads the templates and opens the files.
    ///
    /// An HTML page is not printed if it is also written: `--format html --output page.html` only writes the file.
    ///
    /// # Errors
    ///
    /// The first template that is not valid; or the first file that cannot be written, or that is one of `inputs`, the
    /// files that the command reads.
    pub(super) fn open(options: &ReportOptions, inputs: &[&Path]) -> anyhow::Result<Self> {
        let format = match &options.format {
            None => None,
            Some(choice) => {
                let loaded = choice.load();
                Some(loaded.with_context(|| format!("--format {choice}"))?)
            }
        };
        let template = options
            .format
            .as_ref()
            .and_then(FormatChoice::template_file);
        let inputs = inputs.iter().copied().chain(template);
        let outputs = Outputs::open(&options.outputs)?.sparing(inputs)?;
        let format = format.filter(|format| !(format.is_html() && outputs.has_html()));
        if options.open && !outputs.has_html() {
            bail!("--open shows an HTML report: add --output report.html");
        }
        Ok(Self {
            format,
            outputs,
            shown: options.open,
            keep: None,
            quiet: options.quiet,
            verbose: options.verbose,
        })
    }

    /// Sets which of the oldest files in folders are deleted.
    ///
    /// # Errors
    ///
    /// `keep` is given, but no output is a folder.
    pub(super) fn keeping(self, keep: Option<Keep>) -> anyhow::Result<Self> {
        if keep.is_some() && self.outputs.folder().is_none() {
            bail!(KEEP_WITHOUT_FOLDER);
        }
        Ok(Self { keep, ..self })
    }

    /// Returns the screen for live progress; `None` if there is none, or if the user wants none.
    pub(super) fn screen(&self, colour: Colour) -> Option<Screen> {
        terminal::screen(colour).filter(|_| !self.quiet)
    }

    /// Returns whether the table is printed.
    pub(super) fn prints_table(&self) -> bool {
        self.format.as_ref().is_none_or(ReportFormat::is_table)
    }

    /// Returns whether the user named files and no format to print.
    pub(super) fn is_files_alone(&self) -> bool {
        self.format.is_none() && !self.outputs.is_empty()
    }

    /// Prints the report on standard output, and writes the files. If one of them fails, the others are still written.
    /// Returns the files.
    ///
    /// # Errors
    ///
    /// Standard output or a file cannot be written, or a template fails on this run. The error names every failure.
    pub(super) fn deliver(
        self,
        document: &RunDocument,
        colour: Colour,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let printed = self.print(document, colour);
        let filed = self.write_files(document);
        match (printed, filed) {
            (Ok(()), filed) => filed,
            (Err(error), Ok(_)) => Err(error),
            (Err(first), Err(others)) => bail!("{first:#}\n{others:#}"),
        }
    }

    fn print(&self, document: &RunDocument, colour: Colour) -> anyhow::Result<()> {
        let format = self.format.clone().unwrap_or_default();
        let mut text = Vec::new();
        let look = Look {
            whole: self.verbose,
            ..terminal::look(colour)
        };
        format.write(document, look, &mut text)?;
        terminal::print(&String::from_utf8_lossy(&text)).context("standard output")
    }

    /// Writes the files, and shows the HTML report if the user wants to see it. Returns the files.
    ///
    /// # Errors
    ///
    /// Every file that cannot be written, and every template that fails on this run. The other files are written.
    pub(super) fn write_files(self, document: &RunDocument) -> anyhow::Result<Vec<PathBuf>> {
        let Filled { written, failed } = self.outputs.write(document);
        if !self.quiet {
            tell(&written);
        }
        for file in written.iter().filter(|file| file.in_folder) {
            make_room(file, self.keep, self.quiet);
        }
        if let Some(page) = written.iter().find(|f| self.shown && f.format.is_html()) {
            // The report is written, whether or not it can be shown.
            if let Err(why) = desktop::open(&page.path) {
                terminal::tell(&format!("--open: {why:#}"));
            }
        }
        all_written(&failed)?;
        Ok(written.into_iter().map(|file| file.path).collect())
    }
}

/// Deletes the files that `keep` no longer keeps once `written` is there, and tells the user unless `quiet`.
fn make_room(written: &Written, keep: Option<Keep>, quiet: bool) {
    let Some(keep) = keep else { return };
    match keep.apply(&written.path) {
        Ok(count) if quiet || count == 0 => {}
        Ok(count) => terminal::tell(&format!("deleted: {count} older files (--keep)")),
        // The report is written, whether or not older files can be deleted.
        Err(error) => terminal::tell(&format!("--keep: older files cannot be deleted: {error}")),
    }
}

/// The error if `--keep` is given without a folder to write to.
pub(super) const KEEP_WITHOUT_FOLDER: &str = "--keep deletes the older files of a folder: add \
                                              --output with a folder, such as --output runs/";

/// Tells the user which files were written.
pub(super) fn tell(written: &[Written]) {
    for file in written {
        terminal::tell(&format!("written: {}", file.path.display()));
    }
}

/// Returns `Ok` if every file was written.
///
/// # Errors
///
/// All of `failed`, one line each.
pub(super) fn all_written(failed: &[OutputError]) -> anyhow::Result<()> {
    if failed.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = failed.iter().map(ToString::to_string).collect();
    bail!("{}", lines.join("\n"))
}
