//! What befalls a server that nobody attacks.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{EchoServer, Identity, Place, Probe, ServerPlan};
use probe_core::catalogue::FindingId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("hardship").needing(
        [Need::Tool("faketime")],
        "the_date_is_set_while_it_serves",
        the_date_is_set,
    )
}

/// Forward and back again, by a day each time: sessions go on, and what the server saw of one before is found
/// after.
fn the_date_is_set() -> anyhow::Result<()> {
    let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
    let identity = Identity::make(&Place::ordinary(), &[&ip.to_string()])?;
    // Beside the configuration, where the server may read.
    let date = identity.scratch().join("date");
    set(&date, "+0")?;
    let place = Place::ordinary()
        .with_variable("LD_PRELOAD", &library()?)
        .with_variable("FAKETIME_TIMESTAMP_FILE", &date.display().to_string())
        .with_variable("FAKETIME_NO_CACHE", "1")
        .with_variable("DONT_FAKE_MONOTONIC", "1");
    let server = ServerPlan::on(ip).ports(1).at(place).start_as(identity)?;
    probe(&server, false)?;
    for offset in ["+1d", "-1d"] {
        set(&date, offset)?;
        probe(&server, true)?;
    }
    set(&date, "+0")?;
    probe(&server, false)?;
    server.stop().map(drop)
}

/// Every session kind; the clocks of the two ends differ, or they do not.
fn probe(server: &EchoServer, is_off: bool) -> anyhow::Result<()> {
    let probe = Probe::of(server)?.kinds(server.port(1), SessionKind::ALL);
    let run = probe.run()?;
    run.expect_exit(0)?;
    for probe in &run.document()?.probes {
        let skew = probe.findings.iter().find(|f| f.id == FindingId::ClockSkew);
        ensure!(skew.is_some() == is_off, "{skew:?}");
    }
    Ok(())
}

fn set(file: &Path, offset: &str) -> anyhow::Result<()> {
    // In place, so that no moment is without a date.
    std::fs::write(file, format!("{offset}\n")).context("the file with the date")
}

/// Where faketime's library is, as it says itself.
fn library() -> anyhow::Result<String> {
    let output = Command::new("faketime")
        .args(["-f", "+0", "sh", "-c", "printf %s \"$LD_PRELOAD\""])
        .output()
        .context("faketime")?;
    // With a word in it that the loader knows, so that it cannot be looked for here.
    let path = String::from_utf8(output.stdout)?;
    ensure!(!path.is_empty(), "faketime preloads nothing");
    Ok(path)
}
