//! Troubles of a server that nobody attacks, for example a changed date.

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

/// The date is set forward and back by a day. Sessions still work, and the server still finds what it noted before.
fn the_date_is_set() -> anyhow::Result<()> {
    let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
    let identity = Identity::make(&Place::ordinary(), &[&ip.to_string()])?;
    // The file is in the configuration's directory, where the server may read.
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

/// Runs every session kind, and expects a clock difference if `is_off`.
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
    // The file is overwritten in place, so that there is a date at every moment.
    std::fs::write(file, format!("{offset}\n")).context("the file with the date")
}

/// Returns the path of faketime's library, as faketime prints it.
fn library() -> anyhow::Result<String> {
    let output = Command::new("faketime")
        .args(["-f", "+0", "sh", "-c", "printf %s \"$LD_PRELOAD\""])
        .output()
        .context("faketime")?;
    // The path contains a placeholder that only the dynamic loader expands, so its existence cannot be checked here.
    let path = String::from_utf8(output.stdout)?;
    ensure!(!path.is_empty(), "faketime preloads nothing");
    Ok(path)
}
