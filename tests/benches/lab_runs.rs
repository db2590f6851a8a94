//! Measures whole runs in the fault lab, from the start of the program to its end, as an unprivileged user.
//!
//! In one case, all seven ports of the profile are dropped. In the other, all are open over a round trip of 100 ms, and
//! the run is compared with a bare client that takes the turns of the longest session over the same way.
//!
//! Needs root, to make the lab's hosts: `cargo bench --package fwprobe-tests --bench lab_runs`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::Path;

use anyhow::Context as _;
use fwprobe_tests::flights::{self, Turn};
use fwprobe_tests::lab::{Family, Timed, lacking, timed};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use probe_core::survey::LastHop;
use probe_documents::Probe;

fn main() -> anyhow::Result<()> {
    if let Some(reason) = lacking() {
        println!("skipped: {reason}");
        return Ok(());
    }
    println!(
        "{:<24} {:<5} {:>8} {:>8}  verdicts",
        "scenario", "", "best s", "worst s"
    );
    for family in [Family::Ipv4, Family::Ipv6] {
        several("everything-dropped", family, None, last_hop)?;
    }
    for family in [Family::Ipv4, Family::Ipv6] {
        let turns = flights::of(SessionKind::Https);
        several("delay-of-100-ms", family, Some(turns), longest)?;
    }
    Ok(())
}

fn several(
    scenario: &str,
    family: Family,
    turns: Option<&[Turn]>,
    about: fn(&Timed) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let file = Path::new(SCENARIOS).join(format!("{scenario}.toml"));
    let mut all = Vec::new();
    for _ in 0..REPEATS {
        all.push(timed(&file, family, turns)?);
    }
    all.sort_by_key(|one| one.took);
    let (best, worst) = (
        all.first().context("no run")?,
        all.last().context("no run")?,
    );
    println!(
        "{scenario:<24} {:<5} {:>8.2} {:>8.2}  {}",
        family.name(),
        best.took.as_secs_f64(),
        worst.took.as_secs_f64(),
        about(best)?
    );
    Ok(())
}

/// Returns how far SYNs get, from the survey of one of the ports.
fn last_hop(timed: &Timed) -> anyhow::Result<String> {
    let probes = &timed.run.document()?.probes;
    let mut surveys = probes.iter().filter_map(|p| p.measurement.survey.as_ref());
    let hop = match surveys.next().context("no survey")?.last_hop() {
        LastHop::Answered { hop } => format!("hop {hop} answers last"),
        other @ (LastHop::Lost { .. } | LastHop::Unknown) => format!("{other:?}"),
    };
    let verdict = probes.first().context("no probe")?.verdict.id;
    let of = |id: VerdictId| probes.iter().filter(|p| p.verdict.id == id).count();
    Ok(format!("{} x {verdict}, {hop}", of(verdict)))
}

/// Returns when the last of the simultaneous sessions ended, compared with the bare client's time for the longest
/// session.
fn longest(timed: &Timed) -> anyhow::Result<String> {
    let probes = &timed.run.document()?.probes;
    let open = |id| matches!(id, VerdictId::Reachable | VerdictId::ReachableWithLoss);
    let open = probes.iter().filter(|p| open(p.verdict.id)).count();
    let through = |p: &Probe| p.timings.started_us + p.timings.total_us;
    let last = probes.iter().map(through).max().context("no probe")? as f64 / 1e3;
    let floor = timed.floor.context("no floor")?.as_secs_f64() * 1e3;
    Ok(format!(
        "{open} of {} open, all through after {last:.1} ms, {:.1} over a bare https session's \
         {floor:.1}",
        probes.len(),
        last - floor
    ))
}

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/scenarios");
const REPEATS: usize = 3;
