//! A running `fwprobe watch`.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use serde_json::Value;

use crate::{Cli, Connection, EchoServer, Finished, Process, WATCHDOG};

/// The arguments of a watch that is yet to be started.
#[derive(Debug)]
pub struct WatchPlan {
    cli: Cli,
    connection: Connection,
    interval: String,
    listen: String,
}

/// A watch that runs, killed when dropped.
#[derive(Debug)]
pub struct Watching {
    process: Process,
    address: SocketAddr,
    plan: WatchPlan,
}

/// An answer over HTTP.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl WatchPlan {
    /// Plans a watch that runs every second against `server`.
    ///
    /// # Errors
    /// Fails if no temporary directory can be made.
    pub fn of(server: &EchoServer) -> anyhow::Result<Self> {
        let cli = Cli::fwprobe()?;
        let connection = server.connection();
        let file = cli.file("connection", &connection.text())?;
        Ok(Self {
            cli: cli
                .args(["watch", "--flows", "1", "--connection-file"])
                .arg(file),
            connection,
            interval: "1s".to_owned(),
            listen: "127.0.0.1:0".to_owned(),
        })
    }

    #[must_use]
    pub fn every(mut self, interval: &str) -> Self {
        self.interval = interval.to_owned();
        self
    }

    /// Serves at `address` instead of at any free port.
    #[must_use]
    pub fn listening_at(mut self, address: &str) -> Self {
        self.listen = address.to_owned();
        self
    }

    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.cli = self.cli.args(arguments);
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.cli = self.cli.variable(name, value);
        self
    }

    /// Keeps the documents in a folder, whose path [`folder`](Self::folder) returns.
    #[must_use]
    pub fn keeping_documents(self) -> Self {
        let folder = self.folder();
        self.args(["--output".into(), folder.into_os_string()])
    }

    pub fn folder(&self) -> PathBuf {
        self.path("runs")
    }

    /// Returns the path of a file in the watch's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.cli.directory().join(name)
    }

    fn process(&self) -> anyhow::Result<Process> {
        let mut command = self.cli.command();
        command.args(["--interval", &self.interval, "--listen", &self.listen]);
        Process::start(command)
    }

    /// Starts the watch, and waits until it serves its pages.
    ///
    /// # Errors
    /// Fails if it does not come up.
    pub fn start(self) -> anyhow::Result<Watching> {
        let mut process = self.process()?;
        let said = process.read_until(|text| !events(text, "listening").is_empty())?;
        let listening = events(&said, "listening");
        let url = listening[0]["url"].as_str().context("an address")?;
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        Ok(Watching {
            address: address.parse().context("an address")?,
            process,
            plan: self,
        })
    }

    /// Runs the watch to its end.
    ///
    /// # Errors
    /// Fails if it cannot be started, or does not end.
    pub fn finish(&self) -> anyhow::Result<Finished> {
        self.process()?.finish()
    }
}

impl Watching {
    pub fn plan(&self) -> &WatchPlan {
        &self.plan
    }

    /// Returns the memory that the watch occupies, in MiB.
    ///
    /// # Errors
    /// Fails if the kernel does not report the figure.
    pub fn memory_mib(&self) -> anyhow::Result<f64> {
        self.process.memory_mib("VmRSS")
    }

    /// Waits until there are `count` events of this kind, and returns all of them.
    ///
    /// # Errors
    /// Fails if the watch ends before that.
    pub fn events(&mut self, kind: &str, count: usize) -> anyhow::Result<Vec<Value>> {
        let said = self
            .process
            .read_until(|text| events(text, kind).len() >= count)?;
        Ok(events(&said, kind))
    }

    /// Waits for one more run that begins after this call, and returns its exit code.
    ///
    /// # Errors
    /// Fails if the watch ends before that.
    pub fn next_run(&mut self) -> anyhow::Result<u64> {
        // A run that began before this call may still be under way, so this waits for the end of the run after it.
        let done = self.events("run", 0)?.len();
        let runs = self.events("run", done + 2)?;
        runs[done + 1]["exit_code"].as_u64().context("an exit code")
    }

    /// Sends a GET request for `path`, and returns the answer.
    ///
    /// # Errors
    /// Fails if there is no answer.
    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n",
            self.address
        ))
    }

    /// Sends a request with these lines, and returns the answer.
    ///
    /// # Errors
    /// Fails if there is no answer.
    pub fn ask(&self, lines: &str) -> anyhow::Result<Answer> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(WATCHDOG))?;
        stream.write_all(format!("{lines}Connection: close\r\n\r\n").as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").context("a whole answer")?;
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Ok(Answer {
            status: status.context("a status")?,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }

    /// Ends the watch with SIGTERM.
    ///
    /// # Errors
    /// Fails if the exit code is not 0, if the end was not reported, or if the secret was printed.
    pub fn stop(self) -> anyhow::Result<(Finished, WatchPlan)> {
        self.process.signal(Signal::TERM)?;
        let finished = self.process.finish()?;
        ensure!(finished.code()? == 0, "{finished:?}");
        ensure!(
            !events(&finished.stdout, "stopped").is_empty(),
            "{finished:?}"
        );
        for secret in self.plan.connection.secret_texts() {
            let said = [&finished.stdout, &finished.stderr];
            ensure!(
                !said.iter().any(|text| text.contains(&secret)),
                "the secret is printed"
            );
        }
        Ok((finished, self.plan))
    }
}

/// Returns the paths of the documents in `folder`, sorted.
///
/// # Errors
/// Fails if the folder cannot be read.
pub fn documents(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).context("the folder of documents")?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<anyhow::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    Ok(paths)
}

/// Returns the events of one kind in a log.
fn events(log: &str, kind: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|event: &Value| event["event"] == kind)
        .collect()
}
