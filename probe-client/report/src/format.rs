//! The table of report formats. The values of `--format`, the file name extensions of `--output` and the texts of errors
//! come from it.

use std::io::{self, Write};

use probe_documents::RunDocument;
use probe_documents::diff::Diff;
use probe_documents::merge::MergeDocument;

use crate::failed_run::FailedRun;
use crate::rows::Report;
use crate::text::Look;
use crate::{
    csv, diff, firewall_request, hpc_step_result, html, json, junit, markdown, merge, text,
};

/// One format.
#[derive(Debug)]
pub struct Format {
    /// The format's name, as `--format` takes it.
    pub name: &'static str,
    /// A description in one line, for lists of formats.
    pub about: &'static str,
    /// The file name extensions that select this format in `--output FILE`.
    pub extensions: &'static [&'static str],
    pub writer: Writer,
    /// Writes the report of a run that could not be carried out, if the format has one.
    pub failure: Option<FailureWriter>,
    /// Writes the difference between two runs, if the format has a form for it.
    pub diff: Option<DiffWriter>,
    /// Writes the answer of many nodes, if the format has a form for it.
    pub merge: Option<MergeWriter>,
}

/// Writes the difference between two runs.
pub type DiffWriter = fn(&Diff, Look, &mut dyn Write) -> io::Result<()>;

/// Writes the answer of many nodes.
pub type MergeWriter = fn(&MergeDocument, Look, &mut dyn Write) -> io::Result<()>;

/// Writes the report of a run that could not be carried out.
pub type FailureWriter = fn(&FailedRun<'_>, &mut dyn Write) -> io::Result<()>;

/// The function that writes a format, by what it reads.
#[derive(Clone, Copy, Debug)]
pub enum Writer {
    /// Writes the run document itself.
    Document(fn(&RunDocument, &mut dyn Write) -> io::Result<()>),
    Rows(fn(&Report, &mut dyn Write) -> io::Result<()>),
    /// Writes rows in lines of a given width, with or without colour.
    Text(fn(&Report, Look, &mut dyn Write) -> io::Result<()>),
}

impl Format {
    /// Returns the format with this name, in any case.
    pub fn named(name: &str) -> Option<&'static Self> {
        let mut all = FORMATS.iter();
        all.find(|f| f.name.eq_ignore_ascii_case(name))
    }

    /// Returns the format for files with this extension, in any case.
    pub fn of_extension(extension: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| {
            let mut own = format.extensions.iter();
            own.any(|e| e.eq_ignore_ascii_case(extension))
        })
    }
}

/// Formats are equal if they have the same name.
impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The table on a terminal, which is the default.
pub const TABLE: &Format = &FORMATS[0];

/// All formats, in the order in which lists show them.
pub static FORMATS: [Format; 14] = [
    Format {
        name: "table",
        about: "text for people: ports, failures with evidence and next step, findings, checks",
        extensions: &["txt"],
        writer: Writer::Text(text::write),
        failure: None,
        diff: Some(diff::write_text),
        merge: Some(merge::write_text),
    },
    Format {
        name: "json",
        about: "the run document with everything that was measured, for programs",
        extensions: &["json"],
        writer: Writer::Document(json::write),
        failure: None,
        diff: Some(diff::write_json),
        merge: Some(merge::write_json),
    },
    Format {
        name: "html",
        about: "one page for people: a drawing of the way for each failure; no script, no request \
                to anywhere",
        extensions: &["html", "htm"],
        writer: Writer::Rows(html::write),
        failure: None,
        diff: None,
        merge: Some(merge::write_html),
    },
    Format {
        name: "markdown",
        about: "for a ticket or the summary of a pipeline's step",
        extensions: &["md"],
        writer: Writer::Rows(markdown::write),
        failure: None,
        diff: Some(diff::write_markdown),
        merge: None,
    },
    Format {
        name: "junit",
        about: "test results for pipelines: GitLab, Azure Pipelines, Jenkins, GitHub",
        extensions: &["xml"],
        writer: Writer::Rows(junit::write),
        failure: Some(junit::write_failure),
        diff: Some(diff::write_junit),
        merge: None,
    },
    Format {
        name: "csv",
        about: "for spreadsheets: one row per rule, path and address",
        extensions: &["csv"],
        writer: Writer::Rows(csv::write),
        failure: None,
        diff: None,
        merge: Some(merge::write_csv),
    },
    Format {
        name: "firewall-request",
        about: "what to ask the owners of firewalls for, as text",
        extensions: &[],
        writer: Writer::Rows(firewall_request::write_text),
        failure: None,
        diff: None,
        merge: None,
    },
    Format {
        name: "firewall-request-markdown",
        about: "the same as Markdown",
        extensions: &[],
        writer: Writer::Rows(firewall_request::write_markdown),
        failure: None,
        diff: None,
        merge: None,
    },
    Format {
        name: "firewall-request-json",
        about: "the same as JSON, for other programs",
        extensions: &[],
        writer: Writer::Rows(firewall_request::write_json),
        failure: None,
        diff: None,
        merge: None,
    },
    Format {
        name: "firewall-request-algosec",
        about: "the same as JSON for AlgoSec FireFlow, one request per address family",
        extensions: &[],
        writer: Writer::Rows(firewall_request::algosec::write),
        failure: None,
        diff: None,
        merge: None,
    },
    Format {
        name: "firewall-request-aerleon-ipv4",
        about: "the same for IPv4, as terms to include in an Aerleon policy",
        extensions: &[],
        writer: Writer::Rows(firewall_request::aerleon::write_ipv4),
        failure: None,
        diff: None,
        merge: None,
    },
    Format {
        name: "firewall-request-aerleon-ipv6",
        about: "the same for IPv6",
        extensions: &[],
        writer: Writer::Rows(firewall_request::aerleon::write_ipv6),
        failure: None,
        diff: None,
        merge: None,
    },
    Format {
        name: "hpc-step-result",
        about: "the result of one node, for HPC Cluster Manager",
        extensions: &[],
        writer: Writer::Rows(hpc_step_result::write_node),
        failure: Some(hpc_step_result::write_node_failure),
        diff: None,
        merge: None,
    },
    Format {
        name: "hpc-step-summary",
        about: "the summary of a test, for HPC Cluster Manager",
        extensions: &[],
        writer: Writer::Rows(hpc_step_result::write_summary),
        failure: Some(hpc_step_result::write_summary_failure),
        diff: None,
        merge: None,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_formats_share_a_name_or_an_extension() {
        let mut names = BTreeSet::new();
        let mut extensions = BTreeSet::new();
        for format in &FORMATS {
            assert!(names.insert(format.name), "{}", format.name);
            for extension in format.extensions {
                assert!(extensions.insert(extension), "{extension}");
            }
        }
    }

    #[test]
    fn the_document_has_a_row_for_every_format() {
        let document = include_str!("../../../docs/user/reports.md");
        for format in &FORMATS {
            let endings: Vec<String> = format
                .extensions
                .iter()
                .map(|e| format!("`.{e}`"))
                .collect();
            let endings = match endings.join(", ") {
                none if none.is_empty() => " ".to_owned(),
                some => format!(" {some} "),
            };
            let row = format!("| `{}` |{endings}| {} |", format.name, format.about);
            assert!(document.contains(&row), "it lacks\n{row}");
        }
    }

    #[test]
    fn a_format_is_found_by_name_and_by_extension() {
        assert_eq!(Format::named("JSON").unwrap().name, "json");
        assert_eq!(Format::of_extension("TXT").unwrap().name, "table");
        assert!(Format::named("doc").is_none() && Format::of_extension("doc").is_none());
        assert_eq!(TABLE.name, "table");
    }
}
