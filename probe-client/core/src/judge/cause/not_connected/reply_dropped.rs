//! `reply-dropped`: the server saw the SYN and answered it, and the answer did not come back.

use crate::catalogue::VerdictId;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn on_the_way(target: &str) -> Verdict {
    Verdict::new(
        VerdictId::ReplyDropped,
        Segment::PATH,
        Confidence::High,
        format!("the SYN to {target} reached the server, and the server's answer did not come back"),
    )
    .because("the server has the connection half open: it saw the SYN, answered, and waits for the rest")
    .next(format!(
        "ask the firewall team for asymmetric routing or a stateful device that drops the SYN-ACK from {target}; a \
         rule of the server host's own that lets no answer out looks the same (a witness on the server tells)"
    ))
}

pub(super) fn at_the_host(target: &str) -> Verdict {
    Verdict::new(
        VerdictId::ReplyDropped,
        Segment::ServerHost,
        Confidence::High,
        format!("the SYN to {target} reached the server, and the server's own host lets no answer out"),
    )
    .because(
        "the server has the connection half open: it saw the SYN, answered, and waits for the rest; its witness, which \
         sees what leaves its host's network interface, saw no SYN-ACK leave",
    )
    .next(format!(
        "look for a rule that drops what {target} answers in the server host's own firewall (`nft list ruleset`, \
         `iptables -S`): SYN-ACKs have to be let out"
    ))
}
