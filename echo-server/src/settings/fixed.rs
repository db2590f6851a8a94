//! The settings that a process keeps from start to end, even if its files change.

use super::Settings;
use crate::config::Config;
use crate::logging::{LogFormat, LogLevel};
use crate::sandbox::SandboxMode;

/// The settings that a process was started with.
#[derive(Debug)]
pub(crate) struct Fixed {
    config: Config,
    sandbox: SandboxMode,
    log_format: LogFormat,
    log_level: LogLevel,
}

impl Fixed {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            config: settings.config.clone(),
            sandbox: settings.sandbox,
            log_format: settings.log_format,
            log_level: settings.log_level,
        }
    }

    /// Returns the names of the settings that are different in `settings` and need a restart. The names are those of
    /// the configuration file.
    pub(crate) fn unlike(&self, settings: &Settings) -> Vec<&'static str> {
        let (old, new) = (&self.config, &settings.config);
        let log = (settings.log_format, settings.log_level);
        let differ = [
            ("listen", old.listen != new.listen),
            ("instance", old.instance != new.instance),
            ("reuse_port", old.reuse_port != new.reuse_port),
            ("witness", old.witness != new.witness),
            ("private", old.private != new.private),
            (
                "control_connections",
                old.control_connections != new.control_connections,
            ),
            ("sandbox", self.sandbox != settings.sandbox),
            ("log", (self.log_format, self.log_level) != log),
        ];
        let differ = differ.into_iter().filter(|(_, differs)| *differs);
        differ.map(|(name, _)| name).collect()
    }
}
