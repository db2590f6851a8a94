//! Says which settings a command would use, and where each comes from.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};

use super::keys::{self, CONNECTION, CONNECTION_FILE, KEYS, OUTPUT};
use super::layers::{Layers, Unusable, variable};
use crate::config::without_user;
use crate::environment::Environment;
use crate::signed_url::without_secrets;

/// One setting of a command.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    /// The value as it would be typed; `None` if there is none, or if it must not be shown.
    pub(crate) value: Option<String>,
    pub(crate) origin: SettingOrigin,
}

/// The origin of a setting.
#[derive(Debug)]
pub(crate) enum SettingOrigin {
    Flag,
    Variable(&'static str),
    File { path: PathBuf, line: usize },
    Default,
    NotSet,
}

/// Returns the settings of the command in `line`, which begins with the program's name, in the order of the sample
/// file.
///
/// # Errors
///
/// The command line or the configuration file is wrong.
pub(crate) fn in_force(
    line: Vec<OsString>,
    environment: Environment<'_>,
) -> Result<Vec<Setting>, Unusable> {
    let layers = Layers::of(line, environment)?;
    let used = layers.program.clone().try_get_matches_from(&layers.line);
    let used = used.map_err(Unusable::Usage)?;
    let (Some((command, typed)), Some((_, used))) = (layers.command(), used.subcommand()) else {
        return Ok(Vec::new());
    };
    let sources = Sources {
        layers: &layers,
        typed,
        used,
        environment,
    };
    let all = [command, &layers.program];
    let flag = |key: &str| {
        let mut flags = all.into_iter().flat_map(keys::flags);
        flags.find(|arg| keys::key_of(arg) == key)
    };
    let keys = KEYS.iter().map(|(key, _)| *key);
    let settings = keys.filter_map(|key| Some(sources.setting(key, flag(key)?)));
    Ok(sources.connection().into_iter().chain(settings).collect())
}

struct Sources<'s> {
    layers: &'s Layers,
    typed: &'s ArgMatches,
    /// The typed arguments together with the values of the file.
    used: &'s ArgMatches,
    environment: Environment<'s>,
}

impl Sources<'_> {
    /// Returns the connection string of the file as a setting, unless the command line or the environment replaces it.
    fn connection(&self) -> Option<Setting> {
        let file = self.layers.file.as_ref()?;
        let (_, line) = file.connection.as_ref()?;
        let is_typed = self.typed.value_source(CONNECTION_FILE).is_some();
        (!is_typed && variable(CONNECTION_FILE, self.environment).is_none()).then(|| Setting {
            key: CONNECTION,
            value: None,
            origin: SettingOrigin::File {
                path: file.path.clone(),
                line: *line,
            },
        })
    }

    fn setting(&self, key: &'static str, arg: &Arg) -> Setting {
        let id = arg.get_id().as_str();
        let shown = |value: &std::ffi::OsStr| {
            let value = value.to_string_lossy();
            // `--via` refuses a user name and a password, but the user may have typed them there by mistake.
            if key == "via" {
                without_user(&value)
            } else if key == OUTPUT {
                without_secrets(&value)
            } else {
                value.into_owned()
            }
        };
        let values = self.used.get_raw(id).into_iter().flatten().map(shown);
        let value = values.collect::<Vec<_>>().join(", ");
        let origin = self.origin(key, id, !value.is_empty());
        Setting {
            key,
            value: Some(value).filter(|value| !value.is_empty()),
            origin,
        }
    }

    fn origin(&self, key: &str, id: &str, has_value: bool) -> SettingOrigin {
        if self.typed.value_source(id) == Some(ValueSource::CommandLine) {
            return SettingOrigin::Flag;
        }
        if let Some(variable) = variable(key, self.environment) {
            return SettingOrigin::Variable(variable);
        }
        let option = self.layers.added.iter().find(|option| option.key == key);
        match (&self.layers.file, option) {
            (Some(file), Some(option)) => SettingOrigin::File {
                path: file.path.clone(),
                line: option.line,
            },
            _ if has_value => SettingOrigin::Default,
            _ => SettingOrigin::NotSet,
        }
    }
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("command line"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
            Self::NotSet => f.write_str("not set"),
        }
    }
}
