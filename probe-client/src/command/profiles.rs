//! `fwprobe profiles`: lists, shows and validates profiles.

use std::fmt::Write as _;

use anyhow::Context as _;
use probe_core::profile::Profile;

use crate::arguments::ProfilesCommand;
use crate::config::{self, Problems};
use crate::terminal;

pub(super) fn execute(command: &ProfilesCommand) -> anyhow::Result<u8> {
    let mut problems = Problems::default();
    let text = match command {
        ProfilesCommand::List => list()?,
        ProfilesCommand::Show { profile } => match config::load(profile, &mut problems) {
            Some(profile) => profile.to_toml(),
            None => return Err(problems.into()),
        },
        ProfilesCommand::Validate { files } => {
            let mut text = String::new();
            for file in files {
                let name = file.display().to_string();
                if let Some(profile) = config::load_file(&name, &mut problems) {
                    let rules = profile.rules.len();
                    writeln!(text, "{name}: {} ({rules} rules), good", profile.id)?;
                }
            }
            terminal::print(&text).context("standard output")?;
            problems.none()?;
            return Ok(0);
        }
    };
    terminal::print(&text).context("standard output")?;
    Ok(0)
}

fn list() -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    for profile in Profile::all() {
        let mut ports: Vec<u16> = profile.rules.iter().map(|r| r.port.get()).collect();
        ports.sort_unstable();
        ports.dedup();
        writeln!(out, "{:<18} {}", profile.id.to_string(), profile.title)?;
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        writeln!(out, "{:<18} ports {}", "", ports.join(", "))?;
        if !profile.also_known_as.is_empty() {
            let names: Vec<String> = profile
                .also_known_as
                .iter()
                .map(ToString::to_string)
                .collect();
            writeln!(out, "{:<18} also {}", "", names.join(", "))?;
        }
    }
    Ok(out)
}
