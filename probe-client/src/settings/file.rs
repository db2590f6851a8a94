//! Reads the user's configuration file, whose keys are the flags of the commands. Each value is given to clap as if it
//! had been typed, so that a key and its flag accept the same.

use std::any::TypeId;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use settings_file::{Defect, Field, FileErrors, Problems, Read, Table};

use super::keys::{self, COMMANDS, CONNECTION, KEYS, key_of};
use crate::config::is_file;
use crate::environment::Environment;
use crate::given_file;
use crate::signed_url::{self, without_secrets};

/// The content of a configuration file.
#[derive(Debug)]
pub(super) struct ConfigurationFile {
    pub(super) path: PathBuf,
    /// The connection string, which has no flag: it would be visible to every user of the machine.
    pub(super) connection: Option<(String, usize)>,
    options: Vec<FileOption>,
}

/// The value of one flag.
#[derive(Clone, Debug)]
pub(super) struct FileOption {
    /// The command whose table contains it; `None` if it is for every command that has the flag.
    command: Option<&'static str>,
    pub(super) key: &'static str,
    /// The values as they would be typed. A switch has none if it is off, and an empty one if it is on.
    pub(super) values: Vec<String>,
    pub(super) line: usize,
    at: usize,
}

impl ConfigurationFile {
    /// Reads the file at `path`. `program` is the command that describes all flags.
    ///
    /// # Errors
    ///
    /// All problems of the file.
    pub(super) fn read(path: &Path, program: &Command) -> Result<Self, FileErrors> {
        let sections = COMMANDS.map(|name| keys::section(name, program));
        let root = keys::root();
        let reader = Reader { path, program };
        let reading = given_file::toml(path, &root, |table, problems| {
            let mut options = reader.options(None, table, problems);
            for (name, section) in COMMANDS.into_iter().zip(&sections) {
                let inner = table.optional(name, problems, |field, problems| {
                    field.table(section, problems)
                });
                if let Ok(Some(inner)) = inner {
                    options.extend(reader.options(Some(name), &inner, problems));
                }
            }
            let connection = table.optional(CONNECTION, problems, |field, problems| {
                let text = field.text(problems)?;
                Ok((text.to_owned(), problems.line(field.at())))
            });
            let file = Self {
                path: path.to_owned(),
                connection: connection.unwrap_or_default(),
                options,
            };
            file.report_contradictions(program, problems);
            file
        });
        reading.whole()
    }

    /// Returns the options for a command. Its own table takes precedence over the options for all commands.
    pub(super) fn options(&self, command: &Command) -> Vec<FileOption> {
        let own = |option: &FileOption| option.command == Some(command.get_name());
        let fitting = self.options.iter().filter_map(|option| {
            if own(option) {
                return Some(option.clone());
            }
            let is_replaced = || {
                let mut others = self.options.iter();
                others.any(|other| own(other) && other.key == option.key)
            };
            if option.command.is_some() || is_replaced() {
                return None;
            }
            let mut args = command.get_arguments();
            match args.find(|arg| key_of(arg) == option.key) {
                Some(arg) if option.key == keys::OUTPUT => usable(option, command, arg),
                None if option.key != keys::COLOUR => None,
                Some(_) | None => Some(option.clone()),
            }
        });
        fitting.collect()
    }

    fn report_contradictions(&self, program: &Command, problems: &mut Problems<'_>) {
        let connection = self.connection.as_ref().map(|(_, line)| *line);
        for option in self
            .options
            .iter()
            .filter(|o| o.key == keys::CONNECTION_FILE)
        {
            if let Some(line) = connection {
                problems.report(option.at, together(option.key, CONNECTION, line));
            }
        }
        let mut told = Vec::new();
        for command in COMMANDS
            .iter()
            .filter_map(|name| program.find_subcommand(name))
        {
            let set = self.options(command);
            for (index, option) in set.iter().enumerate() {
                let other = set[..index].iter().find(|other| {
                    keys::exclude(command, option.key, other.key)
                        && !option.values.is_empty()
                        && !other.values.is_empty()
                });
                if let Some(other) = other
                    && !told.contains(&option.at)
                {
                    told.push(option.at);
                    problems.report(option.at, together(option.key, other.key, other.line));
                }
            }
        }
    }
}

struct Reader<'r> {
    path: &'r Path,
    program: &'r Command,
}

impl Reader<'_> {
    fn options(
        &self,
        command: Option<&'static str>,
        table: &Table<'_>,
        problems: &mut Problems<'_>,
    ) -> Vec<FileOption> {
        let mut options = Vec::new();
        for (key, _) in KEYS {
            let read = table.optional(key, problems, |field, problems| {
                let values = self.values(command, key, field, problems)?;
                Ok(FileOption {
                    command,
                    key,
                    values,
                    line: problems.line(field.at()),
                    at: field.at(),
                })
            });
            options.extend(read.unwrap_or_default());
        }
        options
    }

    /// Returns the values as they would be typed.
    fn values(
        &self,
        command: Option<&'static str>,
        key: &'static str,
        field: Field<'_>,
        problems: &mut Problems<'_>,
    ) -> Read<Vec<String>> {
        let takers = keys::takers(self.program, key);
        let takers: Vec<_> = takers
            .into_iter()
            .filter(|(taker, _)| command.is_none_or(|name| taker.get_name() == name))
            .collect();
        let Some((_, arg)) = takers.first() else {
            // Unknown keys of a table are reported when the table is opened.
            return Ok(Vec::new());
        };
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            let on = field.boolean(problems)?;
            return Ok(on.then(String::new).into_iter().collect());
        }
        let fields = if matches!(arg.get_action(), ArgAction::Append) {
            field.members(problems)?
        } else {
            vec![field]
        };
        let mut values = Vec::new();
        for field in fields {
            let value = self.placed(arg, &field.scalar(problems)?);
            if let Err(reason) = accepted(&takers, &value) {
                let shown = without_secrets(&value);
                return Err(field.malformed(&shown, reason, problems));
            }
            values.push(value);
        }
        Ok(values)
    }

    /// Returns `value`; if it is a relative path, it starts at the folder of the configuration file.
    fn placed(&self, arg: &Arg, value: &str) -> String {
        let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>()
            && !signed_url::is_meant(value);
        if is_path || (arg.is_positional() && is_file(value)) {
            let folder = self.path.parent().unwrap_or_else(|| Path::new(""));
            return folder.join(value).display().to_string();
        }
        value.to_owned()
    }
}

/// Returns the argument that gives `value` to a flag.
pub(super) fn typed(arg: &Arg, value: &str) -> String {
    match arg.get_long() {
        None => value.to_owned(),
        Some(long) if value.is_empty() => format!("--{long}"),
        Some(long) => format!("--{long}={value}"),
    }
}

/// Returns the option with only the values that `command` accepts; `None` if it accepts none. For example, `watch`
/// takes folders from `output`, and leaves the report files to `run`.
fn usable(option: &FileOption, command: &Command, arg: &Arg) -> Option<FileOption> {
    let values = option.values.iter();
    let values = values.filter(|value| accepts(command, arg, value).is_ok());
    let values: Vec<String> = values.cloned().collect();
    (!values.is_empty()).then(|| FileOption {
        values,
        ..option.clone()
    })
}

/// Checks that all `takers` of a flag accept the value. For the places of reports, it is enough that one of them does.
fn accepted(takers: &[(&Command, &Arg)], value: &str) -> Result<(), String> {
    let refusals = takers.iter().filter_map(|(command, arg)| {
        let reason = accepts(command, arg, value).err()?;
        Some((command.get_name(), reason))
    });
    let mut refusals: Vec<_> = refusals.collect();
    let all = refusals.len() == takers.len();
    let is_output = takers.iter().any(|(_, arg)| key_of(arg) == keys::OUTPUT);
    match refusals.pop() {
        None => Ok(()),
        Some(_) if is_output && !all => Ok(()),
        Some((_, reason)) if all => Err(reason),
        Some((command, reason)) => Err(format!(
            "for `fwprobe {command}`, {reason}; a value for one command belongs in its table, such \
             as [run]"
        )),
    }
}

/// Checks that the flag of a command accepts the value.
fn accepts(command: &Command, arg: &Arg, value: &str) -> Result<(), String> {
    if arg.is_positional() && value.starts_with('-') {
        return Err("it must not begin with a hyphen".to_owned());
    }
    let parser = command
        .clone()
        .no_binary_name(true)
        .subcommand_required(false)
        .arg_required_else_help(false);
    let parsed = parser.try_get_matches_from([typed(arg, value)]);
    parsed.map(drop).map_err(|error| reason(&error))
}

/// Returns the reason in clap's error, without the words that only make sense on a command line.
fn reason(error: &clap::Error) -> String {
    if let (ErrorKind::InvalidValue, Some(ContextValue::Strings(words))) =
        (error.kind(), error.get(ContextKind::ValidValue))
    {
        return format!("use one of {}", words.join(", "));
    }
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

fn together(key: &str, other: &str, line: usize) -> Defect {
    Defect::other(format_args!(
        "`{key}` cannot be used together with `{other}` in line {line}; remove one of the two"
    ))
}

/// Returns the configuration file that is read if none is named.
pub(super) fn default_path(environment: Environment<'_>) -> Option<PathBuf> {
    let (base, rest): (_, &[&str]) = if cfg!(windows) {
        (environment("APPDATA")?, &[])
    } else if let Some(base) = environment("XDG_CONFIG_HOME").filter(|b| !b.is_empty()) {
        (base, &[])
    } else {
        (environment("HOME")?, &[".config"])
    };
    let mut path = PathBuf::from(base);
    path.extend(rest);
    path.extend(["fwprobe", "config.toml"]);
    Some(path)
}
