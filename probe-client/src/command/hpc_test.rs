//! `fwprobe hpc-test definition`: prints the XML that registers fwprobe as a custom diagnostic test of HPC Cluster
//! Manager, by DiagnosticTests.xsd (learn.microsoft.com, ee795836).

use std::io::{self, Write};

use anyhow::{Context as _, bail};
use probe_core::profile::Profile;
use probe_report::xml;

use crate::arguments::{HpcTestCommand, HpcTestDefinition};
use crate::terminal;

pub(super) fn execute(command: &HpcTestCommand) -> anyhow::Result<u8> {
    let HpcTestCommand::Definition(definition) = command;
    let command = command_line(definition);
    let length = command.chars().count();
    if length > MAX_COMMAND {
        bail!(
            "the command has {length} characters, and HPC Pack takes {MAX_COMMAND}: give --program \
             a shorter path"
        );
    }
    for (flag, value) in [
        ("--default-profile", &definition.default_profile),
        (
            "--default-connection-file",
            &definition.default_connection_file,
        ),
        ("--default-via", &definition.default_via),
    ] {
        if value.chars().count() > MAX_VALUE || value.contains('"') {
            bail!("{flag}: expected at most {MAX_VALUE} characters without quotes");
        }
    }
    let mut out = Vec::new();
    write(definition, &command, &mut out).context("writing XML")?;
    terminal::print(&String::from_utf8_lossy(&out)).context("standard output")?;
    Ok(0)
}

/// Returns the command, to which HPC Pack appends the values of the parameters.
fn command_line(definition: &HpcTestDefinition) -> String {
    format!("\"{}\" run --format hpc-step-result", definition.program)
}

fn write(definition: &HpcTestDefinition, command: &str, out: &mut Vec<u8>) -> io::Result<()> {
    let mut writer = xml::document(&mut *out)?;
    let version = env!("CARGO_PKG_VERSION");
    let command = xml::valid(command);
    writer
        .create_element("DiagnosticTests")
        .write_inner_content(|w| {
            let test = w.create_element("DiagnosticTest").with_attributes([
                (
                    "Name",
                    "Azure firewall ports, tested from both ends (fwprobe)",
                ),
                ("Alias", "fwprobe"),
                ("Description", DESCRIPTION),
                ("Company", "fwprobe"),
                ("Suite", "Azure"),
                ("Version", version),
            ]);
            test.write_inner_content(|w| {
                w.create_element("Parameters").write_inner_content(|w| {
                    parameters(definition)
                        .iter()
                        .try_for_each(|p| parameter(w, p))
                })?;
                w.create_element("RunStep")
                    .with_attribute(("Command", command.as_str()))
                    .with_attribute(("ResultXml", "true"))
                    .write_empty()?;
                Ok(())
            })?;
            Ok(())
        })?;
    writeln!(out)
}

#[derive(Debug)]
struct Parameter<'a> {
    name: &'a str,
    switch: &'a str,
    description: &'a str,
    default: &'a str,
    /// The form in which HPC Pack appends the parameter to the command: {0} is the switch, {1} the value. The default
    /// form is `-{0}:{1}`.
    format: &'a str,
    allowed: Option<String>,
}

fn parameters(definition: &HpcTestDefinition) -> [Parameter<'_>; 3] {
    let profiles: Vec<String> = Profile::all().iter().map(|p| p.id.to_string()).collect();
    let built_in = profiles.contains(&definition.default_profile);
    [
        Parameter {
            name: "profile",
            switch: "profile",
            description: "The profile of ports: see fwprobe profiles list",
            default: &definition.default_profile,
            format: "\"{1}\"",
            allowed: built_in.then(|| profiles.join(",")),
        },
        Parameter {
            name: "connection-file",
            switch: "connection-file",
            description: "The file with the connection string of the echo server, on the node",
            default: &definition.default_connection_file,
            format: "--{0} \"{1}\"",
            allowed: None,
        },
        Parameter {
            name: "via",
            switch: "via",
            description: "The path to the server: direct, or a proxy",
            default: &definition.default_via,
            format: "--{0} \"{1}\"",
            allowed: None,
        },
    ]
}

fn parameter<W: Write>(
    writer: &mut quick_xml::Writer<W>,
    parameter: &Parameter<'_>,
) -> io::Result<()> {
    let default = xml::valid(parameter.default);
    let element = writer.create_element("Parameter").with_attributes([
        ("Name", parameter.name),
        ("SwitchName", parameter.switch),
        ("Description", parameter.description),
        ("Type", "String"),
        ("DefaultValue", default.as_str()),
        ("Format", parameter.format),
    ]);
    match &parameter.allowed {
        Some(allowed) => element
            .with_attribute(("AllowedValues", allowed.as_str()))
            .write_empty()?,
        None => element.write_empty()?,
    };
    Ok(())
}

const DESCRIPTION: &str = "Opens real sessions to an echo server in Azure and says, port by port, \
                           whether they arrive whole, and if not, what stops them and where.";

/// Limits in characters, from DiagnosticTests.xsd.
const MAX_COMMAND: usize = 255;
const MAX_VALUE: usize = 255;
