//! A server under attack: what is done to it goes on while a known client probes it, and afterwards
//! it must be as it was before.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use probe_core::session::{ClientSession, Need};
use probe_core::session_kind::SessionKind;
use socket2::{Domain, Socket, Type};

use crate::played::{NOW, parameters, play};
use crate::{Connection, EchoServer, Metrics, Place, Probe, ServerPlan, WATCHDOG};

/// What attackers know.
#[derive(Debug)]
pub struct Target {
    address: SocketAddr,
    connection: Connection,
    over: AtomicBool,
}

/// Does its worst until the siege is [over](Target::is_over). Tells `begun` once it is well under way.
pub type Attack = fn(&Target, begun: &Sender<()>) -> anyhow::Result<()>;

/// Raises `attack` against a server with `descriptors` file descriptors. While it lasts a known client
/// finds every session kind reachable and the server's memory stays in bounds; afterwards memory and
/// descriptors go back to where they were.
///
/// # Errors
/// One of these is not so.
pub fn raise(descriptors: usize, attack: Attack) -> anyhow::Result<()> {
    let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
    let place = Place::ordinary().with_descriptors(descriptors);
    let server = ServerPlan::on(ip)
        .ports(1)
        .at(place)
        .with_metrics()
        .start()?;
    // The first run makes what is made once.
    known_client_succeeds(&server)?;
    let before = calm(&server, |_| true)?;
    let target = Target {
        address: server.address(1),
        connection: server.connection(),
        over: AtomicBool::new(false),
    };
    let during = under(&server, &target, attack)?;
    let grown = during.resident_mib() - before.resident_mib();
    let at_most = at_most_mib(descriptors);
    ensure!(grown <= at_most, "memory has grown by {grown} MiB");
    let after = calm(&server, |metrics| {
        metrics.descriptors() <= before.descriptors()
    })?;
    let kept = after.resident_mib() - before.resident_mib();
    // For docs/reliability.md.
    writeln!(
        io::stdout(),
        "memory {:.1} MiB before, {:.1} during, {:.1} after; descriptors {} before, {} during, {} \
         after",
        before.resident_mib(),
        during.resident_mib(),
        after.resident_mib(),
        before.descriptors(),
        during.descriptors(),
        after.descriptors(),
    )?;
    ensure!(kept <= at_most, "{kept} MiB are not given back");
    known_client_succeeds(&server)?;
    let finished = server.stop()?;
    ensure!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    let lines = finished.stderr.lines().count();
    ensure!(lines < MAX_LOG_LINES, "{lines} lines in the log");
    Ok(())
}

/// Runs a known client while `attack` lasts, and reads the metrics meanwhile.
fn under(server: &EchoServer, target: &Target, attack: Attack) -> anyhow::Result<Metrics> {
    std::thread::scope(|scope| {
        let (begun, begins) = channel();
        let attacker = scope.spawn(move || attack(target, &begun));
        // An attack that has failed says so at its end.
        let _ = begins.recv_timeout(WATCHDOG);
        let run = known_client_succeeds(server);
        let during = server.metrics();
        target.over.store(true, Ordering::Relaxed);
        match attacker.join() {
            Ok(result) => result.context("the attack itself")?,
            Err(_) => bail!("the attacker panicked"),
        }
        run?;
        during
    })
}

fn known_client_succeeds(server: &EchoServer) -> anyhow::Result<()> {
    let probe = Probe::of(server)?.kinds(server.port(1), SessionKind::ALL);
    probe.run()?.expect_exit(0)?;
    Ok(())
}

/// Waits until nobody is connected any more and `quiet` is so, a minute at most: no deadline of the server's
/// is longer.
fn calm(server: &EchoServer, quiet: impl Fn(&Metrics) -> bool) -> anyhow::Result<Metrics> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let metrics = server.metrics()?;
        if metrics.strangers() == 0.0 && metrics.known() == 0.0 && quiet(&metrics) {
            return Ok(metrics);
        }
        ensure!(Instant::now() < deadline, "no calm comes:\n{metrics:?}");
    }
}

impl Target {
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// A connection from an address that no known client has.
    ///
    /// # Errors
    /// None is to be had.
    pub fn connect(&self) -> anyhow::Result<TcpStream> {
        self.connect_from(ATTACKER)
    }

    /// A connection from the address that the known client has.
    ///
    /// # Errors
    /// None is to be had.
    pub fn connect_beside_client(&self) -> anyhow::Result<TcpStream> {
        self.connect_from(self.address.ip())
    }

    fn connect_from(&self, ip: IpAddr) -> anyhow::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(ip, 0).into())?;
        // Neither side keeps the ports of a connection that ends with a reset.
        socket.set_linger(Some(Duration::ZERO))?;
        socket.connect_timeout(&self.address.into(), WATCHDOG)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(WATCHDOG))?;
        stream.set_write_timeout(Some(WATCHDOG))?;
        Ok(stream)
    }

    /// What a client's plain session begins with; its key is the known client's.
    ///
    /// # Errors
    /// The session cannot be made.
    pub fn greeting(&self) -> anyhow::Result<Vec<u8>> {
        greeting(self.address, &self.connection)
    }

    /// The same under that key's id with another secret.
    ///
    /// # Errors
    /// The session cannot be made.
    pub fn forged_greeting(&self) -> anyhow::Result<Vec<u8>> {
        let forger = self.connection.clone().with_another_secret();
        greeting(self.address, &forger)
    }
}

/// The first bytes of a plain session at `address`.
///
/// # Errors
/// The session cannot be made.
pub fn greeting(address: SocketAddr, connection: &Connection) -> anyhow::Result<Vec<u8>> {
    let (mut session, _) = ClientSession::new(parameters(address, connection), NOW)?;
    let mut bytes = Vec::new();
    while session.transmit(&mut bytes, 4096) > 0 {}
    Ok(bytes)
}

/// A request whose body is `greeting`.
pub fn request_with(greeting: &[u8]) -> Vec<u8> {
    let length = greeting.len();
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), greeting].concat()
}

/// Everything that a client sends in a plain session that runs to its end.
///
/// # Errors
/// It does not.
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

/// Remembers what is sent.
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

/// Sends `bytes` and the end, and counts what comes back until the end.
///
/// # Errors
/// The connection breaks otherwise than by a reset.
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

/// Not the client's, and on loopback all the same.
const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// What a siege may cost a server with so many descriptors, and how much of it the allocator may keep.
fn at_most_mib(descriptors: usize) -> f64 {
    let kib_each = 4 * descriptors.saturating_sub(300);
    8.0 + kib_each as f64 / 1024.0
}

/// A line or two a minute, and those of the start and the end.
const MAX_LOG_LINES: usize = 40;
