//! What scenarios measured when they were played last, judged anew where no lab can be built: one file
//! for each scenario and variant, held against what the scenario's own file expects.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use probe_core::document::RunDocument;
use probe_core::judge::judge_again;

use super::trials::files;
use super::{Family, Scenario, Variant};
use crate::trial::Trials;

/// A trial for each replay file that there has to be in `records`, and one that there are no others.
///
/// # Errors
/// The folder `scenarios` cannot be read, or a file in it is no scenario.
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

/// Whether the run of this family is the one that is kept. One is enough; some are of IPv4 and some of
/// IPv6.
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
    let wrong = expectation.differences(&judge_again(document), family);
    ensure!(
        wrong.is_empty(),
        "{}\n{}",
        expectation.why,
        wrong.join("\n")
    );
    Ok(())
}
