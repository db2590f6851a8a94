//! Measures the server's capacity: sessions per second, and memory for each held session.
//!
//! The rate is compared with that of a bare server that reads and writes the same number of bytes in the same turns;
//! the clients of both servers run on the same cores.
//!
//! `cargo build --release --bin fwprobe-echo && cargo bench --package fwprobe-tests --bench server_capacity`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::net::{IpAddr, Ipv4Addr};

use fwprobe_tests::ServerPlan;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

mod bare;
mod held;
mod load;

use bare::BarePeer;
use load::Client;

fn main() -> anyhow::Result<()> {
    if let Some(shape) = std::env::args().find_map(|argument| bare::asked_for(&argument)) {
        return bare::serve(shape);
    }
    raise_descriptor_limit()?;
    rates()?;
    println!();
    for (shape, sessions) in [(Shape::Plain, 15_000), (Shape::Tls, 2_000)] {
        held::measure(shape, sessions)?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Plain,
    Tls,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
        }
    }

    /// Returns the number of sessions to measure, which take some seconds in all.
    fn sessions(self) -> usize {
        match self {
            Self::Plain => 30_000,
            Self::Tls => 4_000,
        }
    }
}

/// Measures sessions without an exchange. Many clients run them, each one session after another.
fn rates() -> anyhow::Result<()> {
    println!(
        "{:<8} {:>10} {:>12} {:>14} {:>8}",
        "shape", "sessions", "bare /s", "fwprobe-echo /s", "ratio"
    );
    for shape in [Shape::Plain, Shape::Tls] {
        let client = Client::new()?;
        let (mut bare, mut echo) = (0_f64, 0_f64);
        for _ in 0..REPEATS {
            let peer = BarePeer::start(shape)?;
            bare = bare.max(load::per_second(shape, || {
                client.bare(peer.address(), shape)
            })?);
            let server = limitless(ServerPlan::on(LOCALHOST).ports(1)).start()?;
            let (address, connection) = (server.address(1), server.connection());
            echo = echo.max(load::per_second(shape, || {
                client.session(address, &connection, shape)
            })?);
        }
        println!(
            "{:<8} {:>10} {bare:>12.0} {echo:>14.0} {:>8.2}",
            shape.name(),
            shape.sessions(),
            echo / bare
        );
    }
    Ok(())
}

/// Raises the server's limits, because a single host with a single key makes all sessions, as fast as possible.
fn limitless(plan: ServerPlan) -> ServerPlan {
    LIMITS.iter().fold(plan, |plan, line| plan.limit(line))
}

/// Raises the limit of descriptors for this process and its children.
fn raise_descriptor_limit() -> anyhow::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    Ok(())
}

const LIMITS: &[&str] = &[
    "sessions = 18000",
    "sessions_per_key = 18000",
    "held_per_key = 18000",
    "new_per_second_per_key = 1000000",
    "strangers_per_source = 1000",
    "new_per_second_per_source = 1000000",
];
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const REPEATS: usize = 3;
