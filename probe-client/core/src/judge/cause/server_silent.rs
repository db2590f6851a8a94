//! `server-silent`: every port completes the handshake, and then no port sends anything. If not even the payload was
//! acknowledged, the verdict is `payload-dropped`, because a server's host acknowledges payload even if its process
//! does not read it.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::measurement::Measurement;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::NoData(..) = evidence.ending() else {
        return None;
    };
    if evidence.server_alive() || !evidence.all_mute_by_silence() {
        return None;
    }
    if evidence.same_server.iter().all(|m| nothing_acknowledged(m)) {
        return Some(nothing_arrives(evidence));
    }
    let ports = evidence.same_server.len();
    let acknowledged = evidence
        .same_server
        .iter()
        .filter(|m| {
            m.transport
                .is_some_and(|t| t.unacknowledged_segments == Some(0))
        })
        .count();
    let mut verdict = Verdict::new(
        VerdictId::ServerSilent,
        Segment::Unknown,
        Confidence::Medium,
        "every port takes the connection and none of them ever answers: the server's process \
         hangs, or one device answers handshakes in its place",
    )
    .because(format!(
        "TCP handshakes completed on all {ports} ports tried, the control port \
                      included; no byte came back"
    ))
    .next(format!(
        "look at the fwprobe-echo process on the server first (`systemctl status fwprobe-echo`: \
         hanging, overloaded, swapping?); if it is healthy, ask the firewall and cloud teams \
         whether a SYN proxy or load balancer answers TCP handshakes for {} in the server's place, \
         and why it does not pass the connections on",
        evidence
            .probe
            .server()
            .map_or_else(|| evidence.target(), |ip| ip.to_string())
    ));
    if acknowledged > 0 {
        verdict = verdict.because(format!(
            "on {acknowledged} of them what was sent was acknowledged by the other end's TCP"
        ));
    }
    Some(verdict)
}

/// Returns whether payload was sent again and again, and never acknowledged.
fn nothing_acknowledged(measurement: &Measurement) -> bool {
    measurement.transport.is_some_and(|transport| {
        let pending = transport.unacknowledged_segments.is_some_and(|n| n > 0);
        let none = transport.bytes_acknowledged.is_some_and(|n| n <= SYN);
        pending && none
    })
}

fn nothing_arrives(evidence: &Evidence<'_>) -> Verdict {
    let (ports, target) = (evidence.same_server.len(), evidence.target());
    let mut verdict = Verdict::new(
        VerdictId::PayloadDropped,
        Segment::PATH,
        Confidence::Medium,
        format!(
            "a handshake with {target} completes, and all that follows it is dropped, as on \
                 every port"
        ),
    )
    .because(format!(
        "on all {ports} ports tried, the control port included, nothing that was sent after the \
         handshake was acknowledged; a hung server process does not explain that, because its \
         host would still acknowledge"
    ))
    .next(format!(
        "ask the firewall team whether a rule lets only the SYNs of {} through (application \
         control, a filter without state), or a device answers handshakes in the server's place, \
         and to let the whole connection pass, replies included",
        evidence.flow()
    ));
    verdict.evidence.extend(evidence.seen());
    verdict
}

/// Linux counts the SYN among the acknowledged bytes.
const SYN: u64 = 1;
