//! Plays scenarios many times, and counts the runs with the expected result: a verdict that chance can change is right
//! only if it is right every time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use probe_documents::RunDocument;

use super::play::{SILENCE, staged};
use super::{Family, Scenario, Variant};
use crate::scratch::sweep;

/// One scenario over one family, in one variant, and how often to play it.
#[derive(Clone, Debug)]
pub struct Repeated {
    pub name: String,
    pub scenario: Scenario,
    pub family: Family,
    pub variant: Variant,
    pub times: usize,
}

/// How scenarios are repeated.
#[derive(Clone, Debug)]
pub struct Repetition {
    /// The number of runs at the same time.
    pub side_by_side: usize,
    /// Whether the client uses its default idle timeout instead of the lab's.
    pub own_patience: bool,
    /// The time limit of a run; a longer run counts as wrong.
    pub longest: Option<Duration>,
    /// The folder for the documents of wrong runs.
    pub keep: Option<PathBuf>,
}

/// The results of one scenario.
#[derive(Clone, Debug, Default)]
pub struct Count {
    pub played: usize,
    pub right: usize,
    pub longest: Duration,
    /// The different results, and the number of runs with each.
    pub said: BTreeMap<String, usize>,
}

/// Plays each scenario once, then each a second time, and so on; returns the count of each.
///
/// `tell` is called after each wrong run, with the scenario's name and what was wrong.
///
/// # Errors
/// Fails if a scenario cannot be played, or a document cannot be kept.
pub fn repeat(
    all: &[Repeated],
    how: &Repetition,
    tell: impl Fn(&str, &[String]) + Sync,
) -> anyhow::Result<Vec<Count>> {
    sweep()?;
    let rounds = all.iter().map(|one| one.times).max().unwrap_or(0);
    let due: Vec<(usize, usize)> = (0..rounds)
        .flat_map(|round| (0..all.len()).map(move |index| (round, index)))
        .filter(|(round, index)| *round < all[*index].times)
        .collect();
    let next = AtomicUsize::new(0);
    let counts = Mutex::new(vec![Count::default(); all.len()]);
    let work = || -> anyhow::Result<()> {
        while let Some((round, index)) = due.get(next.fetch_add(1, Ordering::Relaxed)) {
            let one = &all[*index];
            let played = play(one, *round, how)
                .with_context(|| format!("{} could not be played", one.name))?;
            if !played.wrong.is_empty() {
                tell(&one.name, &played.wrong);
            }
            if let Ok(mut counts) = counts.lock() {
                counts[*index].take(played);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..how.side_by_side.max(1))
            .map(|_| scope.spawn(work))
            .collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("panicked"))??;
        }
        anyhow::Ok(())
    })?;
    counts.into_inner().context("a panic")
}

struct Played {
    said: String,
    took: Duration,
    wrong: Vec<String>,
}

fn play(one: &Repeated, round: usize, how: &Repetition) -> anyhow::Result<Played> {
    let idle_timeout = (!how.own_patience).then_some(SILENCE);
    let (run, took) = staged(
        &one.scenario,
        one.family,
        one.variant,
        idle_timeout,
        |scene| Ok((scene.run.clone(), scene.took)),
    )?;
    let document = run.document()?;
    let expectation = one.scenario.expectation(one.variant);
    let mut wrong = expectation.differences(document, one.family);
    if how.longest.is_some_and(|longest| took > longest) {
        wrong.push(format!("it took {:.1} s", took.as_secs_f64()));
    }
    if let (Some(folder), false) = (&how.keep, wrong.is_empty()) {
        keep(folder, &one.name, round, document)?;
    }
    Ok(Played {
        said: said(document),
        took,
        wrong,
    })
}

fn keep(folder: &Path, name: &str, round: usize, document: &RunDocument) -> anyhow::Result<()> {
    let file = folder.join(format!("{}-{round}.json", name.replace("::", "-")));
    std::fs::write(&file, serde_json::to_vec_pretty(document)?)
        .with_context(|| file.display().to_string())
}

/// Returns the verdicts and findings, each with its ports.
fn said(document: &RunDocument) -> String {
    let mut ports: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for probe in &document.probes {
        let findings: Vec<String> = probe.findings.iter().map(|f| f.id.to_string()).collect();
        let said = format!("{} {findings:?}", probe.verdict.id);
        let port = probe.measurement.rule.port.to_string();
        ports.entry(said).or_default().push(port);
    }
    let said = ports
        .into_iter()
        .map(|(said, ports)| format!("{said}: {}", ports.join(" ")));
    said.collect::<Vec<_>>().join("; ").replace('"', "")
}

impl Count {
    fn take(&mut self, played: Played) {
        self.played += 1;
        self.right += usize::from(played.wrong.is_empty());
        self.longest = self.longest.max(played.took);
        *self.said.entry(played.said).or_default() += 1;
    }
}

impl Repeated {
    /// Parses `FILE`, `FILE::ipv6` or `FILE::ipv4::control_blocked`; IPv4 if no family is named.
    ///
    /// # Errors
    /// Fails if the file is not a scenario, or if a word after it is neither a family nor a variant.
    pub fn parse(text: &str, times: usize) -> anyhow::Result<Self> {
        let mut words = text.split("::");
        let file = Path::new(words.next().unwrap_or_default());
        let scenario = Scenario::read(file)?;
        let (mut family, mut variant) = (Family::Ipv4, Variant::Default);
        for word in words {
            match word {
                "ipv4" => family = Family::Ipv4,
                "ipv6" => family = Family::Ipv6,
                "control_blocked" => variant = Variant::ControlBlocked,
                other => anyhow::bail!(
                    "{other}: expected ipv4, ipv6 or control_blocked after a scenario's file"
                ),
            }
        }
        ensure!(
            scenario.families.contains(&family) && scenario.variants.contains(&variant),
            "{text}: the lab does not play it"
        );
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: format!("{stem}::{}{}", family.name(), variant.suffix()),
            scenario,
            family,
            variant,
            times,
        })
    }
}
