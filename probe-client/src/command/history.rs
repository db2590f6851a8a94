//! `fwprobe history`: lists the runs in a folder, with what changed from one to the next.

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use probe_documents::RunDocument;
use probe_documents::history::{History, MOST_RUNS, Window};
use probe_report::history;

use crate::arguments::{Colour, HistoryArguments, PlanFormat};
use crate::{run_folder, terminal};

pub(super) fn execute(arguments: &HistoryArguments, colour: Colour) -> anyhow::Result<u8> {
    let mut history = History::default();
    let mut any = false;
    for (path, document) in run_folder::runs(&arguments.folder)? {
        any = true;
        if is_meant(&document, arguments) {
            history.add(&document, path.display().to_string());
        }
    }
    if !any {
        bail!(run_folder::empty(&arguments.folder));
    }
    let all = if arguments.since.is_some() {
        MOST_RUNS
    } else {
        USUALLY_SHOWN
    };
    let history = history.shown(Window {
        last: arguments.last.map_or(all, usize::from),
        since: arguments.since,
        only_changes: arguments.changes,
    });
    let mut text = Vec::new();
    match arguments.format {
        PlanFormat::Table => history::write_text(&history, terminal::look(colour), &mut text)?,
        PlanFormat::Json => history::write_json(&history, &mut text)?,
    }
    terminal::print(&String::from_utf8_lossy(&text)).context("standard output")?;
    Ok(0)
}

/// Returns whether the user asks for runs of this node and profile that began before `--until`. Runs from before
/// `--since` are included, because later runs are compared with them.
fn is_meant(document: &RunDocument, arguments: &HistoryArguments) -> bool {
    let HistoryArguments {
        hosts,
        profiles,
        until,
        ..
    } = arguments;
    let is_named = |names: &[String], name: Option<&str>| {
        names.is_empty() || names.iter().any(|wanted| Some(wanted.as_str()) == name)
    };
    let began = || document.run.started.parse::<Timestamp>().ok();
    is_named(hosts, document.host.node())
        && is_named(
            profiles,
            document.run.profile.as_ref().map(|id| id.as_str()),
        )
        && until.is_none_or(|until| began().is_some_and(|began| began < until))
}

/// The number of runs that are shown if the user does not say how many: as many as a status page remembers.
const USUALLY_SHOWN: usize = probe_documents::watch::KEPT_RUNS;
