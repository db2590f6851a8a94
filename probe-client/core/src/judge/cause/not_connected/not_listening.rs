//! `not-listening`: the server's own host refused the connection.

use crate::catalogue::VerdictId;
use crate::judge::evidence::Evidence;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn by_its_host(evidence: &Evidence<'_>, confidence: Confidence) -> Verdict {
    let port = evidence.probe.address.map_or(0, |a| a.port());
    Verdict::new(
        VerdictId::NotListening,
        Segment::ServerHost,
        confidence,
        format!("nothing listens on port {port} of the server; its host refused the connection"),
    )
    .next(format!(
        "on the server, start fwprobe-echo with port {port} (`--port {port}`, or [[listen]] in its \
         configuration) and run again; ask about a firewall only if an RST comes even then"
    ))
}

/// Returns the verdict for an RST from one hop before the server, as a container's host sends it for a port that it
/// does not pass on.
pub(super) fn not_passed_on(evidence: &Evidence<'_>) -> Verdict {
    let port = evidence.probe.port_dialled();
    by_its_host(evidence, Confidence::Medium).because(format!(
        "the server says that it does not listen on port {port}, and the RST comes from one hop \
         before it: from a host that passes other ports on to the server (the host of a \
         container), or from the last router"
    ))
}
