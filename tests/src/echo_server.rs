//! A running `fwprobe-echo serve`.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::Signal;

use crate::middlebox::Middlebox;
use crate::{Connection, Finished, Identity, Metrics, Place, Process, Seat, binaries};

/// A server that is yet to be started.
#[derive(Debug)]
pub struct ServerPlan {
    place: Place,
    ip: IpAddr,
    /// Each with the port that clients dial instead, if they do.
    listeners: Vec<Option<u16>>,
    /// Lines of the section `[limits]`.
    limits: Vec<String>,
    /// Whether it tells what it counts.
    metrics: bool,
    /// Whether other processes may listen where it does.
    shared: bool,
    /// The ports of its listeners; any, where there is none.
    ports: Vec<u16>,
    /// Lines before every section of its configuration.
    settings: Vec<String>,
}

/// A server that listens. Killed when dropped.
#[derive(Debug)]
pub struct EchoServer {
    process: Process,
    /// In the order in which they were asked for; the control port is the first.
    addresses: Vec<SocketAddr>,
    metrics: Option<SocketAddr>,
    identity: Identity,
}

impl ServerPlan {
    /// A server on `ip`, on a control port and nothing else so far.
    pub fn on(ip: IpAddr) -> Self {
        Self {
            place: Place::ordinary(),
            ip,
            listeners: vec![None],
            limits: Vec::new(),
            metrics: false,
            shared: false,
            ports: Vec::new(),
            settings: Vec::new(),
        }
    }

    /// Other processes may listen where it does.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// One more instance of `other`: the same identity, the same ports.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start_beside(mut self, other: &EchoServer) -> anyhow::Result<EchoServer> {
        self.ports = other.addresses.iter().map(SocketAddr::port).collect();
        self.start_as(other.identity.clone())
    }

    /// Run by whom and with what `place` says.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// It tells what it counts.
    #[must_use]
    pub fn with_metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// So many ports more.
    #[must_use]
    pub fn ports(mut self, count: usize) -> Self {
        self.listeners.extend(std::iter::repeat_n(None, count));
        self
    }

    /// One port more, which clients reach by dialling that of `seat`.
    ///
    /// # Errors
    /// The seat's port is not known.
    pub fn behind(self, seat: &Seat) -> anyhow::Result<Self> {
        Ok(self.standing_for(seat.port()?))
    }

    /// One port more, which clients reach by dialling `public_port`.
    #[must_use]
    pub fn standing_for(mut self, public_port: u16) -> Self {
        self.listeners.push(Some(public_port));
        self
    }

    /// A line of the configuration outside its sections.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// A line of the configuration's `[limits]`.
    #[must_use]
    pub fn limit(mut self, line: &str) -> Self {
        self.limits.push(line.to_owned());
        self
    }

    /// Starts it under an identity of its own.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start(self) -> anyhow::Result<EchoServer> {
        let identity = Identity::make(&self.place, &[&self.ip.to_string()])?;
        self.start_as(identity)
    }

    /// Starts it as `identity`.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start_as(self, identity: Identity) -> anyhow::Result<EchoServer> {
        let file = identity.scratch().join("server.toml");
        std::fs::write(&file, self.configuration(&identity)?)
            .context("the server's configuration")?;
        let file = file.to_str().context("a temporary path in UTF-8")?;
        EchoServer::start(&self.place, identity, &["--config", file])
    }

    /// Starts it with one port more for each of `items`, behind the middlebox that `place` makes of
    /// that item: it is given the seat and the listener behind it.
    ///
    /// # Errors
    /// One of them does not come up.
    pub fn start_behind<T>(
        mut self,
        items: &[T],
        place: impl Fn(Seat, SocketAddr, &T) -> anyhow::Result<Middlebox>,
    ) -> anyhow::Result<(EchoServer, Vec<Middlebox>)> {
        let first = self.listeners.len();
        let mut seats = Vec::new();
        for _ in items {
            let seat = Seat::take(self.ip)?;
            self = self.behind(&seat)?;
            seats.push(seat);
        }
        let server = self.start()?;
        let middleboxes = seats
            .into_iter()
            .zip(items)
            .enumerate()
            .map(|(index, (seat, item))| place(seat, server.address(first + index), item))
            .collect::<anyhow::Result<_>>()?;
        Ok((server, middleboxes))
    }

    fn configuration(&self, identity: &Identity) -> anyhow::Result<String> {
        let mut text = String::new();
        writeln!(text, "identity = {:?}", identity.directory())?;
        writeln!(text, "reuse_port = {}", self.shared)?;
        for line in &self.settings {
            writeln!(text, "{line}")?;
        }
        for (index, public_port) in self.listeners.iter().enumerate() {
            let port = self.ports.get(index).copied().unwrap_or(0);
            writeln!(text, "[[listen]]\naddress = \"{}\"\nport = {port}", self.ip)?;
            if let Some(port) = public_port {
                writeln!(text, "public_port = {port}")?;
            }
        }
        writeln!(text, "[limits]\n{}", self.limits.join("\n"))?;
        if self.metrics {
            let address = SocketAddr::new(self.ip, 0);
            writeln!(text, "[private]\nmetrics = \"{address}\"")?;
        }
        Ok(text)
    }
}

impl EchoServer {
    /// Starts `fwprobe-echo serve` with `flags` and waits until it says where it listens.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start(place: &Place, identity: Identity, flags: &[&str]) -> anyhow::Result<Self> {
        let mut command = place.command(binaries::fwprobe_echo()?);
        command.arg("serve").args(flags);
        let mut process = Process::start(command)?;
        let said = process.read_until(|text| text.contains("\nNext, "))?;
        let addresses: Vec<SocketAddr> = said.lines().filter_map(listener).collect();
        ensure!(!addresses.is_empty(), "no listener in\n{said}");
        let metrics = said.lines().find_map(|line| {
            line.contains(", for metrics")
                .then(|| listener(line))
                .flatten()
        });
        Ok(Self {
            process,
            addresses,
            metrics,
            identity,
        })
    }

    /// Where the listener stands that was asked for in the place `index`; 0 is the control port.
    pub fn address(&self, index: usize) -> SocketAddr {
        self.addresses[index]
    }

    pub fn port(&self, index: usize) -> u16 {
        self.address(index).port()
    }

    /// The connection string, which names the control port that the server got.
    pub fn connection(&self) -> Connection {
        let printed = self.identity.connection().clone();
        printed.with_control_port(self.port(0))
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Waits until it has been up for longer than a client's doubt about its clock: of what came before
    /// its start a server cannot say that it did not come.
    ///
    /// # Errors
    /// It has ended.
    pub fn grow_old(&mut self) -> anyhow::Result<()> {
        self.process.outlive(LONGER_THAN_DOUBT)
    }

    /// What it counts, now.
    ///
    /// # Errors
    /// It does not tell.
    pub fn metrics(&self) -> anyhow::Result<Metrics> {
        Metrics::read(self.metrics.context("a server without metrics")?)
    }

    /// The most memory that it has ever had, in MiB.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn most_memory_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: f64 = kib.context("no VmHWM")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Leaves it so many file descriptors, those that it has included. Wanted: `prlimit`, and that it runs as
    /// it does unless told otherwise.
    ///
    /// # Errors
    /// It has ended.
    pub fn limit_descriptors(&self, count: u64) -> anyhow::Result<()> {
        // As its own user: another one needs rights that not even every root has.
        let mut command = Place::ordinary().command("prlimit");
        command.arg(format!("--pid={}", self.process.id()));
        command.arg(format!("--nofile={count}:{count}"));
        Process::succeed(command).map(drop)
    }

    /// Waits until its log holds `words`.
    ///
    /// # Errors
    /// It ends before that.
    pub fn says(&mut self, words: &str) -> anyhow::Result<()> {
        let said = self.process.read_errors_until(|log| log.contains(words));
        said.map(drop)
    }

    /// Asks it to read its files again.
    ///
    /// # Errors
    /// It has ended.
    pub fn reload(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::HUP)
    }

    /// Ends it without a word, as a crash would, and gives its identity back.
    ///
    /// # Errors
    /// It has ended before.
    pub fn kill(self) -> anyhow::Result<Identity> {
        self.process.signal(Signal::KILL)?;
        self.process.finish()?;
        Ok(self.identity)
    }

    /// Stops it where it stands: the host goes on, the process does not.
    ///
    /// # Errors
    /// It has ended.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.process.freeze()
    }

    /// Asks it to end, waits for that, and checks that it has not told the secret.
    ///
    /// # Errors
    /// It has ended before, or otherwise than in good order, or printed its client's secret.
    pub fn stop(self) -> anyhow::Result<Finished> {
        self.process.signal(Signal::TERM)?;
        let finished = self.process.finish()?;
        ensure!(
            finished.code()? == 0,
            "the server failed:\n{}",
            finished.stderr
        );
        for secret in self.identity.connection().secret_texts() {
            ensure!(
                !finished.stdout.contains(&secret) && !finished.stderr.contains(&secret),
                "the server printed the secret"
            );
        }
        Ok(finished)
    }
}

/// Clients allow two seconds for comparing clocks.
const LONGER_THAN_DOUBT: Duration = Duration::from_secs(3);

/// The address in a line such as `  127.0.0.1:4711, which clients dial as port 80`.
fn listener(line: &str) -> Option<SocketAddr> {
    let line = line.strip_prefix("  ")?;
    line.split(',').next()?.parse().ok()
}
