//! One bit is flipped on the way, at any position. The port is then never reachable. If the bit is in the payload, the
//! report names its exact byte.

use std::net::IpAddr;

use anyhow::{Context as _, ensure};
use fwprobe_tests::dialogue_map::Place;
use fwprobe_tests::middlebox::{Direction, Flip, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Probe, Run, ServerPlan};
use probe_core::catalogue::{FindingId, VerdictClass, VerdictId};
use probe_core::session_kind::SessionKind;
use proto::frame::FrameType;

pub(crate) fn trials() -> Trials {
    Trials::of("alteration")
        .on_both_families("in_the_payload_up", |ip| in_the_payload(ip, Direction::Up))
        .on_both_families("in_the_payload_down", |ip| {
            in_the_payload(ip, Direction::Down)
        })
        .on_both_families("in_a_message_up", |ip| {
            in_messages(ip, Direction::Up, &MESSAGES_UP)
        })
        .on_both_families("in_a_message_down", |ip| {
            in_messages(ip, Direction::Down, &MESSAGES_DOWN)
        })
        .on_both_families("of_an_http_body_up", |ip| {
            of_stream(ip, SessionKind::Http, Direction::Up)
        })
        .on_both_families("of_an_http_body_down", |ip| {
            of_stream(ip, SessionKind::Http, Direction::Down)
        })
        .on_both_families("under_tls_up", |ip| {
            of_stream(ip, SessionKind::Tls, Direction::Up)
        })
        .on_both_families("under_tls_down", |ip| {
            of_stream(ip, SessionKind::Tls, Direction::Down)
        })
        .on_both_families("of_rdp_up", |ip| {
            of_stream(ip, SessionKind::Rdp, Direction::Up)
        })
        .on_both_families("of_rdp_down", |ip| {
            of_stream(ip, SessionKind::Rdp, Direction::Down)
        })
        .on_both_families("of_net_tcp_up", |ip| {
            of_stream(ip, SessionKind::Nettcp, Direction::Up)
        })
        .on_both_families("of_net_tcp_down", |ip| {
            of_stream(ip, SessionKind::Nettcp, Direction::Down)
        })
}

fn in_the_payload(ip: IpAddr, direction: Direction) -> anyhow::Result<()> {
    let flips = PAYLOAD.map(|(stage, at)| Flip::dialogue(direction, Place::Payload(stage), at));
    let (run, ports) = play(ip, SessionKind::Tcp, &flips)?;
    run.expect_exit(1)?.expect_all(VerdictId::PayloadAltered)?;
    for (port, (stage, at)) in ports.into_iter().zip(PAYLOAD) {
        let probe = run.one(port)?;
        let session = probe
            .measurement
            .session
            .as_ref()
            .context("a session report")?;
        let report = session.stages.get(stage).context("the stage")?;
        let (found, other) = match direction {
            Direction::Up => (report.up.altered_at, report.down.altered_at),
            Direction::Down => (report.down.altered_at, report.up.altered_at),
        };
        ensure!(
            found == Some(at.try_into()?) && other.is_none(),
            "stage {stage}, byte {at}, {direction:?}: found at {found:?}, the other way at \
             {other:?}"
        );
        ensure!(
            probe.verdict.claim.contains(&format!("offset {at} ")),
            "the claim does not say byte {at}: {}",
            probe.verdict.claim
        );
    }
    Ok(())
}

fn in_messages(ip: IpAddr, direction: Direction, places: &[(Place, usize)]) -> anyhow::Result<()> {
    let flips: Vec<Flip> = places
        .iter()
        .map(|(place, at)| Flip::dialogue(direction, *place, *at))
        .collect();
    let (run, _) = play(ip, SessionKind::Tcp, &flips)?;
    never_open(&run)
}

fn of_stream(ip: IpAddr, kind: SessionKind, direction: Direction) -> anyhow::Result<()> {
    let flips = STREAM.map(|at| Flip::stream(direction, at));
    let (run, ports) = play(ip, kind, &flips)?;
    never_open(&run)?;
    for (port, at) in ports.into_iter().zip(STREAM) {
        if at >= IN_THE_PAYLOAD {
            run.expect_port(port, VerdictId::PayloadAltered)?;
        }
    }
    Ok(())
}

/// Runs one session of `kind` through each device, and returns the run and the devices' ports.
fn play(ip: IpAddr, kind: SessionKind, flips: &[Flip]) -> anyhow::Result<(Run, Vec<u16>)> {
    let (server, devices) = ServerPlan::on(ip).start_behind(flips, |seat, upstream, flip| {
        Middlebox::flipping(seat, upstream, *flip)
    })?;
    let mut probe = Probe::of(&server)?.idle_timeout(IDLE_TIMEOUT);
    for device in &devices {
        probe = probe.port(device.port(), kind);
    }
    let run = probe.run()?;
    for (device, flip) in devices.iter().zip(flips) {
        ensure!(
            device.strikes() > 0,
            "{flip:?} never happened:\n{}",
            run.text()
        );
    }
    server.stop()?;
    Ok((run, devices.iter().map(Middlebox::port).collect()))
}

/// Checks that no altered session counts as open. An altered HTTP head may still work, but then a finding must mention
/// it.
fn never_open(run: &Run) -> anyhow::Result<()> {
    for probe in &run.document()?.probes {
        let noted = probe.findings.iter().any(|finding| {
            matches!(
                finding.id,
                FindingId::HttpHeadAltered | FindingId::TransparentHttpProxy
            )
        });
        ensure!(
            noted || probe.verdict.id.entry().class != VerdictClass::Open,
            "port {} counts as open:\n{}",
            probe.measurement.rule.port,
            run.text()
        );
    }
    Ok(())
}

/// The flipped bytes: stage, and offset in its payload.
const PAYLOAD: [(usize, usize); 11] = [
    (0, 0),
    (1, 0),
    (1, 511),
    (1, 1_023),
    (2, 0),
    (2, 12_345),
    (2, 24_575),
    (3, 0),
    (3, 16_384),
    (3, 40_000),
    (3, 65_535),
];

const MESSAGES_UP: [(Place, usize); 17] = [
    (Place::Magic, 0),
    (Place::Magic, 7),
    (Place::Frame(FrameType::Greeting, 0), 0),
    (Place::Frame(FrameType::Greeting, 0), 1),
    (Place::Frame(FrameType::Greeting, 0), 4),
    (Place::Frame(FrameType::Greeting, 0), 5),
    (Place::Frame(FrameType::Greeting, 0), 90),
    (Place::Frame(FrameType::Greeting, 0), 600),
    (Place::Frame(FrameType::Greeting, 0), 1_023),
    (Place::Frame(FrameType::Exchange, 0), 0),
    (Place::Frame(FrameType::Exchange, 0), 6),
    (Place::Frame(FrameType::Exchange, 0), 30),
    (Place::Frame(FrameType::Exchange, 2), 0),
    (Place::Frame(FrameType::Exchange, 3), 20),
    (Place::Frame(FrameType::Receipt, 0), 0),
    (Place::Frame(FrameType::Receipt, 0), 6),
    (Place::Frame(FrameType::Receipt, 0), 40),
];

const MESSAGES_DOWN: [(Place, usize); 16] = [
    (Place::Frame(FrameType::Testimony, 0), 0),
    (Place::Frame(FrameType::Testimony, 0), 1),
    (Place::Frame(FrameType::Testimony, 0), 4),
    (Place::Frame(FrameType::Testimony, 0), 5),
    (Place::Frame(FrameType::Testimony, 0), 60),
    (Place::Frame(FrameType::Testimony, 0), 150),
    (Place::Frame(FrameType::Confirmation, 0), 0),
    (Place::Frame(FrameType::Confirmation, 0), 4),
    (Place::Frame(FrameType::Confirmation, 0), 8),
    (Place::Frame(FrameType::Confirmation, 1), 30),
    (Place::Frame(FrameType::Confirmation, 2), 0),
    (Place::Frame(FrameType::Confirmation, 3), 50),
    (Place::Frame(FrameType::Farewell, 0), 0),
    (Place::Frame(FrameType::Farewell, 0), 4),
    (Place::Frame(FrameType::Farewell, 0), 6),
    (Place::Frame(FrameType::Farewell, 0), 20),
];

/// Offsets in the whole connection, including envelopes and TLS records.
///
/// They avoid the beginning of records: the receiver ignores a record's version (RFC 8446 section 5.1), so that a flip
/// there changes nothing.
const STREAM: [usize; 8] = [0, 4, 60, 300, 600, 2_000, IN_THE_PAYLOAD, 70_000];

/// From this offset on, nearly everything is payload of the later stages, in every kind and direction.
const IN_THE_PAYLOAD: usize = 20_000;

/// The idle timeout in seconds. A flipped bit in a length makes both ends wait for each other.
const IDLE_TIMEOUT: u8 = 12;
