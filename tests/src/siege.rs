//! A server under attack. While the attack goes on, an authenticated client probes the server; soon afterwards the
//! server's memory and descriptors must be back to normal.

mod flood;
mod ground;
pub mod http2;
mod in_a_row;
mod moment;
mod target;
mod tls;

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use probe_core::session::{ClientSession, Need};
use probe_core::session_kind::SessionKind;

use crate::played::{NOW, parameters, play};
use crate::{Connection, EchoServer, Identity, Metrics, Place, Probe, ServerPlan, WATCHDOG};

pub use flood::SynFlood;
pub use ground::Sources;
pub use in_a_row::Bounds;
pub use moment::Moment;
pub use target::Target;
pub use tls::Tls;

/// Attacks until the siege is [over](Target::is_over), and returns the number of attempts per second. Sends to `begun`
/// once the attack is well under way.
pub type Attack = fn(&Target, begun: &Sender<()>) -> anyhow::Result<f64>;

/// A server that will be attacked.
#[derive(Clone, Copy, Debug)]
pub struct Siege {
    ip: IpAddr,
    descriptors: usize,
    sources: Sources,
    kib_for_each: f64,
}

impl Siege {
    /// Describes an attack by one source on a server at the loopback address `ip` that has `descriptors` file
    /// descriptors.
    pub fn of(ip: IpAddr, descriptors: usize) -> Self {
        Self {
            ip,
            descriptors,
            sources: Sources::One,
            kib_for_each: 0.0,
        }
    }

    #[must_use]
    pub fn from(mut self, sources: Sources) -> Self {
        self.sources = sources;
        self
    }

    /// Allows the server `kib` more memory for each connected stranger, for as long as it is connected.
    #[must_use]
    pub fn with_kib_for_each(mut self, kib: f64) -> Self {
        self.kib_for_each = kib;
        self
    }

    /// Runs `attack` twice, in a network namespace.
    ///
    /// During each attack, an authenticated client must find every session kind reachable. The server has not seen this
    /// client before the first attack, and knows it in the second. The server's memory stays in bounds, and after each
    /// attack memory and descriptors return to the earlier level; the second attack must leave no more behind than the
    /// first.
    ///
    /// # Errors
    /// Fails if one of these does not hold.
    pub fn raise(self, attack: Attack) -> anyhow::Result<()> {
        ground::on_a_host_of_its_own(|| self.raise_here(attack))
    }

    fn raise_here(self, attack: Attack) -> anyhow::Result<()> {
        let place = Place::ordinary().with_descriptors(self.descriptors);
        let identity = Identity::make(&place, &[&self.ip.to_string()])?;
        let insider = identity.add_key("insider")?;
        let plan = ServerPlan::on(self.ip).ports(1).at(place).with_metrics();
        let server = plan.start_as(identity)?;
        let target = || Target {
            address: server.address(1),
            insider: insider.clone().with_control_port(server.port(0)),
            connection: server.connection(),
            sources: self.sources,
            turns: AtomicU16::new(0),
            over: AtomicBool::new(false),
        };
        let before = calm(&server, |_| true)?;
        let is_quiet = |metrics: &Metrics| metrics.descriptors() <= before.descriptors();
        let first = under(&server, &target(), attack)
            .context("a client that the server has not seen before")?;
        calm(&server, is_quiet)?;
        let kept = before.resident_mib() + KEPT.of(self.descriptors);
        let between = at_rest(&server, kept).context("memory after the first siege")?;
        let second = under(&server, &target(), attack).context("a client that the server knows")?;
        calm(&server, is_quiet)?;
        let kept = between.resident_mib() + LEAKED.of(self.descriptors);
        let after = at_rest(&server, kept).context("memory after the second siege")?;
        let most = server.most_memory_mib()?;
        // One row of docs/operate/reliability.md.
        writeln!(
            io::stdout(),
            "| {:.0} / {:.0} | {:.1} / {most:.1} / {:.1} / {:.1} | {} / {} / {} / {} |",
            first.a_second,
            second.a_second,
            before.resident_mib(),
            between.resident_mib(),
            after.resident_mib(),
            before.descriptors(),
            first.metrics.descriptors(),
            second.metrics.descriptors(),
            after.descriptors(),
        )?;
        // The server grants strangers one descriptor in four.
        let for_strangers = self.kib_for_each * self.descriptors as f64 / 4.0 / 1024.0;
        let allowed = before.resident_mib() + AT_MOST.of(self.descriptors) + for_strangers;
        ensure!(
            most <= allowed,
            "{most:.1} MiB under siege, where {allowed:.1} are allowed"
        );
        finish(server)
    }
}

fn finish(server: EchoServer) -> anyhow::Result<()> {
    let finished = server.stop()?;
    ensure!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    let lines = finished.stderr.lines().count();
    ensure!(lines < MAX_LOG_LINES, "{lines} lines in the log");
    Ok(())
}

/// The rate of an attack, and the server's metrics during it.
struct AttackReport {
    a_second: f64,
    metrics: Metrics,
}

/// Runs an authenticated client while `attack` lasts, and reads the metrics meanwhile.
fn under(server: &EchoServer, target: &Target, attack: Attack) -> anyhow::Result<AttackReport> {
    std::thread::scope(|scope| {
        let (begun, begins) = channel();
        let attacker = scope.spawn(move || attack(target, &begun));
        // A failed attack sends nothing here; `join` below returns its error.
        let _ = begins.recv_timeout(WATCHDOG);
        let run = known_client_succeeds(server);
        let during = server.metrics();
        target.over.store(true, Ordering::Relaxed);
        let a_second = match attacker.join() {
            Ok(result) => result.context("the attack itself")?,
            Err(_) => bail!("the attacker panicked"),
        };
        run?;
        Ok(AttackReport {
            a_second,
            metrics: during?,
        })
    })
}

fn known_client_succeeds(server: &EchoServer) -> anyhow::Result<()> {
    let probe = Probe::of(server)?.kinds(server.port(1), SessionKind::ALL);
    probe.run()?.expect_exit(0)?;
    Ok(())
}

/// Waits until nobody is connected and `quiet` returns true, for a minute at most: no deadline of the server is longer.
///
/// # Errors
/// Fails if this takes longer.
pub fn calm(server: &EchoServer, quiet: impl Fn(&Metrics) -> bool) -> anyhow::Result<Metrics> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let metrics = server.metrics()?;
        if metrics.strangers() == 0.0 && metrics.known() == 0.0 && quiet(&metrics) {
            return Ok(metrics);
        }
        ensure!(
            Instant::now() < deadline,
            "connections or descriptors are still in use after a minute:\n{metrics:?}"
        );
    }
}

/// Waits until the server's memory is back at `mib` or less.
fn at_rest(server: &EchoServer, mib: f64) -> anyhow::Result<Metrics> {
    let deadline = Instant::now() + GIVEN_BACK;
    loop {
        let metrics = server.metrics()?;
        if metrics.resident_mib() <= mib {
            return Ok(metrics);
        }
        ensure!(
            Instant::now() < deadline,
            "{:.1} MiB are still held, where {mib:.1} are allowed",
            metrics.resident_mib()
        );
        // A person who watches the metrics would use an interval like this.
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Returns the first bytes of a plain session at `address`.
///
/// # Errors
/// Fails if the session cannot be made.
pub fn greeting(address: SocketAddr, connection: &Connection) -> anyhow::Result<Vec<u8>> {
    let (mut session, _) = ClientSession::new(parameters(address, connection), NOW)?;
    let mut bytes = Vec::new();
    while session.transmit(&mut bytes, 4096) > 0 {}
    Ok(bytes)
}

/// Returns a request whose body is `greeting`.
pub fn request_with(greeting: &[u8]) -> Vec<u8> {
    let length = greeting.len();
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), greeting].concat()
}

/// Returns everything that a client sends in a plain session that runs to its end.
///
/// # Errors
/// Fails if the session does not run to its end.
pub fn session_bytes(address: SocketAddr, connection: &Connection) -> anyhow::Result<Vec<u8>> {
    let mut parameters = parameters(address, connection);
    parameters.hold = None;
    let (mut session, need) = ClientSession::new(parameters, NOW)?;
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(WATCHDOG))?;
    let mut recorded = Recorded {
        stream,
        sent: Vec::new(),
    };
    let need = play(&mut session, need, &mut recorded, |_| false)?;
    ensure!(need == Need::Finished, "{need:?}");
    Ok(recorded.sent)
}

/// A connection that records what is sent.
struct Recorded {
    stream: TcpStream,
    sent: Vec<u8>,
}

impl Read for Recorded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(bytes)?;
        self.sent.extend_from_slice(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Sends `bytes` and a FIN, and returns the number of bytes in the answer.
///
/// # Errors
/// Fails if the connection ends with an error other than a reset.
pub fn answer_to(mut stream: TcpStream, bytes: &[u8]) -> anyhow::Result<usize> {
    let mut answer = Vec::new();
    let done = stream
        .write_all(bytes)
        .and_then(|()| stream.shutdown(Shutdown::Write))
        .and_then(|()| stream.read_to_end(&mut answer));
    match done {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        Err(error) => return Err(error.into()),
    }
    Ok(answer.len())
}

/// The memory in MiB that a server may use, as a function of its descriptor limit.
struct Allowance {
    at_300: f64,
    kib_for_each_more: f64,
}

impl Allowance {
    fn of(&self, descriptors: usize) -> f64 {
        let more = descriptors.saturating_sub(300) as f64;
        self.at_300 + more * self.kib_for_each_more / 1024.0
    }
}

/// The growth allowed at the peak of a siege.
const AT_MOST: Allowance = Allowance {
    at_300: 6.0,
    kib_for_each_more: 2.0,
};

/// The growth allowed once the first siege is over: one-time allocations for the first connections, and memory that the
/// allocator keeps.
const KEPT: Allowance = Allowance {
    at_300: 4.0,
    kib_for_each_more: 1.5,
};

/// The growth allowed between the first and the second siege: memory that the allocator keeps if more strangers were
/// connected at once.
const LEAKED: Allowance = Allowance {
    at_300: 1.0,
    kib_for_each_more: 0.75,
};

/// The number of lines that the server may log: one or two a minute, and the lines at its start and end.
const MAX_LOG_LINES: usize = 40;

/// How long the server may take to return memory; it checks every second.
const GIVEN_BACK: Duration = Duration::from_secs(10);
