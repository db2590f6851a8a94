//! `name-not-resolved`.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Unresolved(_) = evidence.ending() else {
        return None;
    };
    let host = &evidence.probe.host;
    let mut verdict = Verdict::new(
        VerdictId::NameNotResolved,
        Segment::ThisHost,
        Confidence::High,
        format!("this host's resolver gives no address for {host}; nothing was sent"),
    )
    .next(format!(
        "check the spelling of {host}, then ask whoever runs this host's DNS servers to resolve it; to test the \
         ports meanwhile, give an address with --host"
    ));
    verdict.evidence.extend(evidence.seen());
    Some(verdict)
}
