//! `redirected-to-other-port`: the genuine server answered on a port other than the one dialled.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::measurement::Respect;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let testimony = testimony(evidence.probe)?;
    let (dialled, rules) = (evidence.probe.port_dialled(), evidence.probe.rule.port);
    let departures = evidence.probe.departures();
    let (reached, later) = departures.iter().find_map(|d| {
        let Respect::Port { reached } = d.respect else {
            return None;
        };
        Some((reached?, d.later))
    })?;
    let what = if later {
        "later requests of a session"
    } else {
        "connections"
    };
    let (whole, part) = if later {
        ("its first request", "a later one")
    } else {
        ("the session", "it")
    };
    let map = if rules.get() == dialled {
        format!("--map {reached}={dialled}, which dials {dialled} to test port {reached}")
    } else {
        format!("the right --map: it says that {dialled} is dialled for {rules}")
    };
    let flow = evidence.flow();
    let verdict = Verdict::new(
        VerdictId::RedirectedToOtherPort,
        Segment::PATH,
        Confidence::High,
        format!(
            "something on the way sends {what} to port {dialled} to the server's port {reached}"
        ),
    )
    .because(format!(
        "dialled {} for {whole}, and the genuine server ({}) accepted {part} on its port {reached}",
        evidence.target(),
        testimony.instance
    ))
    .next(format!(
        "ask the firewall team and the cloud team which port-forwarding (DNAT) or load-balancing \
         rule sends {flow} to port {reached}, and to remove it or point it at port {dialled}; if \
         it is meant, say so with {map}, or with public_port = {dialled} for that listener in the \
         server's configuration"
    ));
    Some(verdict)
}
