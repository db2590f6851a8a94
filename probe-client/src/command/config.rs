//! `fwprobe config`: shows the settings in force, or a sample of the configuration file.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::iter;

use anyhow::Context as _;
use probe_core::excerpt::printable;

use super::refuse;
use crate::arguments::ConfigCommand;
use crate::environment::Environment;
use crate::settings::{Setting, SettingOrigin, in_force, sample};
use crate::terminal;

pub(super) fn execute(command: ConfigCommand) -> anyhow::Result<u8> {
    let text = match command {
        ConfigCommand::Sample => sample(),
        ConfigCommand::Show { line } => {
            let environment: Environment<'_> = &|name| std::env::var(name).ok();
            let line = iter::once(OsString::from("fwprobe")).chain(line).collect();
            match in_force(line, environment) {
                Ok(settings) if settings.is_empty() => {
                    anyhow::bail!(
                        "only run, watch, idle, plan and check have settings; name one of them"
                    )
                }
                Ok(settings) => table(&settings)?,
                Err(unusable) => return Ok(refuse(&unusable)),
            }
        }
    };
    terminal::print(&text).context("standard output")?;
    Ok(0)
}

fn table(settings: &[Setting]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(out, "{:<26}{:<34}FROM", "KEY", "VALUE")?;
    for setting in settings {
        let value = match (&setting.value, &setting.origin) {
            (Some(value), _) => printable(value).into_owned(),
            (None, SettingOrigin::NotSet) => "-".to_owned(),
            (None, _) => "(not shown)".to_owned(),
        };
        writeln!(out, "{:<26}{value:<34}{}", setting.key, setting.origin)?;
    }
    Ok(out)
}
