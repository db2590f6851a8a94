//! Runs any command of the two programs, as a user would at a prompt.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use tempfile::TempDir;

use crate::scratch::{open_directory, write_private};
use crate::{Finished, Place, Process, binaries};

/// A command line, with a directory for the files that it names.
#[derive(Debug)]
pub struct Cli {
    program: PathBuf,
    directory: TempDir,
    arguments: Vec<OsString>,
    variables: Vec<(String, OsString)>,
    place: Place,
}

impl Cli {
    /// Returns the command `fwprobe …`.
    ///
    /// # Errors
    /// Fails if the program was not built.
    pub fn fwprobe() -> anyhow::Result<Self> {
        Self::of(binaries::fwprobe()?)
    }

    /// Returns the command `fwprobe-echo …`.
    ///
    /// # Errors
    /// Fails if the program was not built.
    pub fn fwprobe_echo() -> anyhow::Result<Self> {
        Self::of(binaries::fwprobe_echo()?)
    }

    fn of(program: PathBuf) -> anyhow::Result<Self> {
        Ok(Self {
            program,
            directory: open_directory()?,
            arguments: Vec::new(),
            variables: Vec::new(),
            place: Place::ordinary(),
        })
    }

    /// Runs the command in `place` instead of as an ordinary user in the test's own namespace.
    #[must_use]
    pub fn from(mut self, place: &Place) -> Self {
        self.place = place.clone();
        self
    }

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

    /// Adds an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Writes a file in the command's directory.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.directory().join(name);
        write_private(&path, text)?;
        Ok(path)
    }

    /// Returns the directory of the command's files, which is also its `HOME`.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts the command, by default as an ordinary user, and waits until it ends.
    ///
    /// # Errors
    /// Fails if the command cannot be started, or does not end.
    pub fn run(&self) -> anyhow::Result<Finished> {
        Process::start(self.command())?.finish()
    }

    /// Returns the command, ready to run in its [`Place`].
    pub(crate) fn command(&self) -> Command {
        self.command_after(&[])
    }

    /// Returns the command, with the words `first` before its arguments.
    pub(crate) fn command_after(&self, first: &[&str]) -> Command {
        let mut command = self.place.command(&self.program);
        command
            .args(first)
            .args(&self.arguments)
            .env("HOME", self.directory())
            .envs(self.variables.iter().cloned());
        command
    }

    /// Runs the command, expects exit code 0, and returns its standard output.
    ///
    /// # Errors
    /// Fails if the exit code is not 0.
    pub fn succeeds(&self) -> anyhow::Result<String> {
        let finished = self.run()?;
        ensure!(
            finished.code()? == 0,
            "{:?} failed:\n{}{}",
            self.arguments,
            finished.stdout,
            finished.stderr
        );
        Ok(finished.stdout)
    }
}
