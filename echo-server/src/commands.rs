//! Carries out the commands.

mod connection_file;
mod identity;
mod serve;

use std::fmt;
use std::io::Write;

use jiff::Timestamp;
use proto::excerpt::without_error_numbers;
use socket_facts::SynTap;

use crate::arguments::{Arguments, Command, ServeArguments};
use crate::bind;
use crate::settings::{Settings, SettingsErrors};

/// The reason why a command was not carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration is invalid.
    Configuration(SettingsErrors),
    /// The command failed.
    Operation(anyhow::Error),
}

/// Carries out one command, and writes its output to `out`.
///
/// # Errors
/// The command could not be carried out.
pub(crate) fn run(arguments: Arguments, out: &mut dyn Write) -> Result<(), Failure> {
    match arguments.command {
        Command::Identity { command } => identity::run(command, out).map_err(Failure::Operation),
        Command::Serve(arguments) => serve::run(&arguments, out),
        Command::CheckConfig(arguments) => check_config(&arguments, out),
    }
}

fn check_config(arguments: &ServeArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let settings =
        Settings::resolve(arguments, Timestamp::now()).map_err(Failure::Configuration)?;
    let said = write!(out, "{settings}")
        .and_then(|()| next_note(&settings, out))
        .and_then(|()| witness_note(&settings, out));
    said.map_err(|error| Failure::Operation(error.into()))
}

/// Writes the warning about the next certificate that `serve` would log.
fn next_note(settings: &Settings, out: &mut dyn Write) -> std::io::Result<()> {
    let Some(error) = &settings.without_next else {
        return Ok(());
    };
    let why = without_error_numbers(&error.to_string());
    writeln!(out, "\n# {why}.\n# {WITHOUT_NEXT}.")
}

/// Writes what `serve` would report about the witness. This command may have different rights from those of `serve`.
fn witness_note(settings: &Settings, out: &mut dyn Write) -> std::io::Result<()> {
    if !settings.config.witness {
        return Ok(());
    }
    let Err(error) = SynTap::open() else {
        return Ok(());
    };
    writeln!(out, "\n# As this user, `serve` would not start:")?;
    let note = without_error_numbers(&bind::without_witness(&error));
    note.lines().try_for_each(|line| writeln!(out, "# {line}"))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(errors) => write!(f, "the configuration is not usable:\n{errors}"),
            Self::Operation(error) => write!(f, "{error:#}"),
        }
    }
}

/// The explanation for the operator if the certificate of a roll-over that has begun cannot be used.
const WITHOUT_NEXT: &str =
    "`serve` works without it; `identity show`, `add-key` and `roll-over` do not";
