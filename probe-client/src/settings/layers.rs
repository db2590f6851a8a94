//! Puts together what the command line, the environment and the configuration file say. The command line counts most,
//! then the environment, then the file, then the defaults.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _, Parser as _};
use settings_file::FileErrors;

use super::file::{ConfigurationFile, FileOption, default_path, typed};
use super::keys::{self, COLOUR, COMMANDS, key_of};
use crate::arguments::Arguments;
use crate::environment::Environment;
use crate::{connection, key_store, proxy_credentials};

/// The reason why there are no arguments to carry out.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// The command line is wrong, or asks for help.
    Usage(clap::Error),
    /// The configuration file is wrong. `typed` is what the command line alone says.
    File {
        problems: FileErrors,
        typed: Box<Arguments>,
    },
}

/// A command line, and the configuration file that adds to it.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) program: Command,
    /// The typed arguments, with the values of the file inserted after the name of the command.
    pub(super) line: Vec<OsString>,
    /// The arguments that the user typed.
    pub(super) typed: ArgMatches,
    pub(super) file: Option<ConfigurationFile>,
    /// The options that the file adds.
    pub(super) added: Vec<FileOption>,
}

/// Reads the arguments `line`, which begin with the program's name.
///
/// # Errors
///
/// The command line or the configuration file is wrong.
pub(crate) fn read(
    line: Vec<OsString>,
    environment: Environment<'_>,
) -> Result<Arguments, Unusable> {
    let layers = Layers::of(line, environment)?;
    let mut arguments = Arguments::try_parse_from(&layers.line).map_err(Unusable::Usage)?;
    if let (Some(file), Some(configured)) = (&layers.file, arguments.command.configured()) {
        let connection = file.connection.as_ref();
        *configured = connection.map(|(text, _)| (text.clone(), file.path.clone()));
    }
    Ok(arguments)
}

impl Layers {
    pub(super) fn of(line: Vec<OsString>, environment: Environment<'_>) -> Result<Self, Unusable> {
        let program = Arguments::command();
        let typed = program.clone().try_get_matches_from(&line);
        let mut layers = Self {
            line,
            typed: typed.map_err(Unusable::Usage)?,
            file: None,
            added: Vec::new(),
            program,
        };
        let Some(path) = layers.path(environment) else {
            return Ok(layers);
        };
        match ConfigurationFile::read(&path, &layers.program) {
            Ok(file) => layers.add(file, environment),
            Err(problems) => {
                let typed = Arguments::from_arg_matches(&layers.typed);
                let typed = Box::new(typed.map_err(Unusable::Usage)?);
                return Err(Unusable::File { problems, typed });
            }
        }
        Ok(layers)
    }

    /// Returns the command that was typed, if it reads the configuration file.
    pub(super) fn command(&self) -> Option<(&Command, &ArgMatches)> {
        let (name, given) = self.typed.subcommand()?;
        let name = COMMANDS.into_iter().find(|command| *command == name)?;
        Some((self.program.find_subcommand(name)?, given))
    }

    /// Returns the file to read: the one that the user named, even if it does not exist; otherwise the default file, if
    /// it exists.
    fn path(&self, environment: Environment<'_>) -> Option<PathBuf> {
        let (_, given) = self.command()?;
        let named = given.get_one::<PathBuf>("config").cloned();
        named.or_else(|| default_path(environment).filter(|path| path.exists()))
    }

    fn add(&mut self, file: ConfigurationFile, environment: Environment<'_>) {
        let Some((command, given)) = self.command() else {
            return;
        };
        let options = file.options(command).into_iter();
        let added: Vec<FileOption> = options
            .filter(|option| !is_overridden(option.key, command, given, environment))
            .collect();
        let mut arguments = Vec::new();
        for option in &added {
            let takers = keys::takers(&self.program, option.key);
            let mut takers = takers.into_iter();
            let own = takers.find(|(taker, _)| {
                [command.get_name(), self.program.get_name()].contains(&taker.get_name())
            });
            if let Some((_, arg)) = own {
                let values = option.values.iter().map(|value| typed(arg, value));
                arguments.extend(values.map(OsString::from));
            }
        }
        let name = OsStr::new(command.get_name());
        // Only the flag for colours can be before the name, and its values are not names of commands.
        let at = self.line.iter().position(|word| word == name);
        let at = at.map_or(self.line.len(), |at| at + 1);
        self.line.splice(at..at, arguments);
        self.added = added;
        self.file = Some(file);
    }
}

/// Returns whether a flag or a variable counts more than the value of `key` in the file.
fn is_overridden(
    key: &str,
    command: &Command,
    given: &ArgMatches,
    environment: Environment<'_>,
) -> bool {
    let is_typed = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
    let is_stronger = |arg: &Arg| {
        let other = key_of(arg);
        let one_choice = WHAT_TO_PROBE.contains(&key) && WHAT_TO_PROBE.contains(&other.as_str());
        other == key || one_choice || keys::exclude(command, key, &other)
    };
    let mut flags = keys::flags(command);
    flags.any(|arg| is_stronger(arg) && is_typed(arg.get_id().as_str()))
        || (key == COLOUR && is_typed(COLOUR))
        || variable(key, environment).is_some()
}

/// Returns the variable that is set and counts more than the value of `key` in the file.
pub(super) fn variable(key: &str, environment: Environment<'_>) -> Option<&'static str> {
    let set = |name: &str| environment(name).is_some_and(|value| !value.is_empty());
    let mut variables = VARIABLES
        .iter()
        .filter(|(instead_of, _)| *instead_of == key);
    variables.find(|(_, name)| set(name)).map(|(_, name)| *name)
}

/// The keys that together choose the rules to probe: one of them on the command line replaces both.
const WHAT_TO_PROBE: [&str; 2] = ["profile", "port"];

/// The variables that count more than a key of the file.
const VARIABLES: [(&str, &str); 5] = [
    (keys::CONNECTION_FILE, connection::VARIABLE),
    ("proxy_credentials_file", proxy_credentials::VARIABLE),
    ("ask_proxy_credentials", proxy_credentials::VARIABLE),
    ("certificate_password_file", key_store::PASSWORD_VARIABLE),
    // https://no-color.org
    (COLOUR, "NO_COLOR"),
];
