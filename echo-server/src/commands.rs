//! What each command does.

mod identity;
mod serve;

use std::fmt;
use std::io::Write;

use crate::arguments::{Arguments, Command, ServeArguments};
use crate::settings::{Settings, SettingsErrors};

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for makes no sense.
    Configuration(SettingsErrors),
    /// It could not be done.
    Operation(anyhow::Error),
}

/// Carries out one command; what it has to say goes to `out`.
///
/// # Errors
/// It could not be done.
pub(crate) fn run(arguments: Arguments, out: &mut dyn Write) -> Result<(), Failure> {
    match arguments.command {
        Command::Identity { command } => identity::run(command, out).map_err(Failure::Operation),
        Command::Serve(arguments) => serve::run(&arguments, out),
        Command::CheckConfig(arguments) => check_config(&arguments, out),
    }
}

fn check_config(arguments: &ServeArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let settings = Settings::resolve(arguments).map_err(Failure::Configuration)?;
    write!(out, "{settings}").map_err(|error| Failure::Operation(error.into()))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(errors) => write!(f, "the configuration is not usable:\n{errors}"),
            Self::Operation(error) => write!(f, "{error:#}"),
        }
    }
}
