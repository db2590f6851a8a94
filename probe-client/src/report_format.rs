//! The value of `--format`, and of `--output FORMAT=FILE`: a format of the table in `probe-report`.

use probe_report::{FORMATS, Format};

/// A report format.
pub(crate) type ReportFormat = &'static Format;

/// Returns the names of all formats, for the text of an error.
pub(crate) fn names() -> String {
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    names.join(", ")
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
