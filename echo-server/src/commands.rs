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
    let notes = [next_note(&settings), witness_note(&settings)];
    let comments: String = notes.into_iter().flatten().map(|n| comment(&n)).collect();
    let said = write!(out, "{settings}{}", without_error_numbers(&comments));
    said.map_err(|error| Failure::Operation(error.into()))
}

/// Returns the warning about the next certificate that `serve` would log.
fn next_note(settings: &Settings) -> Option<String> {
    let error = settings.without_next.as_ref()?;
    Some(format!("{error}.\n{WITHOUT_NEXT}."))
}

/// Returns what `serve` would report about the witness. This command may have different rights from those of `serve`.
fn witness_note(settings: &Settings) -> Option<String> {
    if !settings.config.witness {
        return None;
    }
    let error = SynTap::open().err()?;
    let why = bind::without_witness(&error);
    Some(format!("As this user, `serve` would not start:\n{why}"))
}

/// Returns `text` as a comment of TOML, after an empty line.
fn comment(text: &str) -> String {
    let lines = text.lines().map(|line| format!("# {line}\n"));
    format!("\n{}", lines.collect::<String>())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(errors) => write!(f, "the configuration is not usable:\n{errors}"),
            Self::Operation(error) => write!(f, "{error:#}"),
        }
    }
}

/// The explanation for the operator if the next certificate of a roll-over cannot be used.
const WITHOUT_NEXT: &str =
    "`serve` works without it; `identity show`, `add-key` and `roll-over` do not";
