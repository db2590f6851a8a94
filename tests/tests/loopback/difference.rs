//! Compares two runs with `fwprobe diff`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Cli, EchoServer, Probe, Run, ServerPlan, ShutPort, WATCHDOG, clutter};
use probe_core::session_kind::SessionKind;
use probe_documents::diff::{Diff, FactKind};
use serde_json::Value;

pub(crate) fn trials() -> Trials {
    Trials::of("difference")
        .once("a_port_that_is_shut_now", a_port_that_is_shut_now)
        .once("foreign_files_in_a_folder", foreign_files_in_a_folder)
        .once("clutter_in_a_folder", clutter_in_a_folder)
        .once("a_certificate_that_is_new", a_certificate_that_is_new)
}

/// A repeated run has no difference. With one port shut, that port is the only difference.
fn a_port_that_is_shut_now() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(2).start()?;
    let (stays, shut) = (server.port(1), server.port(2));
    let files = Cli::fwprobe()?;
    let nowhere = ShutPort::take(LOOPBACK)?;
    let map = format!("{shut}={}", nowhere.port());
    let before = saved(&files, &server, "before.json", None)?;
    let again = saved(&files, &server, "again.json", None)?;
    let after = saved(&files, &server, "after.json", Some(&map))?;
    server.stop()?;

    let (code, same) = compared(&before, &again)?;
    ensure!(code == 0, "exit code {code}: {same}");
    ensure!(same["changes"] == Value::Array(Vec::new()), "{same}");
    ensure!(same["facts"] == Value::Array(Vec::new()), "{same}");

    let (code, worse) = compared(&before, &after)?;
    ensure!(code == 1, "exit code {code}: {worse}");
    let changes = worse["changes"].as_array().context("changes")?;
    ensure!(changes.len() == 1, "{worse}");
    ensure!(
        changes[0]["change"] == "regression" && changes[0]["port"] == shut,
        "{worse}"
    );
    ensure!(
        changes[0]["after"]["outcome"] == "not-as-expected",
        "{worse}"
    );
    ensure!(worse["unchanged"][0]["port"] == stays, "{worse}");

    let (code, better) = compared(&after, &before)?;
    ensure!(
        code == 0 && better["changes"][0]["change"] == "fixed",
        "{better}"
    );
    Ok(())
}

/// The server changes its certificate, and clients know the old and the new one: the certificate is the one fact that
/// changed.
fn a_certificate_that_is_new() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).with_metrics().start()?;
    let pin = server.identity().begin_roll_over()?;
    let connection = server.connection().with_pin(&pin)?;
    let run = || -> anyhow::Result<Run> {
        let probe = Probe::with(connection.clone())?;
        probe.port(server.port(1), SessionKind::Tls).run()
    };
    let before = run()?;
    server.identity().finish_roll_over()?;
    server.reload()?;
    let deadline = Instant::now() + WATCHDOG;
    while server
        .metrics()?
        .sum("fwprobe_echo_reloads_total{outcome=\"accepted\"}")
        < 1.0
    {
        ensure!(Instant::now() < deadline, "no reload");
    }
    let after = run()?;
    let diff = Diff::between(before.document()?, after.document()?);
    let facts: Vec<FactKind> = diff.facts.iter().map(|fact| fact.fact).collect();
    ensure!(diff.changes.is_empty(), "{diff:#?}");
    ensure!(facts == [FactKind::Certificate], "{diff:#?}");
    server.stop().map(drop)
}

/// A folder is compared by its newest run, whatever else is in it.
fn foreign_files_in_a_folder() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(2).start()?;
    let files = Cli::fwprobe()?;
    let old = saved(&files, &server, "runs-0.json", None)?;
    let whole = std::fs::read_to_string(&old)?;
    files.file("cut-off.json", &whole[..whole.len() / 2])?;
    files.file("foreign.json", "{\"runs\": []}")?;
    files.file("notes.txt", "no run at all")?;
    let newest = saved(&files, &server, "a-name-that-sorts-first.json", None)?;
    server.stop()?;

    let told = Cli::fwprobe()?
        .arg("diff")
        .arg(&old)
        .arg(files.directory())
        .args(["--format", "json"])
        .run()?;
    ensure!(told.code()? == 0, "{told:?}");
    let diff: Value = serde_json::from_str(&told.stdout)?;
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(&newest)?)?;
    ensure!(diff["after"]["run"] == saved["run"]["id"], "{diff}");
    for name in [
        "cut-off.json is cut off",
        "foreign.json is not a run document",
    ] {
        ensure!(told.stderr.contains(name), "{name}: {}", told.stderr);
    }
    let empty = Cli::fwprobe()?;
    let told = Cli::fwprobe()?
        .arg("diff")
        .arg(&old)
        .arg(empty.directory())
        .run()?;
    ensure!(
        told.code()? == 2 && told.stderr.contains("contains no run"),
        "{told:?}"
    );
    Ok(())
}

/// What cannot be read as a file is named, and nothing waits for it.
fn clutter_in_a_folder() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(2).start()?;
    let files = Cli::fwprobe()?;
    let before = saved(&files, &server, "before.json", None)?;
    saved(&files, &server, "after.json", None)?;
    server.stop()?;
    let folder = files.directory();
    clutter::put(folder)?;

    for command in [
        Cli::fwprobe()?.arg("diff").arg(&before).arg(folder),
        Cli::fwprobe()?.arg("history").arg(folder),
    ] {
        let told = command.run()?;
        ensure!(told.code()? == 0, "{told:?}");
        for (name, why) in clutter::LEFT_OUT {
            let line = format!("{name} cannot be read: {why}");
            ensure!(told.stderr.contains(&line), "no {line}: {told:?}");
        }
    }
    for (name, why) in clutter::LEFT_OUT {
        let file = folder.join(name);
        let told = Cli::fwprobe()?.arg("diff").arg(&before).arg(file).run()?;
        ensure!(
            told.code()? == 2 && told.stderr.contains(why),
            "{name}: {told:?}"
        );
    }
    clutter::is_there(folder)
}

/// Runs both ports of `server`, and returns the saved run.
fn saved(
    files: &Cli,
    server: &EchoServer,
    name: &str,
    map: Option<&str>,
) -> anyhow::Result<PathBuf> {
    let mut probe = Probe::of(server)?
        .port(server.port(1), SessionKind::Tcp)
        .port(server.port(2), SessionKind::Tls);
    if let Some(map) = map {
        probe = probe.arg("--map").arg(map);
    }
    let run = probe.run()?;
    files.file(name, run.json.as_deref().context("the report")?)
}

fn compared(before: &Path, after: &Path) -> anyhow::Result<(i32, Value)> {
    let told = Cli::fwprobe()?
        .arg("diff")
        .arg(before)
        .arg(after)
        .args(["--format", "json"])
        .run()?;
    let diff = serde_json::from_str(&told.stdout)
        .with_context(|| format!("{}{}", told.stdout, told.stderr))?;
    Ok((told.code()?, diff))
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
