//! The help that a user gets before anything is sent, and where to look up an id.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::ensure;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Cli, Identity, Place};

use super::hpc_pack::{STEP_RESULT, XMLLINT, fits};

pub(crate) fn trials() -> Trials {
    Trials::of("told")
        .once(
            "a_connection_that_all_may_read",
            a_connection_that_all_may_read,
        )
        .once("an_id_that_is_misspelt", an_id_that_is_misspelt)
        .once("a_plan_before_there_is_a_server", plan_without_a_server)
        .needing(
            XMLLINT,
            "a_step_that_could_not_run",
            a_step_that_could_not_run,
        )
}

fn a_connection_that_all_may_read() -> anyhow::Result<()> {
    let identity = Identity::make(&Place::ordinary(), &["127.0.0.1"])?;
    let cli = Cli::fwprobe()?;
    let file = cli.file("echo.txt", &identity.connection().text())?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644))?;
    let cli = cli.args(["plan", "--port", "443", "--connection-file"]);
    let finished = cli.arg(&file).run()?;
    ensure!(finished.code()? == 2, "{}", finished.stderr);
    ensure!(finished.stderr.contains("chmod 600"), "{}", finished.stderr);
    Ok(())
}

/// A user who asks for firewall rules needs the plan before there is a server.
fn plan_without_a_server() -> anyhow::Result<()> {
    let printed = Cli::fwprobe()?
        .args(["plan", "hpc-2008r2-sp1"])
        .succeeds()?;
    ensure!(printed.contains("servers  none yet"), "{printed}");
    for port in [80, 443, 3389, 5901, 5902, 7998, 7999] {
        let row = |line: &&str| line.trim_start().starts_with(&format!("{port} "));
        ensure!(printed.lines().any(|line| row(&line)), "{port}: {printed}");
    }
    ensure!(printed.contains("control  8443/tls"), "{printed}");
    let named = Cli::fwprobe()?.args(["plan", "hpc-2008r2-sp1", "--host", "192.0.2.7"]);
    let printed = named.succeeds()?;
    ensure!(printed.contains("servers  192.0.2.7\n"), "{printed}");
    let printed = Cli::fwprobe()?
        .args(["plan", "hpc-2008r2-sp1", "--format", "json"])
        .succeeds()?;
    let plan: serde_json::Value = serde_json::from_str(&printed)?;
    ensure!(
        plan["hosts"].as_array().is_some_and(Vec::is_empty),
        "{printed}"
    );
    // A run, unlike a plan, needs the server. A wrong connection string is not treated like a missing one.
    let finished = Cli::fwprobe()?.args(["run", "hpc-2008r2-sp1"]).run()?;
    ensure!(finished.code()? == 2, "{}", finished.stdout);
    ensure!(
        finished.stderr.contains("no connection string"),
        "{}",
        finished.stderr
    );
    let cli = Cli::fwprobe()?.args(["plan", "hpc-2008r2-sp1"]);
    let finished = cli.variable("FWPROBE_CONNECTION", "fwprobe://").run()?;
    ensure!(finished.code()? == 2, "{}", finished.stdout);
    Ok(())
}

fn an_id_that_is_misspelt() -> anyhow::Result<()> {
    for (typed, meant) in [("droped", "dropped"), ("reachble", "reachable")] {
        let finished = Cli::fwprobe()?.args(["explain", typed]).run()?;
        ensure!(finished.code()? == 2, "{typed}");
        let told = &finished.stderr;
        ensure!(told.contains(meant) && told.lines().count() == 1, "{told}");
    }
    for (word, meant) in [
        ("filtered", "dropped"),
        ("Closed", "not-listening"),
        ("timeout", "reply-dropped"),
    ] {
        let told = Cli::fwprobe()?.args(["explain", word]).succeeds()?;
        ensure!(told.contains(&format!("\n  {meant} ")), "{told}");
    }
    Ok(())
}

/// A step that cannot run is reported on standard output, because HPC Cluster Manager reads nothing else.
fn a_step_that_could_not_run() -> anyhow::Result<()> {
    for format in ["hpc-step-result", "hpc-step-summary"] {
        let cli = Cli::fwprobe()?.args(["run", "--port", "443", "--format", format]);
        let finished = cli.args(["--connection-file", "/nowhere/echo.txt"]).run()?;
        ensure!(finished.code()? == 2, "{}", finished.stderr);
        let text = &finished.stdout;
        ensure!(text.contains("<Result>Failure</Result>"), "{text}");
        ensure!(text.contains("/nowhere/echo.txt"), "{text}");
        fits(STEP_RESULT, text)?;
    }
    Ok(())
}
