//! `path-mtu-black-hole`: sessions with full-size segments die in silence, and the same sessions with small segments
//! pass.

use super::super::compared::{Parted, Tally, facts, variations};
use super::super::ending::Ending;
use super::super::evidence::Evidence;
use super::super::loss_point::{self, Way};
use super::super::words::list;
use crate::catalogue::VerdictId;
use crate::comparison::{IPV4_HEADERS, IPV6_HEADERS, SMALLEST};
use crate::measurement::{Measurement, Variation};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let (Ending::Testified(..) | Ending::NoData(..)) = evidence.ending() else {
        return None;
    };
    let silent = evidence.probe.died_in_silence();
    if !silent || !Tally::of(evidence, Variation::InNothing).fails_again() {
        return None;
    }
    let (largest, smallest_failing) = bounds(evidence)?;
    let small: Vec<Variation> = variations(evidence.probe)
        .into_iter()
        .filter(|v| matches!(v, Variation::InSegmentSize { at_most } if *at_most <= largest))
        .collect();
    let parted = Parted::by(evidence, &small);
    if !parted.is_certain() {
        return None;
    }
    let headers = match evidence.probe.server() {
        Some(ip) if ip.is_ipv6() => IPV6_HEADERS,
        Some(_) | None => IPV4_HEADERS,
    };
    let packet = |segment: u16| segment + headers;
    let target = evidence.target();
    let way = loss_point::of(evidence.probe).way;
    let direction = way.map_or("(in which direction is not known)", Way::describe);
    let up_to = packet(largest);
    let mut verdict = Verdict::new(
        VerdictId::PathMtuBlackHole,
        Segment::PATH,
        Confidence::High,
        match smallest_failing.map(packet) {
            Some(fails) => format!(
                "full-size packets of sessions with {target} vanish {direction}: packets of \
                 {up_to} bytes pass, those of {fails} do not"
            ),
            None => format!(
                "full-size packets of sessions with {target} vanish {direction}: packets of \
                 {up_to} bytes pass, larger ones do not"
            ),
        },
    )
    .because(parted.told())
    .next(next(evidence, way, largest));
    // This host's path MTU to the server says nothing about packets from the server.
    if way != Some(Way::Down)
        && let Some(believed) = evidence.probe.transport.and_then(|t| t.path_mtu)
    {
        verdict = verdict.because(format!(
            "this host still assumes that packets of {believed} bytes pass: no device told it \
             otherwise"
        ));
    }
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    verdict
        .evidence
        .extend(others_carry_full_size(evidence, largest));
    Some(verdict)
}

/// Says in words that larger segments than `largest` of other ports arrive over the same path; `None` if they do not.
fn others_carry_full_size(evidence: &Evidence<'_>, largest: u16) -> Option<String> {
    let own = evidence.probe.port_dialled();
    let full_size = |m: &&&Measurement| {
        let send_mss = m.transport.and_then(|t| t.send_mss);
        m.ran_whole() && send_mss.is_some_and(|mss| mss > u32::from(largest))
    };
    let whole = evidence.same_server.iter().filter(full_size);
    let mut ports: Vec<u16> = whole.map(|m| m.port_dialled()).collect();
    ports.retain(|port| *port != own);
    ports.sort_unstable();
    ports.dedup();
    (!ports.is_empty()).then(|| {
        format!(
            "full-size packets of port {} arrive: a tunnel, rule or link that carries only some \
             ports or flows loses those of this one",
            list(&ports)
        )
    })
}

/// Returns the next step. The sender of the packets that vanish has to learn the size that passes.
fn next(evidence: &Evidence<'_>, way: Option<Way>, largest: u16) -> String {
    let v6 = evidence.probe.server().is_some_and(|ip| ip.is_ipv6());
    let error = if v6 {
        "ICMPv6 \"packet too big\" (type 2)"
    } else {
        "ICMP \"fragmentation needed\" (type 3 code 4)"
    };
    let sender = match way {
        Some(Way::Up) => format!("to this host, {}", evidence.source()),
        Some(Way::Down) => format!("to the server, {}", evidence.server_named()),
        None => "in both directions".to_owned(),
    };
    format!(
        "ask the network team (for a VPN, at both ends) to let {error} pass {sender}; or to lower \
         the MSS of {} to {largest} or less, in both directions",
        evidence.flow()
    )
}

/// Returns the largest segment size that passes together with all smaller ones, and the smallest size that fails.
fn bounds(evidence: &Evidence<'_>) -> Option<(u16, Option<u16>)> {
    let mut sizes: Vec<(u16, Tally)> = variations(evidence.probe)
        .into_iter()
        .filter_map(|variation| {
            let Variation::InSegmentSize { at_most } = variation else {
                return None;
            };
            let limited = at_most == SMALLEST || was_limited(evidence, variation, at_most);
            limited.then(|| (at_most, Tally::of(evidence, variation)))
        })
        .collect();
    sizes.sort_unstable_by_key(|(size, _)| *size);
    let passing = sizes
        .iter()
        .take_while(|(_, tally)| tally.whole == tally.ran);
    let (count, largest) = passing.fold((0, None), |(count, _), (size, tally)| {
        (count + tally.whole, Some(*size))
    });
    let largest = largest.filter(|_| count >= ENOUGH)?;
    let failing = sizes.iter().find(|(size, _)| *size > largest);
    Some((largest, failing.map(|(size, _)| *size)))
}

/// Returns whether the segments of a variation were limited to `at_most` bytes. Some systems cannot limit them: there,
/// every size was full-size except the smallest, for which small writes suffice. A limit that the kernel does not
/// report counts as not set.
fn was_limited(evidence: &Evidence<'_>, variation: Variation, at_most: u16) -> bool {
    evidence.probe.compared(variation).all(|m| {
        let send_mss = m.transport.and_then(|t| t.send_mss);
        send_mss.is_some_and(|mss| mss <= u32::from(at_most))
    })
}

/// The minimum number of sessions with small segments that passed.
const ENOUGH: usize = 2;
