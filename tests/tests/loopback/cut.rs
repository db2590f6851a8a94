//! Connections that are cut after a number of bytes in either direction.

use std::net::IpAddr;

use anyhow::{Context as _, ensure};
use fwprobe_tests::middlebox::{Cut, Direction, Ending, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Probe, Run, ServerPlan};
use probe_core::catalogue::VerdictId;

use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("cut")
        .on_both_families("reset_on_the_way_up", |ip| {
            anywhere(ip, Direction::Up, Ending::Reset)
        })
        .on_both_families("reset_on_the_way_down", |ip| {
            anywhere(ip, Direction::Down, Ending::Reset)
        })
        .on_both_families("silence_on_the_way_up", |ip| {
            anywhere(ip, Direction::Up, Ending::Silence)
        })
        .on_both_families("silence_on_the_way_down", |ip| {
            anywhere(ip, Direction::Down, Ending::Silence)
        })
        .on_both_families("reset_at_the_first_byte", |ip| {
            at_the_first_byte(ip, Ending::Reset)
        })
        .on_both_families("silence_at_the_first_byte", |ip| {
            at_the_first_byte(ip, Ending::Silence)
        })
}

/// Runs raw sessions, each through its own device that passes a different number of bytes.
fn anywhere(ip: IpAddr, direction: Direction, ending: Ending) -> anyhow::Result<()> {
    let cuts = AFTER.map(|after| Cut {
        direction,
        after,
        ending,
    });
    let (server, devices) = ServerPlan::on(ip).start_behind(&cuts, |seat, upstream, cut| {
        Middlebox::cutting(seat, upstream, *cut)
    })?;
    let mut probe = Probe::of(&server)?.idle_timeout(IDLE_TIMEOUT);
    for device in &devices {
        probe = probe.port(device.port(), SessionKind::Tcp);
    }
    let run = probe.run()?;
    run.expect_exit(1)?;
    for (device, cut) in devices.iter().zip(cuts) {
        ensure!(device.strikes() > 0, "{cut:?} never happened");
        run.expect_port(device.port(), verdict_after(cut))?;
        place_is_right(&run, run.one(device.port())?, cut)?;
    }
    server.stop().map(drop)
}

/// Checks that no more payload arrived than the device passed.
fn place_is_right(run: &Run, probe: &probe_documents::Probe, cut: Cut) -> anyhow::Result<()> {
    let session = probe
        .measurement
        .session
        .as_ref()
        .context("a session report")?;
    let arrived: usize = match cut.direction {
        Direction::Up => session
            .stages
            .iter()
            .map(|s| s.up.confirmed.unwrap_or(0))
            .sum::<u32>(),
        Direction::Down => session
            .stages
            .iter()
            .map(|s| s.down.received.unwrap_or(0))
            .sum(),
    }
    .try_into()?;
    ensure!(
        arrived <= cut.after,
        "{arrived} bytes of payload arrived where {} passed:\n{}",
        cut.after,
        run.text()
    );
    // If enough bytes passed for the greeting or the testimony, the client knows that it spoke to the server.
    let testified = session.testimony.is_some();
    ensure!(
        testified || cut.after < PAST_THE_TESTIMONY,
        "no testimony, though {} bytes passed:\n{}",
        cut.after,
        run.text()
    );
    Ok(())
}

/// Runs every session kind, each through its own device that ends it at the first byte from the client.
fn at_the_first_byte(ip: IpAddr, ending: Ending) -> anyhow::Result<()> {
    let cut = Cut {
        direction: Direction::Up,
        after: 0,
        ending,
    };
    let (server, devices) = ServerPlan::on(ip)
        .start_behind(&SessionKind::ALL, |seat, upstream, _| {
            Middlebox::cutting(seat, upstream, cut)
        })?;
    let mut probe = Probe::of(&server)?.idle_timeout(IDLE_TIMEOUT);
    for (device, kind) in devices.iter().zip(SessionKind::ALL) {
        probe = probe.port(device.port(), kind);
    }
    let run = probe.run()?;
    run.expect_exit(1)?.expect_all(verdict(ending))?;
    ensure!(
        devices.iter().all(|device| device.strikes() > 0),
        "not every device struck"
    );
    server.stop().map(drop)
}

/// Returns the expected verdict. Silence after the same number of bytes in every session has its own cause, once the
/// exchange has begun.
fn verdict_after(cut: Cut) -> VerdictId {
    match cut.ending {
        Ending::Silence if cut.after >= PAST_THE_FIRST_STAGE => VerdictId::StallsAfterBytes,
        Ending::Silence | Ending::Reset => verdict(cut.ending),
    }
}

fn verdict(ending: Ending) -> VerdictId {
    match ending {
        Ending::Reset => VerdictId::PayloadReset,
        Ending::Silence => VerdictId::PayloadDropped,
    }
}

/// The cuts lie in the greeting or testimony, and in each stage.
const AFTER: [usize; 7] = [0, 1, 200, 2_000, 10_000, 30_000, 80_000];

/// A length beyond the testimony: the greeting is 1,032 bytes with the magic, and no testimony is longer.
const PAST_THE_TESTIMONY: usize = 1_100;

/// A length beyond the greeting or testimony and the first stage.
const PAST_THE_FIRST_STAGE: usize = 2_000;

/// The idle timeout in seconds; each silence in these tests lasts this long.
const IDLE_TIMEOUT: u8 = 12;
