//! Turns the command line, a file and the identity into a [`Config`], or reports all their problems.

mod file;
mod fixed;
mod listeners;
mod print;
mod writable;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use settings_file::{FileError, Reading};
use thiserror::Error;

use self::file::FileSettings;
pub(crate) use self::fixed::Fixed;
use self::writable::{Writable, writable};
use crate::arguments::ServeArguments;
use crate::config::{Config, FALLBACK_CONTROL_PORT, InstanceName, Listen, ListenAddress, Private};
use crate::document::write_lines;
use crate::identity::{Identity, LoadError};
use crate::logging::{LogFormat, LogLevel};
use crate::sandbox::SandboxMode;

/// The complete settings of `serve`.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) identity_directory: PathBuf,
    /// The reason why the next certificate of a roll-over cannot be used. The server runs without that certificate.
    pub(crate) without_next: Option<LoadError>,
    pub(crate) sandbox: SandboxMode,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: LogLevel,
}

/// The origin of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Flag(&'static str),
    Line { path: PathBuf, line: usize },
    Default,
}

#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl Settings {
    /// Reads the configuration file, if one is named, and the identity, and resolves the settings of a server that
    /// starts at `now`.
    ///
    /// # Errors
    /// Returns all problems together.
    pub(crate) fn resolve(flags: &ServeArguments, now: Timestamp) -> Result<Self, SettingsErrors> {
        let mut errors = Vec::new();
        let file = read_file(flags.config.as_deref(), &mut errors);
        let directory = identity_directory(flags, file.as_ref());
        let identity = directory.and_then(|directory| {
            let loaded = Identity::load_to_serve(&directory, now)
                .map_err(|found| errors.extend(found.into_each().into_iter().map(Into::into)));
            let readable = Identity::readable_by_all(&directory).into_iter();
            errors.extend(readable.map(SettingsError::ReadableByAll));
            let mut files = Identity::files(&directory);
            files.extend(flags.config.clone());
            errors.extend(
                writable(&files, &directory)
                    .into_iter()
                    .map(SettingsError::from),
            );
            Some((directory, loaded.ok()?))
        });
        let control_port = identity
            .as_ref()
            .map_or(FALLBACK_CONTROL_PORT, |(_, loaded)| {
                loaded.identity.control_port()
            });
        let file = file.unwrap_or_default();
        let config = config(flags, &file, control_port, &mut errors);
        match identity {
            Some((identity_directory, loaded)) if errors.is_empty() => Ok(Self {
                config,
                identity: loaded.identity,
                identity_directory,
                without_next: loaded.without_next,
                sandbox: flags.sandbox.or(file.sandbox).unwrap_or_default(),
                log_format: flags.log_format.or(file.log_format).unwrap_or_default(),
                log_level: flags.log_level.or(file.log_level).unwrap_or_default(),
            }),
            _ => Err(SettingsErrors(errors)),
        }
    }
}

fn read_file(path: Option<&Path>, errors: &mut Vec<SettingsError>) -> Option<FileSettings> {
    let Some(path) = path else {
        return Some(FileSettings::default());
    };
    let Reading { value, problems } = FileSettings::read(path);
    errors.extend(problems.into_iter().map(SettingsError::from));
    value
}

/// Returns the identity's directory. `None` if the file that may name it could not be read: an error about the default
/// directory would mislead.
fn identity_directory(flags: &ServeArguments, file: Option<&FileSettings>) -> Option<PathBuf> {
    let named = flags.identity.clone();
    named.or_else(|| {
        let named = file?.identity.clone();
        Some(named.unwrap_or_else(|| PathBuf::from(DEFAULT_IDENTITY)))
    })
}

fn config(
    flags: &ServeArguments,
    file: &FileSettings,
    control_port: u16,
    errors: &mut Vec<SettingsError>,
) -> Config {
    let listen = listeners::listeners(flags, file, control_port, errors);
    let instance = flags.instance.clone().or_else(|| file.instance.clone());
    let mut config = Config::new(listen, instance.unwrap_or_else(host_name));
    config.reuse_port = flags.reuse_port || file.reuse_port.unwrap_or(config.reuse_port);
    config.behind_source_nat =
        flags.behind_source_nat || file.behind_source_nat.unwrap_or(config.behind_source_nat);
    config.witness = file.witness.unwrap_or(config.witness);
    let grace = flags.grace.map(u64::from).or(file.grace_seconds);
    config.grace = grace.map_or(config.grace, Duration::from_secs);
    config.notice = file
        .notice_seconds
        .map_or(config.notice, Duration::from_secs);
    let private = |place: &Option<Placed<SocketAddr>>| place.as_ref().map(|placed| placed.value);
    config.private = Private {
        health: private(&file.health),
        metrics: private(&file.metrics),
    };
    file.limits.apply_to(&mut config);
    config
}

fn host_name() -> InstanceName {
    InstanceName::from_host_name(&gethostname::gethostname().to_string_lossy())
}

/// All problems with the settings of `serve`. Never empty.
#[derive(Debug)]
pub(crate) struct SettingsErrors(Vec<SettingsError>);

/// One problem with the settings.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Identity(#[from] LoadError),
    #[error("{}: {again} already has a listener ({}); remove one of the two", .again.place, .first.place)]
    Overlap {
        first: Placed<Listen>,
        again: Placed<Listen>,
    },
    #[error("{}: every user of this host can read this secret; `chmod 600` it", .0.display())]
    ReadableByAll(PathBuf),
    #[error(transparent)]
    Writable(#[from] Writable),
    #[error("there is nothing to listen on; name at least one port")]
    NoListener,
}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0)
    }
}

impl std::error::Error for SettingsErrors {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Line { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("by default"),
        }
    }
}

impl fmt::Display for Placed<Listen> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.value.port;
        match self.value.address {
            ListenAddress::Any => write!(f, "port {port} of every address"),
            ListenAddress::One(ip) => write!(f, "port {port} of {ip}"),
        }
    }
}

/// The default directory of the identity.
pub(crate) const DEFAULT_IDENTITY: &str = "/etc/fwprobe-echo";
