//! A server that is killed and started again is the same to its clients, and no better for thieves.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};

use anyhow::ensure;
use fwprobe_tests::siege::{answer_to, session_bytes};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{EchoServer, Probe, ServerPlan};
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("restart")
        .on_both_families("a_killed_server_comes_back_as_it_was", killed)
        .on_both_families("a_recorded_session_is_worth_nothing_anywhere", recorded)
}

fn killed(ip: IpAddr) -> anyhow::Result<()> {
    let plan = || ServerPlan::on(ip).ports(1);
    let server = plan().start()?;
    let whole = |server: &EchoServer| -> anyhow::Result<()> {
        let probe = Probe::of(server)?.kinds(server.port(1), SessionKind::ALL);
        probe.run()?.expect_exit(0).map(drop)
    };
    whole(&server)?;
    let mut in_flight = TcpStream::connect(server.address(1))?;
    in_flight.write_all(b"\xf7fwprob")?;
    let identity = server.kill()?;
    // Whatever was under way is over, and nothing else.
    ensure!(matches!(in_flight.read(&mut [0; 16]), Ok(0) | Err(_)));
    let server = plan().start_as(identity)?;
    whole(&server)?;
    server.stop().map(drop)
}

/// Everything that a client has sent in a session that went well, again: to the same server, to the
/// same server after a restart, and to another instance with the same identity.
fn recorded(ip: IpAddr) -> anyhow::Result<()> {
    let plan = || ServerPlan::on(ip).ports(1);
    let server = plan().start()?;
    let recorded = session_bytes(server.address(1), &server.connection())?;
    let replay = |address: SocketAddr| -> anyhow::Result<()> {
        let answer = answer_to(TcpStream::connect(address)?, &recorded)?;
        // A testimony at most: no confirmation, no payload, no farewell.
        ensure!(answer <= GREETING_BYTES, "{answer} bytes for a replay");
        Ok(())
    };
    replay(server.address(1))?;
    let other = plan().start_as(server.identity().clone())?;
    replay(other.address(1))?;
    other.stop()?;
    let identity = server.kill()?;
    let server = plan().start_as(identity)?;
    replay(server.address(1))?;
    server.stop().map(drop)
}

/// What a greeting is padded to (docs/wire.md).
const GREETING_BYTES: usize = 1024 + 8;
