//! Devices that pass one protocol on a port and block another one. Only this counts as inspection.

use std::net::IpAddr;

use anyhow::ensure;
use fwprobe_tests::middlebox::{Cut, Direction, Dislike, Ending, Inspection, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Probe, Run, ServerPlan};
use probe_core::catalogue::VerdictId;
use probe_core::measurement::OTHER_NAME;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("inspection")
        .on_both_families("by_protocol_with_reset", |ip| {
            by_protocol(ip, Ending::Reset)
        })
        .on_both_families("by_protocol_in_silence", |ip| {
            by_protocol(ip, Ending::Silence)
        })
        .on_both_families("of_everything_is_none", of_everything_is_none)
}

/// Runs each session kind through a device that dislikes this kind, and checks the protocols that the claim names as
/// passing.
fn by_protocol(ip: IpAddr, ending: Ending) -> anyhow::Result<()> {
    let inspections = CASES.map(|(dislikes, ..)| Inspection { dislikes, ending });
    let (server, devices) = ServerPlan::on(ip)
        .start_behind(&inspections, |seat, upstream, inspection| {
            Middlebox::inspecting(seat, upstream, *inspection)
        })?;
    let mut probe = Probe::of(&server)?;
    if ending == Ending::Silence {
        probe = probe.idle_timeout(IDLE_TIMEOUT);
    }
    for (device, (_, kind, _)) in devices.iter().zip(CASES) {
        probe = probe.port(device.port(), kind);
    }
    let run = probe.run()?;
    run.expect_exit(1)?.expect_all(match ending {
        Ending::Reset => VerdictId::PayloadReset,
        Ending::Silence => VerdictId::PayloadDropped,
    })?;
    for (device, (dislikes, kind, says)) in devices.iter().zip(CASES) {
        ensure!(device.strikes() > 0, "{dislikes:?} never happened");
        let probe = run.one(device.port())?;
        let claim = &probe.verdict.claim;
        ensure!(
            claim.contains("inspect") && claim.contains(says),
            "{kind}: {claim}\nsays nothing of {says}\n{}",
            Run::compared(probe)
        );
    }
    server.stop().map(drop)
}

/// A device that ends every session at its first byte is not reported as inspection.
fn of_everything_is_none(ip: IpAddr) -> anyhow::Result<()> {
    let cut = Cut {
        direction: Direction::Up,
        after: 0,
        ending: Ending::Reset,
    };
    let (server, devices) = ServerPlan::on(ip).start_behind(&[cut], |seat, upstream, cut| {
        Middlebox::cutting(seat, upstream, *cut)
    })?;
    let port = devices[0].port();
    let run = Probe::of(&server)?
        .idle_timeout(IDLE_TIMEOUT)
        .port(port, SessionKind::Tls)
        .run()?;
    let probe = run.one(port)?;
    run.expect(probe, VerdictId::PayloadReset)?;
    ensure!(
        !probe.verdict.claim.contains("inspect"),
        "{}",
        probe.verdict.claim
    );
    ensure!(
        !probe.measurement.variations.is_empty(),
        "nothing was compared:\n{}",
        run.text()
    );
    server.stop().map(drop)
}

const CASES: [(Dislike, SessionKind, &str); 5] = [
    (
        Dislike::Tls,
        SessionKind::Https,
        "lets plain TCP and HTTP pass",
    ),
    (
        Dislike::Http,
        SessionKind::Http,
        "lets plain TCP and TLS pass",
    ),
    (
        Dislike::NetTcp,
        SessionKind::Nettcp,
        "lets plain TCP, TLS and HTTP pass",
    ),
    (Dislike::Unknown, SessionKind::Tcp, "lets TLS and HTTP pass"),
    (
        Dislike::TlsWithout(OTHER_NAME),
        SessionKind::Tls,
        "inspection by server name",
    ),
];

/// The idle timeout in seconds; each silence in these tests lasts this long.
const IDLE_TIMEOUT: u8 = 8;
