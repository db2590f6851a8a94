//! A server in the wrong hands can make a run end without a result, but costs the client only bounded time and memory.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use fwprobe_tests::middlebox::{Answers, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Identity, Place, Probe, Seat};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("compromised")
        .on_both_families("huge_sightings", |ip| costs_little(ip, Answers::Huge))
        .on_both_families("sightings_that_swell", |ip| {
            costs_little(ip, Answers::Swelling)
        })
        .on_both_families("slow_sightings", |ip| {
            costs_little(ip, Answers::Slow(Duration::from_secs(1)))
        })
        .on_both_families("slow_bytes", |ip| {
            costs_little(ip, Answers::SlowBytes(Duration::from_secs(1)))
        })
        .on_both_families("instances_without_end", |ip| {
            costs_little(ip, Answers::Manifold)
        })
}

fn costs_little(ip: IpAddr, answers: Answers) -> anyhow::Result<()> {
    let identity = Identity::make(&Place::ordinary(), &[&ip.to_string()])?;
    let server = Middlebox::compromised(Seat::take(ip)?, &identity, answers)?;
    let connection = identity.connection().clone();
    let probe = Probe::with(connection.with_control_port(server.port()))?
        .from(&Place::ordinary().with_memory(MEMORY))
        .kinds(server.port(), SessionKind::ALL)
        .idle_timeout(IDLE_TIMEOUT);
    let begun = Instant::now();
    let run = probe.run()?;
    let lasted = begun.elapsed();
    ensure!(lasted < MOST, "{lasted:?}:\n{}", run.text());
    let told = run.json.as_ref().map_or(0, String::len);
    ensure!(told < DOCUMENT, "a document of {told} bytes");
    ensure!(
        run.document()?
            .probes
            .iter()
            .all(|p| p.verdict.id != VerdictId::Reachable),
        "{}",
        run.text()
    );
    Ok(())
}

/// The memory limit. A run of a development build needs less than half of it, including the stacks of its threads.
const MEMORY: u64 = 96 * 1024 * 1024;

const IDLE_TIMEOUT: u8 = 2;

/// The time limit: six times the idle timeout for control answers, then the sessions and what follows them, on a busy
/// machine.
const MOST: Duration = Duration::from_secs(60);

/// The maximum size of the document for six probes and their variations.
const DOCUMENT: usize = 4 * 1024 * 1024;
