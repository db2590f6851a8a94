//! `server-silent`: handshakes on every port, and then nothing from any.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Mute(..) = evidence.ending() else {
        return None;
    };
    if evidence.server_alive() || !evidence.all_mute_by_silence() {
        return None;
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
        "every port takes the connection and none of them ever answers: the server's process hangs, or one device \
         answers handshakes in its place",
    )
    .because(format!("TCP handshakes completed on all {ports} ports tried, the control port included; no byte came back"))
    .next("look at the fwprobe-echo process on the server first (stopped, overloaded, swapping?); if it is healthy, ask \
           for devices that answer TCP handshakes on the server's behalf (SYN proxy, load balancer)");
    if acknowledged > 0 {
        verdict = verdict.because(format!(
            "on {acknowledged} of them what was sent was acknowledged by the other end's TCP"
        ));
    }
    Some(verdict)
}
