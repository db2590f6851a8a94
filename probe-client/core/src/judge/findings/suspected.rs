//! `source-blocked` and `mark-dropped`: devices that reacted to the run itself.

use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::measurement::{Flow, FlowEnd, FlowRound, Measurement, Redial, Variation};
use crate::observation::Operation;
use crate::verdict::Finding;

/// Reports that a port that worked has stopped answering since the run dialled a port that does not answer.
pub(super) fn source_blocked(evidence: &Evidence<'_>) -> Option<Finding> {
    let at_the_end = evidence.probe.flows.iter();
    let at_the_end: Vec<&Flow> = at_the_end
        .filter(|f| f.round == FlowRound::AtTheEnd)
        .collect();
    let silent = |f: &&Flow| f.end == FlowEnd::Unanswered;
    // One connection may be lost by chance, or belong to a flow that always fails.
    if at_the_end.len() < ENOUGH || !at_the_end.iter().all(silent) {
        return None;
    }
    // Connections are dialled slowly after others were lost. A limit that still counts those may explain the silence.
    let mut beside = evidence.same_server.iter().flat_map(|m| &m.variations);
    if beside.any(|c| matches!(c.variation, Variation::InPace { .. })) {
        return None;
    }
    let worked = at_the_end.first()?.port;
    let tried = evidence.probe.port_dialled();
    Some(
        Finding::new(
            FindingId::SourceBlocked,
            "a port that worked stopped answering this host during the run: a device may block \
             sources that try closed ports",
        )
        .with_detail(format!(
            "a whole session ran on port {worked}; after SYNs to port {tried}, which does not \
             answer, {} connections to port {worked} got no answer",
            at_the_end.len()
        )),
    )
}

/// Reports that SYNs with the mark got no answer, and SYNs with the system's own hop limit were answered.
pub(super) fn mark_dropped(evidence: &Evidence<'_>) -> Option<Finding> {
    // If another port's marked SYN was answered, or a limit on the number of SYNs loses some, the mark did not make the
    // difference.
    let passes = |m: &Measurement| m.succeeded(Operation::Connect) && m.redial.is_none();
    let mut all = evidence.same_server.iter().copied();
    let marked_passes = all.any(passes);
    let unmarked = evidence.probe.redial == Some(Redial::Unmarked);
    let by_number = evidence.working_ports_lose_syns();
    (unmarked && !marked_passes && !by_number).then(|| {
        Finding::new(
            FindingId::MarkDropped,
            "a device drops SYNs that have fwprobe's unusual hop limit; those with this system's \
             own pass, and were used",
        )
    })
}

/// The minimum number of connections at the end of a run, from different source ports.
const ENOUGH: usize = 2;
