//! A third-party program on one of the hosts, which treats connections as it does in real networks.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use tempfile::TempDir;

use super::network::Network;
use super::{Family, Host};
use crate::scratch::open_directory;
use crate::squid_memory::SquidMemory;
use crate::{Place, Process, User};

/// A tool, as a scenario file describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tool {
    on: Host,
    program: Program,
    /// The program's arguments; `<files>` stands for the folder with its files.
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// The ports on which the program listens once it is ready.
    #[serde(default)]
    listens: Vec<u16>,
    /// Whether the program runs as root, because it has to see the original destination of connections, or to use
    /// addresses of other hosts.
    #[serde(default)]
    as_root: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Program {
    Haproxy,
    Squid,
    Mitmdump,
    Hping3,
    Danted,
}

/// A tool that runs until it is dropped.
#[derive(Debug)]
pub(super) struct Running {
    process: Process,
    files: TempDir,
    _memory: Option<SquidMemory>,
}

impl Tool {
    /// Returns the name of the program, which is also its name as a [`Need`](crate::trial::Need).
    pub(super) fn program(&self) -> &'static str {
        match self.program {
            Program::Haproxy => "haproxy",
            Program::Squid => "squid",
            Program::Mitmdump => "mitmdump",
            Program::Hping3 => "hping3",
            Program::Danted => "danted",
        }
    }

    pub(super) fn start(&self, network: &Network, family: Family) -> anyhow::Result<Running> {
        let files = open_directory()?;
        let folder = files.path().display().to_string();
        let fill = |text: &str| family.fill(text).replace("<files>", &folder);
        for (name, text) in &self.files {
            std::fs::write(files.path().join(name), fill(text)).with_context(|| name.clone())?;
        }
        let user = if self.as_root {
            User::Same
        } else {
            User::Nobody
        };
        let place = network.place(self.on, user);
        let mut command = place.command(self.program());
        let memory = (self.program == Program::Squid).then(SquidMemory::reserve);
        if let Some(memory) = &memory {
            command.args(["-n", memory.name()]);
        }
        command
            .args(self.arguments.iter().map(|text| fill(text)))
            .env("HOME", files.path())
            .current_dir(files.path());
        let mut process = Process::start(command)?;
        for port in &self.listens {
            listening(&mut process, &place, *port)?;
        }
        Ok(Running {
            process,
            files,
            _memory: memory,
        })
    }
}

impl Running {
    /// Checks that the program is still running.
    ///
    /// # Errors
    /// Fails if the program has ended, because it may then have had no effect.
    pub(super) fn still_runs(&mut self) -> anyhow::Result<()> {
        self.process.still_runs()
    }

    /// Returns the folder with the program's files.
    pub(super) fn files(&self) -> &Path {
        self.files.path()
    }
}

fn listening(process: &mut Process, place: &Place, port: u16) -> anyhow::Result<()> {
    process.wait_until(|| {
        let mut command = place.command("ss");
        command.args(["-Htnl", &format!("sport = :{port}")]);
        let listed = Process::start(command)?.finish()?;
        Ok(!listed.stdout.is_empty())
    })
}
