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

fn an_id_that_is_misspelt() -> anyhow::Result<()> {
    for (typed, meant) in [
        ("droped", "dropped"),
        ("reachble", "reachable"),
        ("filtered", "dropped"),
        ("Closed", "not-listening"),
        ("timeout", "reply-dropped"),
    ] {
        let finished = Cli::fwprobe()?.args(["explain", typed]).run()?;
        ensure!(finished.code()? == 2, "{typed}");
        let told = &finished.stderr;
        ensure!(told.contains(meant) && told.lines().count() == 1, "{told}");
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
