//! `not-listening`, `rejected`, `dropped` and `reply-dropped`: this port took no connection while the
//! server is known to be up.

use super::super::evidence::{Ending, Evidence};
use crate::catalogue::VerdictId;
use crate::measurement::SightingEnd;
use crate::observation::FailureKind;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::NotConnected(failure) = evidence.ending() else {
        return None;
    };
    if !evidence.server_alive() {
        return None;
    }
    let mut verdict = if failure.kind == FailureKind::Refused {
        refused(evidence)?
    } else if failure.kind == FailureKind::TimedOut {
        silent(evidence)?
    } else {
        return None;
    };
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(evidence.others_work());
    Some(verdict)
}

fn refused(evidence: &Evidence<'_>) -> Option<Verdict> {
    let address = evidence.probe.address?;
    let target = evidence.target();
    let port = address.port();
    let (listening, lacking) = evidence.instances();
    let lacks_an_instance = evidence.control?.lacks_an_instance();
    Some(if lacking.is_empty() && !listening.is_empty() {
        if lacks_an_instance {
            // That one may not listen there.
            return None;
        }
        Verdict::new(
            VerdictId::Rejected,
            Segment::PATH,
            Confidence::Medium,
            format!("a device before the server resets connections to {target}"),
        )
        .because(format!(
            "the server says that it listens on port {port}, yet the SYN was answered with RST"
        ))
        .next(format!(
            "ask the firewall team which rule rejects TCP to {target} with a reset"
        ))
    } else if lacking.is_empty() || !listening.is_empty() {
        return None;
    } else {
        Verdict::new(
            VerdictId::NotListening,
            Segment::ServerHost,
            Confidence::Medium,
            format!("nothing listens on port {port} of the server; its host refused the connection"),
        )
        .because(format!("the server says that it does not listen on port {port}; who sent the RST was not measured"))
        .next(format!("start fwprobe-echo with port {port} (`--port {port}`, or [[listen]] in its configuration) and run again"))
    })
}

fn silent(evidence: &Evidence<'_>) -> Option<Verdict> {
    let target = evidence.target();
    let half_open = evidence
        .sighting()
        .is_some_and(|s| s.end == SightingEnd::HalfOpen);
    if half_open {
        return Some(
            Verdict::new(
                VerdictId::ReplyDropped,
                Segment::PATH,
                Confidence::High,
                format!("the SYN to {target} reached the server, and the server's answer did not come back"),
            )
            .because("the server has the connection half open: it saw the SYN, answered, and waits for the rest")
            .next(format!(
                "ask the firewall team for asymmetric routing or a stateful device that drops the SYN-ACK from {target}"
            )),
        );
    }
    let answer = evidence.sighting_answer()?;
    if !answer.sees_half_open || !evidence.never_seen() {
        return None;
    }
    Some(
        Verdict::new(
            VerdictId::Dropped,
            Segment::Unknown,
            Confidence::High,
            format!("connections to {target} are dropped silently before they reach the server"),
        )
        .because("the server looked for a SYN from this host on that port in that time and saw none")
        .next(format!(
            "ask the firewall team to allow outbound TCP to {target}, and the cloud team to allow it inbound (network \
             security group, server host's own firewall)"
        )),
    )
}
