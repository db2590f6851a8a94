//! Wears a server on loopback for an hour, or as many minutes as its argument says: known clients run
//! and are killed half way, strangers come and say nothing, keys come and go, the clients' own among them,
//! certificates are replaced, files are wrong for a while, and nothing of it may show.
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
        // By then everything has happened that is there to happen.
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
    /// With the key and the pins that are good at this moment.
    connection: Connection,
    /// With the key that is to follow, once the server knows it.
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
        // Before anybody starts, so that all of them know both certificates.
        if number % CHANGES == BEGIN_ROLL_OVER {
            let pin = self.server.identity().begin_roll_over()?;
            self.connection = self.connection.with_pin(&pin)?;
        }
        let next = self.next.take();
        let old = next.map(|next| std::mem::replace(&mut self.connection, next));
        let (doomed, whole) = (probe(self)?, probe(self)?);
        let victim = doomed.start()?;
        let running = whole.start()?;
        // Wherever it is by now.
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

    /// A key more, a file that is wrong for a while, another certificate, a key that takes over from the
    /// clients' own: in turn, while a run goes on.
    fn change(&mut self, number: u32) -> anyhow::Result<()> {
        let identity = self.server.identity();
        let keys = identity.directory().join("keys.toml");
        let good = std::fs::read(&keys)?;
        match number % CHANGES {
            0 => {
                identity.add_key("soak")?;
                self.reload("accepted")?;
                // No key too many after a thousand rounds.
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
            // Clients go on with the old one meanwhile, and take the new one in the next round.
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
        ensure!(Instant::now() < deadline, "no calm comes:\n{metrics:?}");
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

/// Rounds after which everything comes again.
const CHANGES: u32 = 6;
const BEGIN_ROLL_OVER: u32 = 2;
const BEGIN_NEW_KEY: u32 = 4;
/// Exit code of a run that is refused everywhere.
const REFUSED: u8 = 3;

/// Connections that say nothing while a round lasts.
const STRANGERS: usize = 20;

/// What the allocator keeps for itself. All that is remembered of connections has its place from the start.
const MAX_GROWN_MIB: f64 = 4.0;

/// From the middle to the end. By then the allocator has what it keeps, and what still grows is a leak.
const MAX_GROWN_AT_LAST_MIB: f64 = 1.0;
