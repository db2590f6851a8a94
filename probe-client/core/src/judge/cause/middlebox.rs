//! `answered-by-middlebox`: the handshake was completed, yet the server never saw the connection.

use super::super::compared::facts;
use super::super::evidence::{Ending, Evidence};
use crate::catalogue::VerdictId;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Mute(..) = evidence.ending() else {
        return None;
    };
    if !evidence.server_alive() || !evidence.never_seen() {
        return None;
    }
    let target = evidence.target();
    let mut verdict = Verdict::new(
        VerdictId::AnsweredByMiddlebox,
        Segment::PATH,
        Confidence::High,
        format!("a device on the way answers TCP handshakes for {target}; the connection never reached the server"),
    )
    .because("the handshake completed, and the server looked for the connection and saw none")
    .next(format!(
        "ask the firewall team for a SYN proxy, transparent proxy or relay for TCP to {target}, and why it does not reach \
         the server behind it"
    ));
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    verdict.evidence.extend(evidence.others_work());
    Some(verdict)
}
