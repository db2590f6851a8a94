//! Turns every file in the folder of scenarios into trials, one for each family and variant.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use rustix::process::Signal;

use super::aftermath::nothing_is_left;
use super::folder::files;
use super::{Scenario, differences, play, replay};
use crate::scratch::sweep;
use crate::trial::{Need, Trials};

/// Returns the trials of all files in `folder`.
///
/// # Errors
/// Fails if the folder cannot be read, or a file in it is not a scenario.
pub fn trials(folder: &Path) -> anyhow::Result<Trials> {
    sweep()?;
    let mut trials = Trials::of("lab")
        .needing(NEEDS, "ended_by_ctrl_c", || nothing_is_left(Signal::INT))
        .needing(NEEDS, "killed", || nothing_is_left(Signal::KILL));
    trials = differences::added_to(trials);
    for file in files(folder)? {
        let scenario = Arc::new(Scenario::read(&file)?);
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        for family in scenario.families.clone() {
            for variant in scenario.variants.clone() {
                let title = format!("{name}::{}{}", family.name(), variant.suffix());
                let scenario = Arc::clone(&scenario);
                let record = replay::is_kept(&scenario, family, variant)
                    .then(|| replay::file_name(&name, variant));
                trials = trials.needing(needs(&scenario), &title, move || {
                    play::play(&scenario, record.as_deref(), family, variant)
                });
            }
        }
    }
    Ok(trials)
}

/// Returns a requirement of every scenario that this machine does not meet; `None` if it meets all of them.
pub fn lacking() -> Option<Cow<'static, str>> {
    NEEDS.into_iter().find_map(Need::lacking)
}

fn needs(scenario: &Scenario) -> Vec<Need> {
    let programs = scenario.tools.iter().map(super::Tool::program);
    NEEDS.into_iter().chain(programs.map(Need::Tool)).collect()
}

pub(super) const NEEDS: [Need; 7] = [
    Need::Root,
    Need::Tool("nft"),
    Need::Tool("tc"),
    Need::Tool("iptables"),
    Need::Tool("ethtool"),
    Need::Tool("nsenter"),
    Need::Tool("setpriv"),
];
