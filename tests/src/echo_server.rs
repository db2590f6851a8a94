//! A running `fwprobe-echo serve`.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::Signal;

use crate::middlebox::Middlebox;
use crate::{Connection, Finished, Identity, Metrics, Place, Process, Seat, binaries};

/// The configuration of a server that is yet to be started.
#[derive(Debug)]
pub struct ServerPlan {
    place: Place,
    ip: IpAddr,
    /// The listeners. `Some` is a public port that clients dial instead of the listener's own port.
    listeners: Vec<Option<u16>>,
    /// Lines of the section `[limits]`.
    limits: Vec<String>,
    /// Whether the server offers metrics.
    metrics: bool,
    /// Whether other processes may listen on the same ports (`reuse_port`).
    shared: bool,
    /// The ports of the listeners, in order; a listener without an entry gets any free port.
    ports: Vec<u16>,
    /// Lines of the configuration before its first section.
    settings: Vec<String>,
}

/// A running server that listens, killed when dropped.
#[derive(Debug)]
pub struct EchoServer {
    process: Process,
    /// The addresses of the listeners in the plan's order; the first is that of the control port.
    addresses: Vec<SocketAddr>,
    metrics: Option<SocketAddr>,
    identity: Identity,
}

impl ServerPlan {
    /// Plans a server on `ip` that has only a control port so far.
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

    /// Lets other processes listen on the same ports.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Starts one more instance of `other`, with the same identity and ports.
    ///
    /// # Errors
    /// Fails if the instance does not come up.
    pub fn start_beside(mut self, other: &EchoServer) -> anyhow::Result<EchoServer> {
        self.ports = other.addresses.iter().map(SocketAddr::port).collect();
        self.start_as(other.identity.clone())
    }

    /// Gives these ports to the listeners, in their order.
    #[must_use]
    pub fn at_ports(mut self, ports: &[u16]) -> Self {
        self.ports = ports.to_vec();
        self
    }

    /// Runs the server in `place`.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Turns metrics on.
    #[must_use]
    pub fn with_metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// Adds `count` more ports.
    #[must_use]
    pub fn ports(mut self, count: usize) -> Self {
        self.listeners.extend(std::iter::repeat_n(None, count));
        self
    }

    /// Adds one more port, which clients reach by dialling the port of `seat`.
    ///
    /// # Errors
    /// Fails if the seat's port is not known.
    pub fn behind(self, seat: &Seat) -> anyhow::Result<Self> {
        Ok(self.standing_for(seat.port()?))
    }

    /// Adds one more port, which clients reach by dialling `public_port`.
    #[must_use]
    pub fn standing_for(mut self, public_port: u16) -> Self {
        self.listeners.push(Some(public_port));
        self
    }

    /// Adds a line to the configuration before its first section.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// Adds a line to `[limits]` of the configuration.
    #[must_use]
    pub fn limit(mut self, line: &str) -> Self {
        self.limits.push(line.to_owned());
        self
    }

    /// Starts the server with a new identity.
    ///
    /// # Errors
    /// Fails if the server does not come up.
    pub fn start(self) -> anyhow::Result<EchoServer> {
        let identity = Identity::make(&self.place, &[&self.ip.to_string()])?;
        self.start_as(identity)
    }

    /// Starts the server with `identity`.
    ///
    /// # Errors
    /// Fails if the server does not come up.
    pub fn start_as(self, identity: Identity) -> anyhow::Result<EchoServer> {
        let file = identity.scratch().join("server.toml");
        std::fs::write(&file, self.configuration(&identity)?)
            .context("the server's configuration")?;
        let file = file.to_str().context("a temporary path in UTF-8")?;
        EchoServer::start(&self.place, identity, &["--config", file])
    }

    /// Starts the server with one more port for each of `items`, behind a middlebox.
    ///
    /// `place` makes the middlebox from its seat, the listener behind it, and the item.
    ///
    /// # Errors
    /// Fails if the server or a middlebox does not come up.
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
    /// Starts `fwprobe-echo serve` with `flags`, and waits until it has printed its listeners.
    ///
    /// # Errors
    /// Fails if the server does not come up.
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

    /// Returns the address of the listener at `index`, in the plan's order; 0 is the control port.
    pub fn address(&self, index: usize) -> SocketAddr {
        self.addresses[index]
    }

    pub fn port(&self, index: usize) -> u16 {
        self.address(index).port()
    }

    /// Returns the connection string, with the control port on which the server listens.
    pub fn connection(&self) -> Connection {
        let printed = self.identity.connection().clone();
        printed.with_control_port(self.port(0))
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Waits until the server has been up for longer than the tolerated clock difference. Until then, its reports
    /// cannot exclude that something arrived before it started.
    ///
    /// # Errors
    /// Fails if the server has ended.
    pub fn grow_old(&mut self) -> anyhow::Result<()> {
        self.process.outlive(LONGER_THAN_DOUBT)
    }

    /// Reads the server's current metrics.
    ///
    /// # Errors
    /// Fails if the server does not answer.
    pub fn metrics(&self) -> anyhow::Result<Metrics> {
        Metrics::read(self.metrics.context("a server without metrics")?)
    }

    /// Returns the peak memory of the server, in MiB.
    ///
    /// # Errors
    /// Fails if the kernel does not report the figure.
    pub fn most_memory_mib(&self) -> anyhow::Result<f64> {
        self.process.memory_mib("VmHWM")
    }

    /// Limits the server to `count` file descriptors, including those that are open.
    ///
    /// This needs `prlimit`, and a server that runs in the default place.
    ///
    /// # Errors
    /// Fails if the server has ended.
    pub fn limit_descriptors(&self, count: u64) -> anyhow::Result<()> {
        // `prlimit` runs as the server's user: for another user's process it needs rights that even root may lack.
        let mut command = Place::ordinary().command("prlimit");
        command.arg(format!("--pid={}", self.process.id()));
        command.arg(format!("--nofile={count}:{count}"));
        Process::succeed(command).map(drop)
    }

    /// Waits until the server's log contains `words`.
    ///
    /// # Errors
    /// Fails if the server ends before that.
    pub fn says(&mut self, words: &str) -> anyhow::Result<()> {
        let said = self.process.read_errors_until(|log| log.contains(words));
        said.map(drop)
    }

    /// Makes the server read its files again (SIGHUP).
    ///
    /// # Errors
    /// Fails if the server has ended.
    pub fn reload(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::HUP)
    }

    /// Kills the server (SIGKILL), as a crash would, and returns its identity.
    ///
    /// # Errors
    /// Fails if the server had already ended.
    pub fn kill(self) -> anyhow::Result<Identity> {
        self.process.signal(Signal::KILL)?;
        self.process.finish()?;
        Ok(self.identity)
    }

    /// Suspends the server process (SIGSTOP), while its host's kernel goes on.
    ///
    /// # Errors
    /// Fails if the server has ended.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.process.freeze()
    }

    /// Resumes a server that is suspended.
    ///
    /// # Errors
    /// Fails if the server has ended.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::CONT)
    }

    /// Stops the server (SIGTERM), waits for its end, and checks that it has not printed the secret.
    ///
    /// # Errors
    /// Fails if the server had already ended, exits with a code other than 0, or printed its client's secret.
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

/// A time longer than the error of two seconds that clients tolerate when they compare clocks.
const LONGER_THAN_DOUBT: Duration = Duration::from_secs(3);

/// Returns the address in a line such as `  127.0.0.1:4711, which clients dial as port 80`.
fn listener(line: &str) -> Option<SocketAddr> {
    let line = line.strip_prefix("  ")?;
    line.split(',').next()?.parse().ok()
}
