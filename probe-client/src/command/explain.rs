//! `fwprobe explain`: prints the page of an id, all pages, or the verdicts of a saved run, judged again from its
//! evidence.

use std::path::Path;

use anyhow::{Context as _, bail};
use probe_core::catalogue::{self, VerdictId};
use probe_core::excerpt::printable;
use probe_core::verdict::{Segment, Verdict};
use probe_documents::{RunDocument, judge_again};
use probe_report::folding;
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
    if let Some(page) = page(subject) {
        terminal::print(page).context("standard output")?;
        return Ok(0);
    }
    let path = Path::new(subject);
    if !path.exists() {
        if let Some(text) = meant(subject) {
            terminal::print(&text).context("standard output")?;
            return Ok(0);
        }
        if !subject.contains(['.', '/', '\\']) {
            bail!("`{subject}` is neither an id nor a file{}", advice(subject));
        }
        if matches!(path.try_exists(), Ok(false)) {
            bail!("there is no file `{subject}`");
        }
    }
    let saved = load(path)?;
    let before: Vec<Verdict> = saved.probes.iter().map(|p| p.verdict.clone()).collect();
    let by = saved.run.version.clone();
    let document = judge_again(saved);
    let mut text = again(&document, &before, &by).into_bytes();
    probe_report::write(TABLE, &document, terminal::look(colour), &mut text)?;
    terminal::print(&String::from_utf8_lossy(&text)).context("standard output")?;
    Ok(0)
}

/// Returns the page of a verdict, a finding or a check; `None` for an unknown id.
fn page(id: &str) -> Option<&'static str> {
    catalogue::page(id).or_else(|| head_node::catalogue::page(id))
}

/// Returns the page of an id that is written in capitals, or the list of verdicts for a word of other programs.
fn meant(word: &str) -> Option<String> {
    let page = page(&word.to_ascii_lowercase());
    page.map(str::to_owned).or_else(|| verdicts_for(word))
}

/// Returns the text that says which verdicts have changed.
fn again(document: &RunDocument, before: &[Verdict], by: &str) -> String {
    let mut text = format!(
        "The evidence in the file was judged again (measured by version {by}, judged by version \
         {}): ",
        env!("CARGO_PKG_VERSION")
    );
    let changed: Vec<String> = document
        .probes
        .iter()
        .zip(before)
        .filter_map(|(probe, was)| {
            let change = change(&probe.verdict, was)?;
            Some(format!("port {} {change}", probe.measurement.rule.port))
        })
        .collect();
    if changed.is_empty() {
        text.push_str("no verdict has changed");
    } else {
        text.push_str(&changed.join("; "));
    }
    format!("{}\n\n", textwrap::fill(&printable(&text), folding(80)))
}

/// Returns what differs between two verdicts about one probe; `None` if id, place and confidence are the same.
fn change(is: &Verdict, was: &Verdict) -> Option<String> {
    if is.id != was.id {
        return Some(format!("is {}, was {}", is.id, was.id));
    }
    let other_place = is.segment != was.segment;
    let other_confidence = is.confidence != was.confidence;
    if !other_place && !other_confidence {
        return None;
    }
    let words = |verdict: &Verdict| {
        let mut words = verdict.id.to_string();
        if other_place && verdict.segment == Segment::Unknown {
            words.push_str(" at an unknown place");
        } else if other_place {
            words.push_str(&format!(" at {}", verdict.segment));
        }
        if other_confidence {
            words.push_str(&format!(" with confidence {}", verdict.confidence.name()));
        }
        words
    };
    Some(format!("is {}, was {}", words(is), words(was)))
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
    let options = folding(78).initial_indent("  ").subsequent_indent("  ");
    textwrap::fill(&all.join(", "), options)
}

#[cfg(test)]
mod tests {
    use probe_core::verdict::Confidence;

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

    #[test]
    fn an_id_may_be_written_in_capitals() {
        assert_eq!(meant("DROPPED").as_deref(), page("dropped"));
        assert!(meant("DROPPED").is_some());
        assert_eq!(meant("no-such-thing"), None);
    }

    #[test]
    fn a_change_of_the_place_or_the_confidence_alone_is_named() {
        let text = include_str!("../../core/tests/scenarios/dropped.json");
        let document: RunDocument = serde_json::from_str(text).unwrap();
        let mut probes = document.probes.into_iter().map(|probe| probe.verdict);
        let mut was = probes.find(|v| v.id == VerdictId::Dropped).unwrap();
        (was.segment, was.confidence) = (Segment::CloudEdge, Confidence::Low);
        assert_eq!(change(&was, &was), None);

        let mut is = was.clone();
        is.segment = Segment::Path {
            hop: Some(1),
            address: Some("10.73.1.1".parse().unwrap()),
        };
        assert_eq!(
            change(&is, &was).unwrap(),
            "is dropped at path hop 1 10.73.1.1, was dropped at cloud-edge"
        );
        is.segment = Segment::Unknown;
        is.confidence = Confidence::High;
        assert_eq!(
            change(&is, &was).unwrap(),
            "is dropped at an unknown place with confidence high, was dropped at cloud-edge with \
             confidence low"
        );
        is.segment = Segment::CloudEdge;
        assert_eq!(
            change(&is, &was).unwrap(),
            "is dropped with confidence high, was dropped with confidence low"
        );
        is.id = VerdictId::Rejected;
        assert_eq!(change(&is, &was).unwrap(), "is rejected, was dropped");
    }
}
