//! `fwprobe run`, or another command that probes, as a user starts it.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Context as _;
use probe_core::session_kind::SessionKind;
use tempfile::TempDir;

use crate::scratch::{open_directory, write_private};
use crate::{Connection, EchoServer, Finished, Place, Process, Run, binaries};

/// A run that is yet to be started.
#[derive(Debug)]
pub struct Probe {
    place: Place,
    /// Its home, its connection file and its report.
    scratch: TempDir,
    connection: Connection,
    subcommand: &'static str,
    /// In seconds; `None`: the program's own.
    idle_timeout: Option<u8>,
    arguments: Vec<OsString>,
    variables: Vec<(String, OsString)>,
}

impl Probe {
    /// Of `server`.
    ///
    /// # Errors
    /// No temporary directory.
    pub fn of(server: &EchoServer) -> anyhow::Result<Self> {
        Self::with(server.connection())
    }

    /// With a connection string of one's own.
    ///
    /// # Errors
    /// No temporary directory.
    pub fn with(connection: Connection) -> anyhow::Result<Self> {
        Ok(Self {
            place: Place::ordinary(),
            scratch: open_directory()?,
            connection,
            subcommand: "run",
            idle_timeout: Some(BUSY_MACHINE),
            arguments: Vec::new(),
            variables: Vec::new(),
        })
    }

    #[must_use]
    pub fn from(mut self, place: &Place) -> Self {
        self.place = place.clone();
        self
    }

    /// `name` in the place of `run`.
    #[must_use]
    pub fn subcommand(mut self, name: &'static str) -> Self {
        self.subcommand = name;
        self
    }

    /// How long it waits at each step, in seconds. A run that meets silence lasts at least as long.
    #[must_use]
    pub fn idle_timeout(mut self, seconds: u8) -> Self {
        self.idle_timeout = Some(seconds);
        self
    }

    /// It waits as long as it does unless told otherwise.
    #[must_use]
    pub fn patience_of_its_own(mut self) -> Self {
        self.idle_timeout = None;
        self
    }

    /// An argument of the command.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// One port, in the shape of `kind`.
    #[must_use]
    pub fn port(self, port: u16, kind: SessionKind) -> Self {
        self.arg("--port").arg(format!("{port}/{kind}"))
    }

    /// One port, in the shape of each of `kinds`.
    #[must_use]
    pub fn kinds(self, port: u16, kinds: impl IntoIterator<Item = SessionKind>) -> Self {
        kinds
            .into_iter()
            .fold(self, |probe, kind| probe.port(port, kind))
    }

    /// A file of the user's own, by its name.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<OsString> {
        let path = self.scratch.path().join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path.into())
    }

    /// Starts it; [`Run::of`] waits for its end.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&self) -> anyhow::Result<Process> {
        Process::start(self.command()?)
    }

    /// What is to be started.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn command(&self) -> anyhow::Result<Command> {
        let connection = self.scratch.path().join("connection");
        write_private(&connection, &self.connection.text())?;
        let mut command = command(&self.place, &self.scratch)?;
        command.arg(self.subcommand).args(&self.arguments);
        command.envs(self.variables.iter().cloned());
        command.arg("--connection-file").arg(connection);
        command.arg("--output").arg(self.report());
        if let Some(seconds) = self.idle_timeout {
            command.arg("--timeout").arg(seconds.to_string());
        }
        Ok(command)
    }

    /// Starts it and waits for its end.
    ///
    /// # Errors
    /// It cannot be started, does not end, or tells the secret.
    pub fn run(self) -> anyhow::Result<Run> {
        let process = self.start()?;
        self.finish(process)
    }

    /// Waits for the end of what [`start`](Self::start) started.
    ///
    /// # Errors
    /// It does not end, or tells the secret.
    pub fn finish(self, process: Process) -> anyhow::Result<Run> {
        let finished = process.finish()?;
        self.ended(finished)
    }

    /// What became of it, once it has ended.
    ///
    /// # Errors
    /// It tells the secret.
    pub fn ended(self, finished: Finished) -> anyhow::Result<Run> {
        let json = match std::fs::read_to_string(self.report()) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).context("the report"),
        };
        Run::of(finished, json, &self.connection)
    }

    fn report(&self) -> std::path::PathBuf {
        self.scratch.path().join("report.json")
    }
}

/// `fwprobe` with a home that holds nothing of the tester's.
pub(crate) fn command(place: &Place, home: &TempDir) -> anyhow::Result<Command> {
    let mut command = place.command(binaries::fwprobe()?);
    command.env("HOME", home.path());
    Ok(command)
}

/// Programs that were built without optimisation, beside other tests of the same kind, on a machine
/// that does other things as well: silence has to last this long before it is believed.
const BUSY_MACHINE: u8 = 30;
