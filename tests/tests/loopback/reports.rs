//! Reports made from a saved run, without any network, and the demonstration (`fwprobe demo`).

use anyhow::{Context as _, ensure};
use fwprobe_tests::middlebox::Middlebox;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Cli, Probe, Run, Seat, ServerPlan, ShutPort};
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::session_kind::SessionKind;
use serde_json::Value;

pub(crate) fn trials() -> Trials {
    Trials::of("reports")
        .once(
            "the_schema_is_the_committed_one",
            the_schema_is_the_committed_one,
        )
        .once("every_report_fits_the_schema", every_report_fits_the_schema)
        .once(
            "explain_draws_the_same_verdicts",
            explain_draws_the_same_verdicts,
        )
        .once("report_gives_the_same_bytes", report_gives_the_same_bytes)
        .once("every_id_has_its_page", every_id_has_its_page)
        .once("the_demonstration", the_demonstration)
}

fn the_schema_is_the_committed_one() -> anyhow::Result<()> {
    let printed = Cli::fwprobe()?.args(["report", "--schema"]).succeeds()?;
    ensure!(
        printed == SCHEMA,
        "the document's form has changed: if that is meant, write the output of `fwprobe report \
         --schema` to probe-client/documents/schema/fwprobe.run-1.json"
    );
    Ok(())
}

fn every_report_fits_the_schema() -> anyhow::Result<()> {
    let schema: Value = serde_json::from_str(SCHEMA)?;
    let validator = jsonschema::validator_for(&schema).context("the schema is none")?;
    let json = a_mixed_run()?.json.context("the report")?;
    let mut report: Value = serde_json::from_str(&json)?;
    let wrong: Vec<String> = validator
        .iter_errors(&report)
        .map(|e| e.to_string())
        .collect();
    ensure!(wrong.is_empty(), "the report does not fit: {wrong:#?}");
    // A wrong verdict shows that the schema does not accept everything.
    report["probes"][0]["verdict"]["id"] = Value::from("fine");
    ensure!(
        !validator.is_valid(&report),
        "the schema takes a verdict that there is not"
    );
    Ok(())
}

fn explain_draws_the_same_verdicts() -> anyhow::Result<()> {
    let run = a_mixed_run()?;
    let files = Cli::fwprobe()?;
    let saved = files.file("run.json", run.json.as_deref().context("the report")?)?;
    let printed = Cli::fwprobe()?.arg("explain").arg(&saved).succeeds()?;
    let (note, explained) = printed
        .split_once("\n\n")
        .context("a note before the report")?;
    ensure!(note.ends_with("no verdict has changed"), "{note}");
    let report = Cli::fwprobe()?.arg("report").arg(&saved);
    let report = report.arg("--verbose").succeeds()?;
    ensure!(
        explained == report,
        "the report is\n{report}\nbut explained it is\n{printed}"
    );
    // A screen has no room for the evidence of several failures; the explanation and a file have all of it.
    let screen = &run.finished.stdout;
    ensure!(screen.contains("--verbose"), "not folded:\n{screen}");
    ensure!(!explained.contains("--verbose"), "folded:\n{explained}");
    let file = files.directory().join("run.txt");
    let report = Cli::fwprobe()?.arg("report").arg(&saved);
    report.arg("--output").arg(&file).succeeds()?;
    ensure!(std::fs::read_to_string(&file)? == explained);
    Ok(())
}

fn report_gives_the_same_bytes() -> anyhow::Result<()> {
    let run = a_mixed_run()?;
    let json = run.json.as_deref().context("the report")?;
    let files = Cli::fwprobe()?;
    let saved = files.file("run.json", json)?;
    let again = Cli::fwprobe()?
        .arg("report")
        .arg(&saved)
        .args(["--format", "json"])
        .succeeds()?;
    ensure!(again == json, "JSON made of JSON differs:\n{again}");
    // A page is written only to its file. A format for programs is also printed, so that it can be piped.
    for (format, is_printed) in [("html", false), ("json", true)] {
        let cli = Cli::fwprobe()?;
        let file = cli.directory().join(format!("page.{format}"));
        let cli = cli.arg("report").arg(&saved);
        let cli = cli.args(["--format", format, "--output"]).arg(&file);
        let finished = cli.run()?;
        ensure!(finished.code()? == 0, "{}", finished.stderr);
        ensure!(finished.stdout.is_empty() != is_printed, "{format}");
        ensure!(std::fs::metadata(&file)?.len() > 0, "{format}");
    }
    let table = Cli::fwprobe()?.arg("report").arg(saved).succeeds()?;
    ensure!(table == run.finished.stdout, "the table differs:\n{table}");
    Ok(())
}

/// Returns a run with a success, three causes of failure, and one undecided probe.
pub(crate) fn a_mixed_run() -> anyhow::Result<Run> {
    let ip = std::net::Ipv4Addr::LOCALHOST.into();
    let server = ServerPlan::on(ip).ports(1).start()?;
    let shut = ShutPort::take(ip)?;
    let stranger = Middlebox::web_server(Seat::take(ip)?)?;
    let relay = Middlebox::relay(Seat::take(ip)?, server.address(1))?;
    let run = Probe::of(&server)?
        .kinds(server.port(1), SessionKind::ALL)
        .port(shut.port(), SessionKind::Tls)
        .port(stranger.port(), SessionKind::Https)
        .port(relay.port(), SessionKind::Nettcp)
        .args(["--host", "127.0.0.1", "--host", "nonexistent.invalid"])
        .run()?;
    run.expect_exit(1)?;
    server.stop()?;
    Ok(run)
}

fn every_id_has_its_page() -> anyhow::Result<()> {
    let verdicts = VerdictId::ALL.iter().map(ToString::to_string);
    let findings = FindingId::ALL.iter().map(ToString::to_string);
    for id in verdicts.chain(findings) {
        let page = Cli::fwprobe()?.args(["explain", &id]).succeeds()?;
        ensure!(
            page.contains(&id),
            "the page of {id} does not name it:\n{page}"
        );
    }
    Ok(())
}

fn the_demonstration() -> anyhow::Result<()> {
    let cli = Cli::fwprobe()?;
    let saved = cli.directory().join("demo.json");
    let cli = cli.arg("demo").arg("--output").arg(&saved);
    let printed = cli.succeeds()?;
    let report: Value = serde_json::from_str(&std::fs::read_to_string(saved)?)?;
    let probes = report["probes"].as_array().context("probes")?;
    ensure!(probes.len() == 7, "{} probes", probes.len());
    for probe in probes {
        let expected = match probe["rule"]["port"].as_u64() {
            Some(7998) => "not-listening",
            Some(80) => "payload-altered",
            _ => "reachable",
        };
        ensure!(
            probe["verdict"]["id"] == expected,
            "{}: not {expected}",
            probe["rule"]["port"]
        );
        ensure!(
            printed.contains(expected),
            "{expected} is not shown:\n{printed}"
        );
    }
    Ok(())
}

const SCHEMA: &str = include_str!("../../../probe-client/documents/schema/fwprobe.run-1.json");
