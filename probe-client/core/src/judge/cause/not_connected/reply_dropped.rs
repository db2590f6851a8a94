//! `reply-dropped`: the server saw the SYN and answered it, and the answer did not come back.

use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::judge::evidence::{Evidence, Refusal};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn on_the_way(evidence: &Evidence<'_>) -> Verdict {
    let target = evidence.target();
    let refusal = evidence.refusal();
    let verdict = Verdict::new(
        VerdictId::ReplyDropped,
        Segment::PATH,
        Confidence::High,
        format!(
            "the SYN to {target} reached the server, and the server's answer did not come back"
        ),
    )
    .next(next(evidence, &target, refusal));
    let verdict = if evidence.witness_looked() {
        verdict.because(
            "the server's witness saw the SYN arrive at its host's network interface \
                         and an answer leave it",
        )
    } else {
        verdict
            .because(
                "the server has the connection half open: it saw the SYN, answered, and waits \
                      for the rest",
            )
            .unless(Alternative::AnswerHeldBack)
    };
    match refusal {
        Refusal::Likely { counted } => verdict.because(format!(
            "the kernel of the server's host counted {counted} answers that were refused at once \
             in that time"
        )),
        Refusal::Excluded | Refusal::Possible => verdict,
    }
}

/// Returns the next step. An answer is refused by a device that did not see the SYN, or by this host if it comes from
/// an address other than the one dialled.
fn next(evidence: &Evidence<'_>, target: &str, refusal: Refusal) -> String {
    let local = evidence
        .probe
        .server()
        .map_or_else(|| target.to_owned(), |ip| ip.to_string());
    let source = evidence.source();
    let mut next = match refusal {
        Refusal::Likely { .. } => format!(
            "ask the firewall team whether a device on the way back resets or rejects answers \
             (SYN-ACK) from {target} to {source}, or sees only one direction of the connection; \
             and whether this port is translated to another address on the way there (DNAT), so \
             that the server answers from an address other than {local} and this host refuses it \
             (a packet capture on this host shows whether an answer arrives)"
        ),
        Refusal::Excluded | Refusal::Possible => format!(
            "ask the firewall team whether a device on the way back drops answers (SYN-ACK) from \
             {target} to {source}, or sees only one direction of the connection (the answers \
             return by a different way), and to route both directions through the same \
             stateful device, or to let the answers through"
        ),
    };
    if !evidence.witness_looked() {
        next.push_str(
            "; if no device does, ask the server's admin whether that host's own firewall lets no \
             answer out (a witness on the server shows which of the two it is)",
        );
    }
    next
}

pub(super) fn at_the_host(evidence: &Evidence<'_>) -> Verdict {
    let (target, commands) = (evidence.target(), evidence.commands_for_host_rules());
    Verdict::new(
        VerdictId::ReplyDropped,
        Segment::ServerHost,
        Confidence::High,
        format!(
            "the SYN to {target} reached the server, and the server's own host lets no answer \
                 out"
        ),
    )
    .because(
        "the server has the connection half open: it saw the SYN, answered, and waits for the \
         rest; its witness, which sees what leaves its host's network interface, saw no SYN-ACK \
         leave",
    )
    .next(format!(
        "ask the server's admin to look in that host's own firewall ({commands}) for a rule that \
         drops the answers of {target}: SYN-ACKs have to be let out"
    ))
}
