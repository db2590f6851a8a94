//! `fwprobe explain`: prints the page of an id, all pages, or the verdicts of a saved run, judged again from its
//! evidence.

use anyhow::{Context as _, bail};
use probe_core::catalogue::{self, VerdictId};
use probe_core::excerpt::printable;
use probe_documents::{RunDocument, judge_again};
use probe_report::format::TABLE;

use crate::arguments::{Colour, ExplainArguments};
use crate::saved_run::load;
use crate::terminal;

pub(super) fn execute(arguments: &ExplainArguments, colour: Colour) -> anyhow::Result<u8> {
    if arguments.checks {
        terminal::print(&head_node::catalogue::markdown()).context("standard output")?;
        return Ok(0);
    }
    let Some(subject) = arguments.subject.as_deref() else {
        terminal::print(&catalogue::markdown()).context("standard output")?;
        return Ok(0);
    };
    let page = catalogue::page(subject).or_else(|| head_node::catalogue::page(subject));
    if let Some(page) = page {
        terminal::print(page).context("standard output")?;
        return Ok(0);
    }
    let path = std::path::Path::new(subject);
    if !path.exists() {
        if let Some(text) = verdicts_for(subject) {
            terminal::print(&text).context("standard output")?;
            return Ok(0);
        }
        bail!("`{subject}` is neither an id nor a file{}", advice(subject));
    }
    let saved = load(path)?;
    let before: Vec<_> = saved.probes.iter().map(|p| p.verdict.id).collect();
    let by = saved.run.version.clone();
    let document = judge_again(saved);
    let mut text = again(&document, &before, &by).into_bytes();
    probe_report::write(TABLE, &document, terminal::look(colour), &mut text)?;
    terminal::print(&String::from_utf8_lossy(&text)).context("standard output")?;
    Ok(0)
}

/// Returns the text that says which verdicts have changed.
fn again(document: &RunDocument, before: &[VerdictId], by: &str) -> String {
    let mut text = format!(
        "The evidence in the file was judged again (measured by version {by}, judged by version \
         {}): ",
        env!("CARGO_PKG_VERSION")
    );
    let changed: Vec<String> = document
        .probes
        .iter()
        .zip(before)
        .filter(|(probe, was)| probe.verdict.id != **was)
        .map(|(probe, was)| {
            let port = probe.measurement.rule.port;
            format!("port {port} is {}, was {was}", probe.verdict.id)
        })
        .collect();
    if changed.is_empty() {
        text.push_str("no verdict has changed");
    } else {
        text.push_str(&changed.join("; "));
    }
    format!("{}\n\n", textwrap::fill(&printable(&text), 80))
}

/// Returns the ids that the user may have meant, or all ids.
fn advice(subject: &str) -> String {
    let subject = subject.to_ascii_lowercase();
    let mut near: Vec<(f64, String)> = all_ids()
        .into_iter()
        .map(|id| (strsim::jaro_winkler(&subject, &id), id))
        .filter(|(likeness, id)| *likeness >= LIKE || id.contains(&subject))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    if near.is_empty() {
        return format!(". Ids:\n{}", ids());
    }
    let near: Vec<String> = near.into_iter().take(5).map(|(_, id)| id).collect();
    format!("; did you mean {}?", near.join(", "))
}

/// Returns the verdicts and findings that match a word of other programs, with their headlines; `None` if no program is
/// known to use the word.
fn verdicts_for(word: &str) -> Option<String> {
    let word = word.to_ascii_lowercase();
    let (_, ids) = WORDS.iter().find(|(known, _)| *known == word)?;
    let width = ids.iter().map(|id| id.len()).max()?;
    let mut text = format!("What other programs call `{word}` is one of these for fwprobe:\n\n");
    for id in *ids {
        text.push_str(&format!("  {id:width$}  {}\n", catalogue::title(id)?));
    }
    text.push_str("\n`fwprobe explain ID` prints the page of one of them.\n");
    Some(text)
}

/// Words of other programs for the state of a port, and the ids of the verdicts and findings that match them.
const WORDS: &[(&str, &[&str])] = &[
    ("open", &["reachable", "reachable-with-loss"]),
    ("filtered", FILTERED),
    ("blocked", FILTERED),
    ("closed", REFUSED),
    ("refused", REFUSED),
    ("reset", &["rejected", "payload-reset", "not-listening"]),
    ("timeout", SILENT),
    ("timed-out", SILENT),
    (
        "unreachable",
        &["server-unreachable", "prohibited", "no-route"],
    ),
    ("dns", &["name-not-resolved", "proxy-name-not-resolved"]),
    ("mtu", &["path-mtu-black-hole", "mss-clamped"]),
    (
        "nat",
        &[
            "source-address-translated",
            "egress-address-differs",
            "redirected-to-other-port",
        ],
    ),
];

const FILTERED: &[&str] = &[
    "dropped",
    "reply-dropped",
    "prohibited",
    "rejected",
    "blocked-on-this-host",
];
const REFUSED: &[&str] = &["not-listening", "rejected"];
const SILENT: &[&str] = &[
    "dropped",
    "reply-dropped",
    "server-unreachable",
    "payload-dropped",
];

/// Smallest Jaro-Winkler similarity at which an id is suggested; that of `droped` and `dropped` is 0.97.
const LIKE: f64 = 0.85;

fn all_ids() -> Vec<String> {
    let verdicts = VerdictId::ALL.iter().map(ToString::to_string);
    let findings = catalogue::FindingId::ALL.iter().map(ToString::to_string);
    let checks = head_node::catalogue::CheckId::ALL
        .iter()
        .map(ToString::to_string);
    verdicts.chain(findings).chain(checks).collect()
}

fn ids() -> String {
    let all = all_ids();
    let options = textwrap::Options::new(78)
        .initial_indent("  ")
        .subsequent_indent("  ");
    textwrap::fill(&all.join(", "), options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_other_programs_leads_to_pages_that_exist() {
        for (word, ids) in WORDS {
            let text = verdicts_for(word).expect("a list");
            assert!(ids.iter().all(|id| text.contains(id)), "{text}");
            assert!(ids.iter().all(|id| catalogue::page(id).is_some()), "{word}");
        }
        assert_eq!(verdicts_for("dropped"), None);
    }
}
