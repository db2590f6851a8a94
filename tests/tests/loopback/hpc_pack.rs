//! Validates the output for HPC Cluster Manager with a third-party validator, against schemas of the published form.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{Cli, Finished, Process};
use serde_json::Value;

use super::reports::a_mixed_run;

pub(crate) fn trials() -> Trials {
    Trials::of("hpc_pack")
        .needing(XMLLINT, "a_definition_fits_its_schema", a_definition)
        .needing(XMLLINT, "a_mixed_run_fits_its_schema", a_mixed_result)
        .needing(XMLLINT, "odd_characters_fit_the_schema", odd_characters)
}

/// Tests the definition with default options, and with options that contain odd characters.
fn a_definition() -> anyhow::Result<()> {
    let long = format!("C:\\{}\\{ODD}", "x".repeat(200));
    let variants: [&[&str]; 3] = [
        &[],
        &["--program", ODD, "--default-via", "socks5h://[2001:db8::1]"],
        &["--default-connection-file", &long, "--default-profile", ODD],
    ];
    for arguments in variants {
        let cli = Cli::fwprobe()?.args(["hpc-test", "definition"]);
        let text = cli.args(arguments).succeeds()?;
        fits(DEFINITION, &text)?;
        // A wrong attribute shows that the schema does not accept everything.
        let anonymous = text.replacen("Company=", "Firm=", 1);
        fits_not(DEFINITION, &anonymous)?;
    }
    Ok(())
}

fn a_mixed_result() -> anyhow::Result<()> {
    let json = a_mixed_run()?.json.context("the report")?;
    for format in FORMATS {
        let text = rendered(&json, format)?;
        ensure!(text.contains("<Result>Failure</Result>"), "{text}");
        fits(STEP_RESULT, &text)?;
        fits_not(
            STEP_RESULT,
            &text.replacen("<Result>Failure", "<Result>Bad", 1),
        )?;
    }
    Ok(())
}

/// Odd characters in everything that comes from outside: the host's name, a profile's texts, a stranger's answer.
fn odd_characters() -> anyhow::Result<()> {
    let json = a_mixed_run()?.json.context("the report")?;
    let mut report: Value = serde_json::from_str(&json)?;
    report["host"]["name"] = Value::from(ODD.repeat(20));
    let probes = report["probes"].as_array_mut().context("probes")?;
    for probe in probes {
        probe["rule"]["purpose"] = Value::from(ODD);
    }
    let odd = report.to_string();
    for format in FORMATS {
        let text = rendered(&odd, format)?;
        ensure!(text.contains("]]&gt;"), "it is not there:\n{text}");
        fits(STEP_RESULT, &text)?;
    }
    Ok(())
}

fn rendered(json: &str, format: &str) -> anyhow::Result<String> {
    let cli = Cli::fwprobe()?;
    let saved = cli.file("run.json", json)?;
    let cli = cli.arg("report").arg(saved);
    cli.args(["--format", format]).succeeds()
}

pub(crate) fn fits(schema: &str, text: &str) -> anyhow::Result<()> {
    let finished = validate(schema, text)?;
    ensure!(finished.code()? == 0, "{}\n{text}", finished.stderr);
    Ok(())
}

fn fits_not(schema: &str, text: &str) -> anyhow::Result<()> {
    let code = validate(schema, text)?.code()?;
    ensure!(code == DOES_NOT_FIT, "exit code {code} for\n{text}");
    Ok(())
}

fn validate(schema: &str, text: &str) -> anyhow::Result<Finished> {
    let files = Cli::fwprobe()?;
    let file = files.file("file.xml", text)?;
    let mut command = Command::new("xmllint");
    command
        .args(["--noout", "--nonet", "--schema"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(schema))
        .arg(file);
    Process::start(command)?.finish()
}

const DEFINITION: &str = "schemas/hpc-test-definition.xsd";
pub(crate) const XMLLINT: &[Need] = &[Need::Tool("xmllint")];
pub(crate) const STEP_RESULT: &str = "schemas/hpc-step-result.xsd";

const FORMATS: [&str; 2] = ["hpc-step-result", "hpc-step-summary"];

/// The exit code of xmllint(1) for a validation error.
const DOES_NOT_FIT: i32 = 3;

/// Markup, control characters, a character that XML does not allow, and letters of several Unicode planes.
const ODD: &str = "]]> <a b='c'>&amp; \u{1b}[1m\u{7}\u{fffe} \u{7528}\u{1f525}\u{e9}";
