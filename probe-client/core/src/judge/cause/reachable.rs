//! `reachable`: greeting, testimony and exchange were all verified.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::flow::FlowAccount;
use crate::odds::of_meeting;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Complete(testimony) = evidence.ending() else {
        return None;
    };
    let session = evidence.session()?;
    if session.stages.is_empty() || !evidence.probe.ran_whole() {
        return None;
    }
    let up: u64 = session.stages.iter().map(|s| u64::from(s.up.asked)).sum();
    let down: u64 = session.stages.iter().map(|s| u64::from(s.down.asked)).sum();
    let kind = evidence.probe.rule.session.protocol();
    let verdict = Verdict::new(
        VerdictId::Reachable,
        Segment::None,
        Confidence::High,
        format!(
            "the echo server proved itself on {} over {kind}, and {up} bytes there and {down} \
             bytes back arrived unaltered",
            evidence.target()
        ),
    )
    .because(format!("testimony of instance {}", testimony.instance));
    let mut verdict = match what_proves(evidence) {
        Some(what) => verdict.because(what),
        None => verdict,
    };
    verdict.evidence.extend(side_connections(evidence));
    Some(verdict)
}

/// Returns in words what proves the server in a session without TLS, which shows no certificate.
fn what_proves(evidence: &Evidence<'_>) -> Option<String> {
    let kind = evidence.session()?.kind;
    if kind.shape().tls.is_some() {
        return None;
    }
    let mut pinned: Vec<u16> = evidence
        .same_server
        .iter()
        .filter(|m| m.ran_whole() && m.shows_pinned_key())
        .map(|m| m.port_dialled())
        .collect();
    pinned.sort_unstable();
    let there = match pinned.first() {
        Some(port) => {
            format!("; on port {port} the same address showed the pinned certificate as well")
        }
        None => String::new(),
    };
    Some(format!(
        "a session without TLS shows no certificate: the proof that this is the server rests \
         on the client's key, which only the two ends have{there}"
    ))
}

/// Returns in words the facts that side connections add to a session that ran whole; `None` if none was opened.
fn side_connections(evidence: &Evidence<'_>) -> Option<String> {
    let account = FlowAccount::of(evidence.probe)?;
    let all = account.opened.all;
    let what = if account.with_bytes > 0 {
        "were answered and carried first bytes"
    } else {
        "were answered"
    };
    Some(format!(
        "{} of {all} connections from different source ports {what}; the odds that {all} meet a \
         fault of one flow in four are {:.1} %",
        all - account.opened.failed,
        of_meeting(ONE_IN_FOUR, all) * 100.0
    ))
}

/// The share of flows that fail if one of four links is broken, or if a race stops one flow in four.
const ONE_IN_FOUR: f64 = 0.25;
