//! Runs `fwprobe run`, or another command that probes, as a user would.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use probe_core::session_kind::SessionKind;

use crate::{Cli, Connection, EchoServer, Finished, Place, Process, Run};

/// The arguments of a run that is yet to be started.
#[derive(Debug)]
pub struct Probe {
    /// The command without its subcommand. Its directory is the run's home, with connection file and report.
    cli: Cli,
    connection: Connection,
    subcommand: &'static str,
    /// The idle timeout in seconds; `None` for the program's default.
    idle_timeout: Option<u8>,
}

impl Probe {
    /// Makes a run against `server`.
    ///
    /// # Errors
    /// Fails if the program was not built, or no temporary directory can be made.
    pub fn of(server: &EchoServer) -> anyhow::Result<Self> {
        Self::with(server.connection())
    }

    /// Makes a run with this connection string.
    ///
    /// # Errors
    /// Fails if the program was not built, or no temporary directory can be made.
    pub fn with(connection: Connection) -> anyhow::Result<Self> {
        Ok(Self {
            cli: Cli::fwprobe()?,
            connection,
            subcommand: "run",
            idle_timeout: Some(BUSY_MACHINE),
        })
    }

    #[must_use]
    pub fn from(mut self, place: &Place) -> Self {
        self.cli = self.cli.from(place);
        self
    }

    /// Replaces the subcommand `run` by `name`.
    #[must_use]
    pub fn subcommand(mut self, name: &'static str) -> Self {
        self.subcommand = name;
        self
    }

    /// Sets how long the program waits at each step, in seconds. A run that meets silence takes at least this long.
    #[must_use]
    pub fn idle_timeout(mut self, seconds: u8) -> Self {
        self.idle_timeout = Some(seconds);
        self
    }

    /// Leaves the idle timeout at the program's default.
    #[must_use]
    pub fn patience_of_its_own(mut self) -> Self {
        self.idle_timeout = None;
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.cli = self.cli.arg(argument);
        self
    }

    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.cli = self.cli.args(arguments);
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.cli = self.cli.variable(name, value);
        self
    }

    /// Adds one port, with the session kind `kind`.
    #[must_use]
    pub fn port(self, port: u16, kind: SessionKind) -> Self {
        self.arg("--port").arg(format!("{port}/{kind}"))
    }

    /// Adds one port once for each session kind in `kinds`.
    #[must_use]
    pub fn kinds(self, port: u16, kinds: impl IntoIterator<Item = SessionKind>) -> Self {
        kinds
            .into_iter()
            .fold(self, |probe, kind| probe.port(port, kind))
    }

    /// Writes a file in the run's home, and returns its path.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<OsString> {
        Ok(self.cli.file(name, text)?.into())
    }

    /// Starts the run; [`Probe::finish`] waits for its end.
    ///
    /// # Errors
    /// Fails if the program cannot be started.
    pub fn start(&self) -> anyhow::Result<Process> {
        Process::start(self.command()?)
    }

    /// Returns the command that [`start`](Self::start) starts.
    ///
    /// # Errors
    /// Fails if a file cannot be written.
    pub fn command(&self) -> anyhow::Result<Command> {
        let connection = self.cli.file("connection", &self.connection.text())?;
        let mut command = self.cli.command_after(&[self.subcommand]);
        command.arg("--connection-file").arg(connection);
        command.arg("--output").arg(self.report());
        if let Some(seconds) = self.idle_timeout {
            command.arg("--timeout").arg(seconds.to_string());
        }
        Ok(command)
    }

    /// Starts the run and waits until it ends.
    ///
    /// # Errors
    /// Fails if the program cannot be started, does not end, or prints the secret.
    pub fn run(self) -> anyhow::Result<Run> {
        let process = self.start()?;
        self.finish(process)
    }

    /// Waits for the end of the process that [`start`](Self::start) returned, and reads its report.
    ///
    /// # Errors
    /// Fails if the program does not end, or printed the secret.
    pub fn finish(self, process: Process) -> anyhow::Result<Run> {
        let finished = process.finish()?;
        self.ended(finished)
    }

    /// Reads the report of a run whose process has ended.
    ///
    /// # Errors
    /// Fails if an output contains the secret, or if the report cannot be read.
    pub fn ended(self, finished: Finished) -> anyhow::Result<Run> {
        let json = match std::fs::read_to_string(self.report()) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).context("the report"),
        };
        Run::of(finished, json, &self.connection)
    }

    fn report(&self) -> PathBuf {
        self.cli.directory().join("report.json")
    }
}

/// The default idle timeout, in seconds.
///
/// The programs are built without optimisation, and other tests run at the same time on a busy machine. fwprobe must
/// therefore wait this long before it may conclude anything from silence.
const BUSY_MACHINE: u8 = 30;
