//! Report files are written whole or not at all, and the previous file stays until then.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Cli, EchoServer, Finished, ServerPlan};

pub(crate) fn trials() -> Trials {
    Trials::of("outputs")
        .once(
            "into_a_directory_that_is_not_there",
            into_a_directory_that_is_not_there,
        )
        .once(
            "into_a_directory_without_the_right",
            into_a_directory_without_the_right,
        )
        .once("over_a_directory", over_a_directory)
        .once("in_no_format", in_no_format)
        .once("one_of_two_cannot_be_written", one_of_two_cannot_be_written)
        .once("over_an_older_report", over_an_older_report)
        .once("several_at_once", several_at_once)
        .once("one_file_twice", one_file_twice)
        .once("without_a_file", without_a_file)
        .once(
            "one_that_fails_costs_no_other",
            one_that_fails_costs_no_other,
        )
}

fn into_a_directory_that_is_not_there() -> anyhow::Result<()> {
    refused("/nowhere/report.json", |_| Ok(()))
}

/// Even root may not create files there.
fn into_a_directory_without_the_right() -> anyhow::Result<()> {
    refused("/proc/report.json", |_| Ok(()))
}

fn over_a_directory() -> anyhow::Result<()> {
    refused("report.json", |path| Ok(std::fs::create_dir(path)?))
}

fn in_no_format() -> anyhow::Result<()> {
    refused("report.doc", |_| Ok(()))
}

/// Checks that `output` is refused before anything is sent. A relative path is in the test's directory.
fn refused(output: &str, prepare: fn(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let path = cli.directory().join(output);
    prepare(&path)?;
    let before = entries(cli.directory())?;
    let cli = run(cli, &server).arg("--output").arg(&path);
    let finished = cli.run()?;
    says_no(&finished, &path)?;
    let after = entries(cli.directory())?;
    ensure!(
        before == after,
        "files before: {before:?}, after: {after:?}"
    );
    server.stop().map(drop)
}

fn without_a_file() -> anyhow::Result<()> {
    refused_as(|_| vec!["html=".into()], "names no file")
}

fn one_file_twice() -> anyhow::Result<()> {
    let twice = |folder: &Path| ["report.json", "./report.json"].map(|name| folder.join(name));
    refused_as(|folder| twice(folder).to_vec(), "is named twice")
}

/// Checks that `outputs`, in the test's directory, are refused with `why`, and that nothing is written.
fn refused_as(outputs: impl Fn(&Path) -> Vec<PathBuf>, why: &str) -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let outputs = outputs(cli.directory());
    let all = outputs.into_iter();
    let cli = all.fold(run(cli, &server), |cli, output| {
        cli.arg("--output").arg(output)
    });
    let finished = cli.run()?;
    ensure!(
        finished.code()? == 2 && finished.stderr.contains(why),
        "{}",
        finished.stderr
    );
    ensure!(
        entries(cli.directory())?.is_empty(),
        "something was written"
    );
    server.stop().map(drop)
}

/// A template that fails on the run must not lose what was measured.
fn one_that_fails_costs_no_other() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let template = cli.file("late.txt", "{{ ports[0].nosuch }}")?;
    let (before, after) = (
        cli.directory().join("before.json"),
        cli.directory().join("after.json"),
    );
    let late_out = cli.directory().join("late.out");
    let late = format!("template={}", template.display());
    let cli = run(cli, &server)
        .args(["--format", &late, "--output"])
        .arg(&before)
        .args(["--output", &format!("{late}={}", late_out.display())])
        .arg("--output")
        .arg(&after);
    let finished = cli.run()?;
    ensure!(finished.code()? == 2, "{}", finished.stderr);
    ensure!(
        finished.stderr.matches("nosuch").count() >= 2,
        "both failures are told: {}",
        finished.stderr
    );
    for path in [before, after] {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        ensure!(text.contains("fwprobe.run/1"), "{text}");
    }
    server.stop().map(drop)
}

fn one_of_two_cannot_be_written() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let kept = cli.file("kept.json", "older")?;
    let missing = Path::new("/nowhere/report.json");
    let cli = run(cli, &server)
        .arg("--output")
        .arg(&kept)
        .arg("--output")
        .arg(missing);
    says_no(&cli.run()?, missing)?;
    ensure!(
        std::fs::read_to_string(&kept)? == "older",
        "the older report was touched"
    );
    ensure!(
        entries(cli.directory())? == ["kept.json"],
        "something was left behind"
    );
    server.stop().map(drop)
}

fn over_an_older_report() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let path = cli.file("report.json", "older")?;
    let cli = run(cli, &server).arg("--output").arg(&path);
    cli.succeeds()?;
    let text = std::fs::read_to_string(&path)?;
    serde_json::from_str::<serde_json::Value>(&text).context("the new report")?;
    ensure!(
        entries(cli.directory())? == ["report.json"],
        "something was left behind"
    );
    server.stop().map(drop)
}

fn several_at_once() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let (json, table) = (
        cli.directory().join("a.json"),
        cli.directory().join("b.txt"),
    );
    let named = cli.directory().join("c");
    let mut third = std::ffi::OsString::from("json=");
    third.push(&named);
    let cli = run(cli, &server).arg("--output").arg(&json);
    let cli = cli.arg("--output").arg(&table).arg("--output").arg(third);
    let printed = cli.succeeds()?;
    ensure!(
        std::fs::read(&json)? == std::fs::read(&named)?,
        "two reports of one run differ"
    );
    ensure!(
        std::fs::read_to_string(&table)? == printed,
        "the table is not the one printed"
    );
    server.stop().map(drop)
}

fn run(cli: Cli, server: &EchoServer) -> Cli {
    cli.variable("FWPROBE_CONNECTION", server.connection().text())
        .args(["run", "--port"])
        .arg(format!("{}/tcp", server.port(1)))
}

fn says_no(finished: &Finished, path: &Path) -> anyhow::Result<()> {
    let text = format!("{}\n{}", finished.stdout, finished.stderr);
    ensure!(
        finished.code()? == 2,
        "exit code {}:\n{text}",
        finished.code()?
    );
    ensure!(finished.stdout.is_empty(), "it ran all the same:\n{text}");
    let path = path.to_str().context("a path in UTF-8")?;
    let lines: Vec<&str> = finished.stderr.lines().collect();
    ensure!(
        matches!(lines.as_slice(), [line] if line.starts_with("error: ") && line.contains(path)),
        "not one line that names {path}:\n{text}"
    );
    Ok(())
}

fn entries(directory: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

const LOOPBACK: std::net::Ipv4Addr = std::net::Ipv4Addr::LOCALHOST;
