//! A server that is killed and started again behaves the same to its clients, and accepts no replays.

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr, TcpStream};

use anyhow::{Context as _, ensure};
use fwprobe_tests::siege::{Moment, answer_to, session_bytes};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{EchoServer, Probe, ServerPlan, WATCHDOG};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("restart")
        .on_both_families("a_killed_server_comes_back_as_it_was", killed)
        .on_both_families("a_recorded_session_is_worth_nothing_anywhere", recorded)
}

/// Kills the server at every moment of a session, and while a client holds silent sessions and the server reports on
/// them.
fn killed(ip: IpAddr) -> anyhow::Result<()> {
    let plan = || ServerPlan::on(ip).ports(1).with_metrics();
    let whole = |server: &EchoServer| -> anyhow::Result<()> {
        let probe = Probe::of(server)?.kinds(server.port(1), SessionKind::ALL);
        probe.run()?.expect_exit(0).map(drop)
    };
    let mut server = plan().start()?;
    whole(&server)?;
    for moment in Moment::ALL {
        let address = server.address(1);
        let mut in_flight = TcpStream::connect(address)?;
        in_flight.set_read_timeout(Some(WATCHDOG))?;
        let reached = moment.reach(&mut in_flight, address, &server.connection());
        reached.with_context(|| format!("{moment:?}"))?;
        server = plan().start_as(server.kill()?)?;
        // Only the connection in flight has ended.
        let end = in_flight.read_to_end(&mut Vec::new());
        let reset = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionReset;
        ensure!(
            end.as_ref().is_ok() || end.as_ref().is_err_and(reset),
            "{moment:?}: {end:?}"
        );
        whole(&server).with_context(|| format!("after {moment:?}"))?;
    }
    let watcher = Probe::of(&server)?.port(server.port(1), SessionKind::Tcp);
    let watcher = watcher.subcommand("idle").arg("--hold=90s");
    let mut watching = watcher.start()?;
    let watched = || {
        let metrics = server.metrics()?;
        Ok(metrics.sum(CALLERS) > 0.0 && metrics.sum(SESSIONS) >= SILENT)
    };
    watching.wait_until(watched)?;
    server = plan().start_as(server.kill()?)?;
    let run = watcher.finish(watching)?;
    // The run reports an outage, and does not blame the path.
    run.expect_exit(UNDECIDED)?
        .expect_all(VerdictId::Inconclusive)?;
    whole(&server)?;
    server.stop().map(drop)
}

/// Replays everything that a client has sent in a successful session: to the same server, to the same server after a
/// restart, and to another instance with the same identity.
fn recorded(ip: IpAddr) -> anyhow::Result<()> {
    let plan = || ServerPlan::on(ip).ports(1);
    let server = plan().start()?;
    let recorded = session_bytes(server.address(1), &server.connection())?;
    let replay = |address: SocketAddr| -> anyhow::Result<()> {
        let answer = answer_to(TcpStream::connect(address)?, &recorded)?;
        // A replay gets a testimony at most: no confirmation, no payload, no farewell.
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

/// The exit code of a run that is undecided.
const UNDECIDED: u8 = 3;
const CALLERS: &str = "fwprobe_echo_present{standing=\"control\"}";
const SESSIONS: &str = "fwprobe_echo_present{standing=\"session\"}";
/// The number of silent sessions: one with keep-alive, and one without.
const SILENT: f64 = 2.0;
/// The length to which a greeting is padded, with the magic (docs/develop/wire.md).
const GREETING_BYTES: usize = 1024 + 8;
