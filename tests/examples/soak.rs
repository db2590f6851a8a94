//! Exercises a server on loopback for an hour, or for the number of minutes in its argument.
//!
//! Authenticated clients run and are killed half way, strangers connect and send nothing, keys come and go (including
//! those of the clients), certificates are replaced, and files are invalid for a while. None of this may cause a
//! failure or a leak.
//!
//!     cargo build --workspace && cargo run -p fwprobe-tests --example soak -- 60
//!
//! With one packet in a hundred lost, as root:
//!
//!     unshare -n tests/examples/lossy 1 target/debug/examples/soak 60

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use fwprobe_tests::{Connection, EchoServer, Metrics, Probe, ServerPlan, WATCHDOG};
use probe_core::session_kind::SessionKind;
use rustix::process::Signal;

fn main() -> anyhow::Result<()> {
    let minutes: u64 = match std::env::args().nth(1) {
        Some(text) => text.parse().context("minutes, as a whole number")?,
        None => 60,
    };
    let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
    let server = ServerPlan::on(ip).ports(1).with_metrics().start()?;
    let mut soak = Soak {
        connection: server.connection(),
        next: None,
        server,
    };
    let (begin, all) = (Instant::now(), Duration::from_secs(60 * minutes));
    let (mut rounds, mut first, mut middle) = (0, None, None);
    while begin.elapsed() < all {
        soak.round(rounds)?;
        rounds += 1;
        let metrics = calm(&soak.server)?;
        // After the first CHANGES rounds, every kind of change has happened once.
        if rounds < CHANGES {
            continue;
        }
        let first = first.get_or_insert_with(|| metrics.clone());
        report(rounds, first, &metrics)?;
        grown_at_most(MAX_GROWN_MIB, first, &metrics)?;
        if begin.elapsed() >= all / 2 {
            let (_, middle) = middle.get_or_insert_with(|| (rounds, metrics.clone()));
            grown_at_most(MAX_GROWN_AT_LAST_MIB, middle, &metrics)?;
        }
    }
    ensure!(
        middle.is_some_and(|(middle, _)| middle + CHANGES <= rounds),
        "too few rounds to tell how it goes on: {rounds}"
    );
    let finished = soak.server.stop()?;
    ensure!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    writeln!(std::io::stdout(), "{rounds} rounds, nothing lost")?;
    Ok(())
}

struct Soak {
    server: EchoServer,
    /// The connection string with the key and the pins that are valid now.
    connection: Connection,
    /// The connection string with the client's next key, once the server knows it.
    next: Option<Connection>,
}

impl Soak {
    fn round(&mut self, number: u32) -> anyhow::Result<()> {
        let probe = |soak: &Self| -> anyhow::Result<Probe> {
            let port = soak.server.port(1);
            Ok(Probe::with(soak.connection.clone())?.kinds(port, SessionKind::ALL))
        };
        let strangers: Vec<TcpStream> = (0..STRANGERS)
            .map(|_| TcpStream::connect(self.server.address(1)))
            .collect::<Result<_, _>>()?;
        // The roll-over begins before any client starts, so that all clients know both certificates.
        if number % CHANGES == BEGIN_ROLL_OVER {
            let pin = self.server.identity().begin_roll_over()?;
            self.connection = self.connection.with_pin(&pin)?;
        }
        let next = self.next.take();
        let old = next.map(|next| std::mem::replace(&mut self.connection, next));
        let (doomed, whole) = (probe(self)?, probe(self)?);
        let victim = doomed.start()?;
        let running = whole.start()?;
        // The run is killed at whatever step it has reached.
        victim.signal(Signal::KILL)?;
        victim.finish()?;
        self.change(number)?;
        if let Some(old) = &old {
            self.server.identity().revoke_key(old)?;
            self.reload("accepted")?;
        }
        whole.finish(running)?.expect_exit(0)?;
        if let Some(old) = old {
            let late = Probe::with(old)?.port(self.server.port(1), SessionKind::Tcp);
            late.run()?.expect_exit(REFUSED)?;
        }
        drop(strangers);
        Ok(())
    }

    /// Makes one change while a run goes on.
    ///
    /// In turn: one more key, a file that is invalid for a while, a new certificate, and a new key that replaces the
    /// clients' own.
    fn change(&mut self, number: u32) -> anyhow::Result<()> {
        let identity = self.server.identity();
        let keys = identity.directory().join("keys.toml");
        let good = std::fs::read(&keys)?;
        match number % CHANGES {
            0 => {
                identity.add_key("soak")?;
                self.reload("accepted")?;
                // The key is removed again, so that there are not too many after a thousand rounds.
                std::fs::write(&keys, good)?;
            }
            1 => {
                std::fs::write(&keys, "keys = 5\n")?;
                self.reload("rejected")?;
                std::fs::write(&keys, good)?;
            }
            BEGIN_ROLL_OVER => {
                identity.finish_roll_over()?;
                self.reload("accepted")?;
                self.connection = self.connection.clone().with_last_pin();
            }
            // Clients go on with the old key, and use the new one in the next round.
            BEGIN_NEW_KEY => {
                let next = identity.add_key("next")?;
                self.next = Some(next.with_control_port(self.server.port(0)));
                self.reload("accepted")?;
            }
            _ => self.reload("accepted")?,
        }
        Ok(())
    }

    fn reload(&self, outcome: &str) -> anyhow::Result<()> {
        let series = format!("fwprobe_echo_reloads_total{{outcome=\"{outcome}\"}}");
        let before = self.server.metrics()?.sum(&series);
        self.server.reload()?;
        let deadline = Instant::now() + WATCHDOG;
        while self.server.metrics()?.sum(&series) <= before {
            ensure!(Instant::now() < deadline, "no reload");
        }
        Ok(())
    }
}

fn calm(server: &EchoServer) -> anyhow::Result<Metrics> {
    let deadline = Instant::now() + WATCHDOG;
    loop {
        let metrics = server.metrics()?;
        if metrics.strangers() == 0.0 && metrics.known() == 0.0 {
            return Ok(metrics);
        }
        ensure!(
            Instant::now() < deadline,
            "connections are still open after {WATCHDOG:?}:\n{metrics:?}"
        );
    }
}

fn report(rounds: u32, first: &Metrics, now: &Metrics) -> anyhow::Result<()> {
    let descriptors = now.descriptors();
    writeln!(
        std::io::stdout(),
        "round {rounds}: {:.1} MiB, {descriptors} descriptors, {} connections",
        now.resident_mib(),
        now.sum("fwprobe_echo_connections_total"),
    )?;
    ensure!(
        descriptors <= first.descriptors() + 2.0,
        "descriptors are not given back"
    );
    Ok(())
}

fn grown_at_most(mib: f64, before: &Metrics, now: &Metrics) -> anyhow::Result<()> {
    let grown = now.resident_mib() - before.resident_mib();
    ensure!(
        grown <= mib,
        "memory has grown by {grown:.2} MiB, and not by {mib} at most"
    );
    Ok(())
}

/// The number of rounds after which the changes repeat.
const CHANGES: u32 = 6;
const BEGIN_ROLL_OVER: u32 = 2;
const BEGIN_NEW_KEY: u32 = 4;
/// The exit code of a run that is refused everywhere.
const REFUSED: u8 = 3;

/// The number of connections that send nothing during a round.
const STRANGERS: usize = 20;

/// The growth that the allocator may cause. Tables about connections have their full size from the start.
const MAX_GROWN_MIB: f64 = 4.0;

/// The growth allowed from the middle to the end. By then the allocator has grown fully, so more growth is a leak.
const MAX_GROWN_AT_LAST_MIB: f64 = 1.0;
