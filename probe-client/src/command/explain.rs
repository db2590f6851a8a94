//! `fwprobe explain`: the page of an id, all pages, or the verdicts of a saved run, drawn again from its evidence.

use anyhow::{Context as _, bail};
use probe_core::catalogue;
use probe_core::judge::judge_again;

use super::report::load;
use crate::arguments::{Colour, ExplainArguments, ReportFormat};
use crate::{report, terminal};

pub(super) fn execute(arguments: &ExplainArguments, colour: Colour) -> anyhow::Result<u8> {
    if arguments.checks {
        terminal::print(&catalogue::checks_markdown()).context("standard output")?;
        return Ok(0);
    }
    let Some(subject) = arguments.subject.as_deref() else {
        terminal::print(&catalogue::markdown()).context("standard output")?;
        return Ok(0);
    };
    if let Some(page) = catalogue::page(subject) {
        terminal::print(page).context("standard output")?;
        return Ok(0);
    }
    let path = std::path::Path::new(subject);
    if !path.exists() {
        bail!("`{subject}` is neither an id nor a file. Ids:\n{}", ids());
    }
    let document = judge_again(load(path)?);
    let mut text = Vec::new();
    report::write(
        ReportFormat::Table,
        &document,
        terminal::look(colour),
        &mut text,
    )?;
    terminal::print(&String::from_utf8_lossy(&text)).context("standard output")?;
    Ok(0)
}

fn ids() -> String {
    let verdicts = catalogue::VerdictId::ALL.iter().map(ToString::to_string);
    let findings = catalogue::FindingId::ALL.iter().map(ToString::to_string);
    let checks = catalogue::CheckId::ALL.iter().map(ToString::to_string);
    let all: Vec<String> = verdicts.chain(findings).chain(checks).collect();
    let options = textwrap::Options::new(78)
        .initial_indent("  ")
        .subsequent_indent("  ");
    textwrap::fill(&all.join(", "), options)
}
