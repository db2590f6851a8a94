//! What whole runs take in the fault lab, from the start of the program to its end, as an unprivileged user
//! types it: all seven ports of the profile dropped, and all seven open over a round trip of 100 ms.
//!
//! `cargo bench --package fwprobe-tests --bench lab_runs`, as root, who makes the hosts.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use fwprobe_tests::Run;
use fwprobe_tests::lab::{Family, lacking, timed};
use probe_core::catalogue::VerdictId;
use probe_core::survey::LastHop;

fn main() -> anyhow::Result<()> {
    if let Some(reason) = lacking() {
        println!("skipped: {reason}");
        return Ok(());
    }
    println!(
        "{:<24} {:<5} {:>8} {:>8}  verdicts",
        "scenario", "", "best s", "worst s"
    );
    for (scenario, about) in [
        ("everything-dropped", last_hop as About),
        ("delay-of-100-ms", longest),
    ] {
        for family in [Family::Ipv4, Family::Ipv6] {
            several(scenario, family, about)?;
        }
    }
    Ok(())
}

type About = fn(&Run) -> anyhow::Result<String>;

fn several(scenario: &str, family: Family, about: About) -> anyhow::Result<()> {
    let file = Path::new(SCENARIOS).join(format!("{scenario}.toml"));
    let (mut best, mut worst) = (Duration::MAX, Duration::ZERO);
    let mut said = String::new();
    for _ in 0..REPEATS {
        let (run, took) = timed(&file, family)?;
        (best, worst) = (best.min(took), worst.max(took));
        said = about(&run)?;
    }
    let (best, worst) = (best.as_secs_f64(), worst.as_secs_f64());
    let family = format!("{family:?}").to_lowercase();
    println!("{scenario:<24} {family:<5} {best:>8.2} {worst:>8.2}  {said}");
    Ok(())
}

/// How far SYNs get, by the survey of one of the ports.
fn last_hop(run: &Run) -> anyhow::Result<String> {
    let probes = &run.document()?.probes;
    let mut surveys = probes.iter().filter_map(|p| p.measurement.survey.as_ref());
    let hop = match surveys.next().context("no survey")?.last_hop() {
        LastHop::Answered { hop } => format!("hop {hop} answers last"),
        other @ (LastHop::Lost { .. } | LastHop::Unknown) => format!("{other:?}"),
    };
    let verdict = probes.first().context("no probe")?.verdict.id;
    let of = |id: VerdictId| probes.iter().filter(|p| p.verdict.id == id).count();
    Ok(format!("{} x {verdict}, {hop}", of(verdict)))
}

/// The slowest of the sessions, which are all at once.
fn longest(run: &Run) -> anyhow::Result<String> {
    let probes = &run.document()?.probes;
    let open = |id| matches!(id, VerdictId::Reachable | VerdictId::ReachableWithLoss);
    let open = probes.iter().filter(|p| open(p.verdict.id)).count();
    let slowest = probes
        .iter()
        .max_by_key(|p| p.timings.total_us)
        .context("no probe")?;
    let rule = &slowest.measurement.rule;
    Ok(format!(
        "{open} of {} open, the slowest {}/{} in {} ms",
        probes.len(),
        rule.port,
        rule.session,
        slowest.timings.total_us / 1000
    ))
}

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/scenarios");
const REPEATS: usize = 3;
