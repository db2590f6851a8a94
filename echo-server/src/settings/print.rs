//! Prints the resolved settings as an equivalent configuration file.

use std::fmt::{self, Write as _};

use settings_file::quoted;

use super::Settings;
use crate::config::{Listen, ListenAddress, Private};

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.config;
        let directory = self.identity_directory.display().to_string();
        writeln!(f, "identity = {}", quoted(&directory))?;
        writeln!(f, "instance = \"{}\"", config.instance.as_str())?;
        writeln!(f, "reuse_port = {}", config.reuse_port)?;
        writeln!(f, "behind_source_nat = {}", config.behind_source_nat)?;
        writeln!(f, "witness = {}", config.witness)?;
        writeln!(f, "notice_seconds = {}", config.notice.as_secs())?;
        writeln!(f, "grace_seconds = {}", config.grace.as_secs())?;
        writeln!(f, "sandbox = \"{}\"", self.sandbox.word())?;
        for listen in &config.listen {
            write!(f, "\n{}", block(*listen)?)?;
        }
        let (admission, session) = (config.admission, &config.session);
        writeln!(f, "\n[limits]")?;
        writeln!(f, "sessions = {}", admission.sessions)?;
        writeln!(f, "sessions_per_key = {}", admission.per_key)?;
        writeln!(f, "held_per_key = {}", admission.held_per_key)?;
        let (of_key, of_source) = (
            admission.per_second_per_key,
            admission.per_second_per_source,
        );
        writeln!(f, "new_per_second_per_key = {of_key}")?;
        writeln!(f, "strangers = {}", admission.strangers)?;
        let per_source = admission.strangers_per_source;
        writeln!(f, "strangers_per_source = {per_source}")?;
        writeln!(f, "new_per_second_per_source = {of_source}")?;
        writeln!(f, "control_connections = {}", config.control_connections)?;
        writeln!(f, "session_seconds = {}", session.lifetime.as_secs())?;
        writeln!(f, "session_bytes = {}", session.session_bytes)?;
        private(f, config.private)?;
        writeln!(f, "\n[log]")?;
        writeln!(f, "format = \"{}\"", self.log_format.word())?;
        writeln!(f, "level = \"{}\"", self.log_level.word())
    }
}

fn private(f: &mut fmt::Formatter<'_>, private: Private) -> fmt::Result {
    if private == Private::default() {
        return Ok(());
    }
    writeln!(f, "\n[private]")?;
    for (key, address) in [("health", private.health), ("metrics", private.metrics)] {
        if let Some(address) = address {
            writeln!(f, "{key} = \"{address}\"")?;
        }
    }
    Ok(())
}

fn block(listen: Listen) -> Result<String, fmt::Error> {
    let mut text = String::from("[[listen]]\n");
    if let ListenAddress::One(ip) = listen.address {
        writeln!(text, "address = \"{ip}\"")?;
    }
    writeln!(text, "port = {}", listen.port)?;
    if let Some(port) = listen.public_port {
        writeln!(text, "public_port = {port}")?;
    }
    Ok(text)
}
