//! The rows of a report. They are derived from the run document once, so that all formats say the same. A row is flat,
//! contains words and figures for people, and can be serialised for templates.

use probe_documents::RunDocument;
use serde::Serialize;

mod account;
mod bounded;
mod check;
mod egress;
mod failure;
mod note;
mod path;
mod port;
mod repeat;
mod request;
mod run;
mod scope;
mod segment_name;
mod shortened;
mod verdict;
mod way;

use bounded::Bounded as _;
pub use check::CheckRow;
pub use egress::EgressRow;
pub use failure::FailureRow;
pub use note::NoteRow;
pub use path::PathRow;
pub use port::{Fate, Mark, NotedFinding, PortRow, SilenceCell};
pub use request::{AskedRow, NotAskedRow, OpenRow, RequestRows, Snippet};
pub(crate) use run::whole_seconds;
pub use run::{LabelRow, RunRow, SkippedRow, SummaryRow};
pub use scope::ScopeRow;
pub(crate) use shortened::{Shortened, listed};
pub use verdict::VerdictWords;
pub use way::{Line, PlaceRow, Stop, StopKind, WayRow};

/// All rows of a run, from which formats are written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub run: RunRow,
    pub summary: SummaryRow,
    /// The paths of the run, in the order in which the user named them.
    pub paths: Vec<PathRow>,
    /// One row per rule, path and server address, in the order of the document.
    pub ports: Vec<PortRow>,
    /// The verdicts that need an explanation. Equal ones share a row.
    pub failures: Vec<FailureRow>,
    /// The traffic of all failures to look for in logs, for each server and path. Templates read it from the failures.
    #[serde(skip)]
    pub logs: Vec<String>,
    /// The findings. Equal ones share a row.
    pub notes: Vec<NoteRow>,
    /// The addresses that the cloud side must allow; empty if they are obvious.
    pub egress: Vec<EgressRow>,
    pub skipped: Vec<SkippedRow>,
    /// What was tested and what was not, if all rules are expected to be blocked.
    pub scope: Option<ScopeRow>,
    pub checks: Vec<CheckRow>,
    /// The rules to ask the owners of firewalls for.
    pub request: RequestRows,
}

/// Returns the conclusion of a run in one sentence: the one that [`Report`] contains.
pub fn conclusion(document: &RunDocument) -> String {
    SummaryRow::of(document, &ports(document)).sentence
}

/// Returns only the rows about probes, the same ones that [`Report`] contains.
pub fn ports(document: &RunDocument) -> Vec<PortRow> {
    let probes = document.probes.iter();
    probes.map(|probe| PortRow::of(document, probe)).collect()
}

impl Report {
    /// The names of the report's parts, as templates use them.
    pub const NAMES: [&str; 11] = [
        "run", "summary", "paths", "ports", "failures", "notes", "egress", "skipped", "scope",
        "checks", "request",
    ];

    /// Derives the rows of `document`. Texts that are too long are cut.
    pub fn of(document: &RunDocument) -> Self {
        let ports = ports(document);
        let paths = path::rows(&ports);
        let mut run = RunRow::of(document);
        run.repeat = repeat::commands(&run, &paths, &ports);
        run.verify = repeat::verification(&run, &paths, &ports);
        let mut report = Self {
            run,
            summary: SummaryRow::of(document, &ports),
            paths,
            failures: failure::rows(document),
            logs: failure::logs(document),
            notes: note::rows(document),
            egress: egress::rows(document),
            skipped: document.skipped.iter().map(SkippedRow::of).collect(),
            scope: scope::row(document),
            request: request::rows(document),
            checks: document.checks.iter().map(CheckRow::of).collect(),
            ports,
        };
        report.bound();
        report
    }
}
