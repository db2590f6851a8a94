//! Judges the replay records of scenarios anew, without a lab.
//!
//! There is one record for each scenario and variant, and its result is compared with the scenario file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use probe_core::catalogue::VerdictId;
use probe_documents::traffic::in_logs;
use probe_documents::{Probe, RunDocument, judge_again};

use super::folder::files;
use super::{Family, Scenario, Variant};
use crate::trial::Trials;

/// Returns one trial for each expected record in `records`, and one that checks that there are no others.
///
/// # Errors
/// Fails if the folder `scenarios` cannot be read, or a file in it is not a scenario.
pub fn replays(scenarios: &Path, records: &'static Path) -> anyhow::Result<Trials> {
    let mut trials = Trials::of("replay");
    let mut wanted = Vec::new();
    for file in files(scenarios)? {
        let scenario = Scenario::read(&file)?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        for variant in scenario.variants.clone() {
            let record = records.join(file_name(&name, variant));
            wanted.push(record.clone());
            let scenario = scenario.clone();
            trials = trials.once(&format!("{name}{}", variant.suffix()), move || {
                replay(&scenario, variant, &record)
            });
        }
    }
    Ok(trials.once("nothing_else_is_there", move || {
        let mut others = files(records)?;
        others.retain(|file| !wanted.contains(file));
        ensure!(others.is_empty(), "of no scenario: {others:?}");
        Ok(())
    }))
}

/// Returns whether the run over this family is recorded. One family per scenario is enough; some records are over IPv4
/// and some over IPv6.
pub(super) fn is_kept(scenario: &Scenario, family: Family, variant: Variant) -> bool {
    family_of(scenario, variant) == Some(family)
}

pub(super) fn file_name(scenario: &str, variant: Variant) -> String {
    format!("{scenario}{}.json", variant.ending())
}

fn family_of(scenario: &Scenario, variant: Variant) -> Option<Family> {
    let families = &scenario.families;
    match variant {
        Variant::Default => families.first(),
        Variant::ControlBlocked => families.last(),
    }
    .copied()
}

/// Returns what is wrong if a reader could not act on the verdict: it does not say whom to ask, about which connection,
/// or what to look for in logs.
fn unusable(document: &RunDocument, probe: &Probe) -> Option<String> {
    if !probe.needs_a_word() {
        return None;
    }
    let (m, verdict) = (&probe.measurement, &probe.verdict);
    let next = verdict.next_step.as_deref().unwrap_or_default();
    let said = [&verdict.claim]
        .into_iter()
        .chain(&verdict.evidence)
        .map(String::as_str)
        .chain([next]);
    let said: Vec<&str> = said.collect();
    let vague = vague(said.iter().copied());
    let port = m.port_dialled().to_string();
    let server = m
        .server()
        .map_or_else(|| m.host.clone(), |ip| ip.to_string());
    let names_it = next.contains(&server) || next.contains(&m.host) || next.contains(&port);
    let about_the_server = matches!(
        verdict.id,
        VerdictId::ServerOverloaded | VerdictId::ServerRefused
    ) || next.contains("fwprobe-echo");
    let problem = if next.is_empty() {
        "no next step".to_owned()
    } else if let Some(words) = vague {
        format!("it says {words:?}")
    } else if verdict.id != VerdictId::Reachable && !names_it && !about_the_server {
        "the next step does not say for which address or port".to_owned()
    } else if m.server().is_some()
        && verdict.id != VerdictId::NoRoute
        && in_logs(document, &[probe]).is_none()
    {
        "nothing says what to look for in logs".to_owned()
    } else {
        return None;
    };
    Some(format!(
        "{port} is {}: {problem}: {}",
        verdict.id,
        said.join(" | ")
    ))
}

/// Returns the findings of a probe whose texts contain a phrase of [`VAGUE`].
fn vague_findings(probe: &Probe) -> impl Iterator<Item = String> + '_ {
    let port = probe.measurement.port_dialled();
    probe.findings.iter().filter_map(move |finding| {
        let texts = [Some(&finding.claim), finding.detail.as_ref()];
        let texts = || texts.into_iter().flatten().map(String::as_str);
        let words = vague(texts())?;
        let said: Vec<&str> = texts().collect();
        let said = said.join(" | ");
        Some(format!("{port}: {} says {words:?}: {said}", finding.id))
    })
}

fn vague<'t>(texts: impl Iterator<Item = &'t str> + Clone) -> Option<&'static str> {
    let said = |words: &&str| texts.clone().any(|text| text.contains(words));
    VAGUE.into_iter().find(said)
}

/// Words that leave open who or what is meant, next steps that ask for the fault itself, texts for programmers, and
/// traces of texts that were put together wrongly.
const VAGUE: [&str; 12] = [
    "whoever",
    "fresh ones",
    "so many",
    "in the shape of",
    "ask for a device",
    "ask for asymmetric",
    "team for asymmetric",
    "(os error",
    "docs.rs",
    "Error {",
    ",,",
    "  ",
];

fn replay(scenario: &Scenario, variant: Variant, record: &PathBuf) -> anyhow::Result<()> {
    let family = family_of(scenario, variant).context("a scenario of no family")?;
    let text = std::fs::read_to_string(record).with_context(|| {
        format!(
            "{}: CONTRIBUTING.md says how it is recorded",
            record.display()
        )
    })?;
    let document: RunDocument = serde_json::from_str(&text)?;
    let expectation = scenario.expectation(variant);
    let document = judge_again(document);
    let mut wrong = expectation.differences(&document, family);
    wrong.extend(
        document
            .probes
            .iter()
            .filter_map(|p| unusable(&document, p)),
    );
    wrong.extend(document.probes.iter().flat_map(vague_findings));
    ensure!(
        wrong.is_empty(),
        "{}\n{}",
        expectation.why,
        wrong.join("\n")
    );
    Ok(())
}
