//! `--quick`: a run without second looks says so everywhere, and none of its verdicts has high confidence.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, ensure};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Cli, EchoServer, Probe, Run, ServerPlan, ShutPort, documents};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use probe_core::verdict::Confidence;
use probe_documents::RunDocument;
use probe_documents::diff::{Diff, FactKind};

pub(crate) fn trials() -> Trials {
    Trials::of("quick")
        .once("leaves_causes_open", leaves_causes_open)
        .once("compared_with_a_whole_run", compared_with_a_whole_run)
        .once("by_the_configuration_file", by_the_configuration_file)
        .once("in_a_watch", in_a_watch)
}

fn leaves_causes_open() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).start()?;
    let shut = ShutPort::take(LOOPBACK)?;
    let quick = run(&server, &shut, &["--quick"])?;
    quick.expect_exit(1)?;
    let document = quick.document()?;
    ensure!(document.run.quick, "{:?}", document.run);
    let found: Vec<VerdictId> = document.probes.iter().map(|p| p.verdict.id).collect();
    let expected = [VerdictId::Reachable, VerdictId::NotListening];
    ensure!(found == expected, "{}", quick.text());
    for probe in &document.probes {
        let verdict = &probe.verdict;
        ensure!(verdict.confidence < Confidence::High, "{verdict:?}");
        let measured = &probe.measurement;
        ensure!(measured.flows.is_empty() && measured.variations.is_empty());
        ensure!(measured.survey.is_none(), "{measured:?}");
    }
    let told = quick.finished.stdout.split_whitespace().collect::<Vec<_>>();
    let told = told.join(" ");
    ensure!(
        told.contains("a quick run: it took no second looks"),
        "{told}"
    );
    server.stop().map(drop)
}

/// The comparison of a whole and a quick run reports that difference alone, and no change of a port.
fn compared_with_a_whole_run() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).start()?;
    let shut = ShutPort::take(LOOPBACK)?;
    let (whole, quick) = (
        run(&server, &shut, &[])?,
        run(&server, &shut, &["--quick"])?,
    );
    let diff = Diff::between(whole.document()?, quick.document()?);
    let facts: Vec<FactKind> = diff.facts.iter().map(|fact| fact.fact).collect();
    ensure!(diff.changes.is_empty(), "{diff:#?}");
    ensure!(facts == [FactKind::Looks], "{diff:#?}");
    let again = run(&server, &shut, &["--quick"])?;
    let same = Diff::between(quick.document()?, again.document()?);
    ensure!(same.is_empty(), "{same:#?}");
    server.stop().map(drop)
}

fn by_the_configuration_file() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).start()?;
    let probe = Probe::of(&server)?.port(server.port(1), SessionKind::Tcp);
    let file = probe.file("fwprobe.toml", "[run]\nquick = true\n")?;
    let quick = probe.arg("--config").arg(file).run()?;
    ensure!(quick.expect_exit(0)?.document()?.run.quick);
    server.stop().map(drop)
}

fn in_a_watch() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let connection = cli.file("connection", &server.connection().text())?;
    let runs = cli.directory().join("runs");
    let cli = cli.args(["watch", "--quick", "--count", "1", "--listen", "none"]);
    let cli = cli.arg("--port").arg(format!("{}/tcp", server.port(1)));
    let cli = cli.arg("--connection-file").arg(connection);
    let cli = cli.arg("--output").arg(&runs);
    cli.succeeds()?;
    let kept = documents(&runs)?;
    let file = kept.first().context("a document")?;
    let document: RunDocument = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    ensure!(document.run.quick, "{:?}", document.run);
    server.stop().map(drop)
}

/// Runs a port of `server`, and one on which nothing listens.
fn run(server: &EchoServer, shut: &ShutPort, flags: &[&str]) -> anyhow::Result<Run> {
    Probe::of(server)?
        .port(server.port(1), SessionKind::Tcp)
        .port(shut.port(), SessionKind::Tls)
        .args(flags.iter().copied())
        .run()
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
