//! Plays the mixture of each seed; if one fails, finds the smallest part of it that still fails.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};

use super::super::trials::NEEDS;
use super::super::{Family, Repeated, Scenario, Variant, play};
use super::{Mixture, Parts};
use crate::scratch::sweep;
use crate::trial::{Need, Trials};

/// Returns one trial for each of `seeds`.
///
/// # Errors
/// Fails if the list of parts cannot be read.
pub fn mixtures(list: &Path, seeds: impl IntoIterator<Item = u64>) -> anyhow::Result<Trials> {
    sweep()?;
    let parts = Arc::new(Parts::read(list)?);
    let mut trials = Trials::of("mixtures");
    for seed in seeds {
        let parts = Arc::clone(&parts);
        let needs = [&NEEDS[..], &[Need::Tool("danted")]].concat();
        trials = trials.needing(needs, &format!("seed_{seed}"), move || {
            let mixture = Mixture::draw(seed, &parts);
            let Err(error) = played(&mixture, &parts) else {
                return Ok(());
            };
            let (smallest, error) = smallest(mixture, error, &parts);
            let scenario = toml::to_string_pretty(&smallest.scenario(&parts))?;
            Err(error.context(format!(
                "seed {seed}; the smallest mixture that still fails, as a scenario:\n{scenario}"
            )))
        });
    }
    Ok(trials)
}

/// Returns the mixtures of `seeds` as scenarios that are each repeated `times`.
///
/// # Errors
/// Fails if the list of parts cannot be read, or if a mixture is not a scenario.
pub fn repeated_mixtures(
    list: &Path,
    seeds: impl IntoIterator<Item = u64>,
    times: usize,
) -> anyhow::Result<Vec<Repeated>> {
    let parts = Parts::read(list)?;
    let one = |seed| {
        let (scenario, family) = playable(&Mixture::draw(seed, &parts), &parts)?;
        Ok(Repeated {
            name: format!("seed_{seed}"),
            scenario,
            family,
            variant: Variant::Default,
            times,
        })
    };
    seeds.into_iter().map(one).collect()
}

fn played(mixture: &Mixture, parts: &Parts) -> anyhow::Result<()> {
    let (scenario, family) = playable(mixture, parts)?;
    play::play(&scenario, None, family, Variant::Default)
}

/// Returns the mixture as a scenario, and the family to play it over.
fn playable(mixture: &Mixture, parts: &Parts) -> anyhow::Result<(Scenario, Family)> {
    let table = mixture.scenario(parts);
    let why = || toml::to_string(&table).unwrap_or_default();
    let scenario: Scenario = table.clone().try_into().with_context(why)?;
    let family = scenario.families.first().copied();
    Ok((scenario, family.unwrap_or(Family::Ipv4)))
}

/// Removes one part after another, as long as the rest still fails.
fn smallest(
    mut mixture: Mixture,
    mut error: anyhow::Error,
    parts: &Parts,
) -> (Mixture, anyhow::Error) {
    let mut plays = 0;
    'smaller: while plays < MOST_PLAYS {
        for candidate in mixture.smaller() {
            plays += 1;
            if let Err(its) = played(&candidate, parts) {
                (mixture, error) = (candidate, its);
                continue 'smaller;
            }
        }
        break;
    }
    (mixture, error)
}

/// Parses a list of seeds: `17`, `0..20`, or several of these with commas between them.
///
/// # Errors
/// Fails if an item is neither a number nor a range.
pub fn seeds(text: &str) -> anyhow::Result<Vec<u64>> {
    let mut all = Vec::new();
    for item in text.split(',') {
        let number = |text: &str| {
            let parsed = text.trim().parse::<u64>();
            parsed.map_err(|_| anyhow!("`{item}`: expected a seed (17) or a range (0..20)"))
        };
        match item.split_once("..") {
            Some((first, end)) => all.extend(number(first)?..number(end)?),
            None => all.push(number(item)?),
        }
    }
    Ok(all)
}

/// The maximum number of plays in the search for the smallest mixture; each play takes up to half a minute.
const MOST_PLAYS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_numbers_and_ranges() {
        assert_eq!(seeds("17,0..3").ok(), Some(vec![17, 0, 1, 2]));
        assert!(seeds("many").is_err());
    }

    #[test]
    fn every_mixture_is_a_scenario() {
        let list = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/lab/parts.toml"));
        let parts = Parts::read(list).expect("the list of parts");
        for seed in 0..500 {
            let table = Mixture::draw(seed, &parts).scenario(&parts);
            let scenario: Result<Scenario, _> = table.clone().try_into();
            assert!(scenario.is_ok(), "{seed}: {scenario:?}\n{table}");
        }
    }
}
