//! Ctrl-C: the results so far are written, and the report says that it is incomplete.

use std::io::Read as _;
use std::net::{IpAddr, TcpListener};

use anyhow::ensure;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Identity, Place, Probe, ShutPort, WATCHDOG};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use rustix::process::Signal;

pub(crate) fn trials() -> Trials {
    Trials::of("interruption").on_both_families("by_the_user", by_the_user)
}

fn by_the_user(ip: IpAddr) -> anyhow::Result<()> {
    let silent = TcpListener::bind((ip, 0))?;
    let shut = ShutPort::take(ip)?;
    let identity = Identity::make(&Place::ordinary(), &[&ip.to_string()])?;
    let connection = identity.connection().clone().with_control_port(shut.port());
    let port = silent.local_addr()?.port();
    let probe = Probe::with(connection)?
        .idle_timeout(LONG)
        .port(port, SessionKind::Tcp);
    let process = probe.start()?;
    // Once the client has sent something, it waits for an answer, which does not come.
    let (mut accepted, _) = silent.accept()?;
    accepted.set_read_timeout(Some(WATCHDOG))?;
    accepted.read_exact(&mut [0])?;
    process.signal(Signal::INT)?;
    let run = probe.finish(process)?;
    run.expect_exit(3)?.expect_all(VerdictId::Inconclusive)?;
    ensure!(
        !run.document()?.run.complete,
        "the report does not say that it was interrupted"
    );
    ensure!(run.finished.stdout.contains("INCOMPLETE"), "{}", run.text());
    Ok(())
}

/// The longest idle timeout in seconds, so that without the signal the run would go on.
const LONG: u8 = 60;
