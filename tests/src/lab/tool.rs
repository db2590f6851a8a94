//! A program of somebody else's on one of the hosts, which does to connections what it does in real networks.

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

/// As a scenario file describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tool {
    on: Host,
    program: Program,
    /// `<files>` stands for the folder with the files.
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// It is ready when it listens on these.
    #[serde(default)]
    listens: Vec<u16>,
    /// It needs the right to see where a connection was going, or to take on others' addresses.
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

/// At work until dropped.
#[derive(Debug)]
pub(super) struct Running {
    process: Process,
    files: TempDir,
    _memory: Option<SquidMemory>,
}

impl Tool {
    /// The program's name, which it has as a tool that a machine may lack.
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
    /// # Errors
    /// It has ended, so that it may have done nothing.
    pub(super) fn still_runs(&mut self) -> anyhow::Result<()> {
        self.process.still_runs()
    }

    /// The folder with its files.
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
