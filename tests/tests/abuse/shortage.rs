//! A server that runs out of file descriptors, because the system's limit was lowered after the server had derived its
//! own limits from it.

use std::io::ErrorKind;
use std::net::{IpAddr, TcpStream};

use anyhow::ensure;
use fwprobe_tests::siege::{Moment, calm};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{Probe, ServerPlan, WATCHDOG};
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("shortage").needing_on_both_families(
        &[Need::Tool("prlimit")],
        "no_descriptor_is_left_for_a_while",
        shortage,
    )
}

/// New connections wait in the queue, existing ones stay, and the server accepts again by itself once others have left.
fn shortage(ip: IpAddr) -> anyhow::Result<()> {
    let mut server = ServerPlan::on(ip).ports(1).with_metrics().start()?;
    let address = server.address(1);
    let run = || Probe::of(&server).map(|probe| probe.kinds(server.port(1), SessionKind::ALL));
    run()?.run()?.expect_exit(0)?;
    let before = calm(&server, |_| true)?;
    let mut held = TcpStream::connect(address)?;
    held.set_read_timeout(Some(WATCHDOG))?;
    Moment::Held.reach(&mut held, address, &server.connection())?;

    let left = before.descriptors() as u64 + ROOM as u64;
    server.limit_descriptors(left)?;
    let silent: Vec<TcpStream> = (0..2 * ROOM)
        .map(|_| TcpStream::connect(address))
        .collect::<Result<_, _>>()?;
    server.says(NONE_LEFT)?;
    // The server neither closes the held session nor sends anything over it.
    held.set_nonblocking(true)?;
    let said = held.peek(&mut [0]);
    ensure!(
        matches!(&said, Err(error) if error.kind() == ErrorKind::WouldBlock),
        "{said:?}"
    );
    drop(silent);

    let run = || Probe::of(&server).map(|probe| probe.kinds(server.port(1), SessionKind::ALL));
    run()?.run()?.expect_exit(0)?;
    drop(held);
    calm(&server, |now| now.descriptors() <= before.descriptors())?;
    let finished = server.stop()?;
    ensure!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    // There is at most one warning per minute and listener.
    let warnings = finished.stderr.matches(NONE_LEFT).count();
    ensure!(warnings <= 2, "{}", finished.stderr);
    Ok(())
}

/// The number of remaining descriptors: more than a run has connections.
const ROOM: usize = 40;
const NONE_LEFT: &str = "connections cannot be accepted";
