//! `answered-by-middlebox`: something other than the server completed the handshake. The server never saw the
//! connection or does not listen there, or the answer came from nearer than the server.

use super::super::compared::facts;
use super::super::ending::Ending;
use super::super::evidence::Evidence;
use super::super::place::{Answer, Place, translated};
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::control_record::ControlRecord;
use crate::survey::RelativeDistance;
use crate::verdict::{Confidence, Segment, Verdict};
use crate::words::counted;

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::NoData(..) = evidence.ending() else {
        return None;
    };
    let nearer = Place::of_nearer(evidence, Answer::SynAck);
    if !evidence.server_alive() && nearer.is_none() {
        return None;
    }
    let mut verdict = if not_the_server(evidence) {
        in_its_absence(evidence, nearer)
    } else {
        in_its_place(evidence, nearer)?
    };
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    verdict.evidence.extend(evidence.others_work());
    Some(verdict)
}

/// Returns whether every instance of the server says that it does not listen on this port, so that something else
/// accepted the connection.
fn not_the_server(evidence: &Evidence<'_>) -> bool {
    let unasked = evidence
        .control
        .is_some_and(ControlRecord::lacks_an_instance);
    evidence.nobody_listens() && !unasked && !evidence.perhaps_accepted()
}

/// Returns the verdict if the server listens on the port, but a device accepted the connection.
fn in_its_place(evidence: &Evidence<'_>, nearer: Option<Place>) -> Option<Verdict> {
    let never_seen = evidence.never_seen();
    if !never_seen && (nearer.is_none() || evidence.perhaps_accepted()) {
        return None;
    }
    let target = evidence.target();
    let (segment, place, whom) = match &nearer {
        Some(place) => (
            place.segment.clone(),
            place.words.as_deref(),
            place.whom.as_deref(),
        ),
        None => (Segment::PATH, None, None),
    };
    let doubts = doubts(evidence, nearer.is_some());
    let confidence = if never_seen {
        Confidence::High
    } else {
        Confidence::Medium
    };
    let beyond = if never_seen {
        "the server saw no connection"
    } else {
        "whether it passes anything on is not known"
    };
    let mut verdict = Verdict::new(
        VerdictId::AnsweredByMiddlebox,
        segment,
        confidence,
        format!(
            "a device {} answers TCP handshakes for {target}; {beyond}",
            place.unwrap_or("on the way")
        ),
    )
    .next(next(evidence, whom.unwrap_or("the firewall team"), &doubts));
    if never_seen {
        verdict = verdict.because(
            "the handshake completed, and the server looked for the connection and saw none",
        );
    }
    verdict.evidence.extend(nearer.map(|place| place.fact));
    Some(verdict.unless_all(doubts))
}

/// Returns the next step: to ask `whom` about the device, and then to ask the question that resolves each doubt.
fn next(evidence: &Evidence<'_>, whom: &str, doubts: &[Alternative]) -> String {
    let (flow, target) = (evidence.flow(), evidence.target());
    let or_rule = if doubts.contains(&Alternative::SentElsewhere) {
        ", relay or port-forwarding rule (DNAT)"
    } else {
        " or relay"
    };
    let mut next = format!(
        "ask {whom} which SYN proxy, transparent proxy{or_rule} intercepts {flow}, whether it \
         opens a connection of its own to the server, and to let this traffic through; if it opens \
         one and gets no answer, ask the teams that run the network behind it, the cloud team \
         (network security group) and the server's admin which rule drops its connections to \
         {target}"
    );
    if doubts.contains(&Alternative::AnotherService) {
        next.push_str(&format!(
            "; if no device intercepts it, have the server's admin find out which program holds \
             that port (`ss -ltnp 'sport = :{}'`)",
            evidence.probe.port_dialled()
        ));
    }
    next
}

/// Returns the other causes that may have completed the handshake.
fn doubts(evidence: &Evidence<'_>, is_nearer: bool) -> Vec<Alternative> {
    let mut doubts = Vec::new();
    if is_nearer {
        if !evidence.passed_unchanged() {
            doubts.push(Alternative::SentElsewhere);
        }
    } else {
        // If the answer came from the server's distance, or from an unknown one, the server's host may have sent it
        // after all.
        doubts.push(Alternative::AnotherService);
    }
    if !evidence.sees_syns() {
        doubts.push(Alternative::HandshakeUnseen);
    }
    if evidence.told_over_another_path() {
        doubts.push(Alternative::AnotherInstance);
    }
    doubts
}

/// Returns the segment, claim and next step for a connection that was accepted at an unknown hop, on a port where the
/// server does not listen.
fn unplaced(evidence: &Evidence<'_>, listen: &str) -> (Segment, String, String) {
    let (target, port) = (evidence.target(), evidence.probe.port_dialled());
    let from_there = matches!(evidence.answering(), RelativeDistance::Same { .. });
    let (segment, who) = if from_there {
        (
            Segment::ServerHost,
            "another program on the server's host, or a device right before it,",
        )
    } else {
        (
            Segment::Unknown,
            "another program on the server's host, or a device before it,",
        )
    };
    (
        segment,
        format!("{who} takes connections to {target}, on which the server does not listen"),
        format!(
            "on the server's host, find out what holds that port (`ss -ltnp 'sport = :{port}'`) \
             and whether a rule sends it elsewhere (`nft list ruleset`, `iptables -t nat -S`, \
             `docker ps`); stop that, then {listen}; if nothing there holds the port, ask the \
             firewall team which device on the way answers {}",
            evidence.flow()
        ),
    )
}

/// Returns the verdict if the server does not listen on the port, but something accepted the connection.
fn in_its_absence(evidence: &Evidence<'_>, nearer: Option<Place>) -> Verdict {
    let (target, port) = (evidence.target(), evidence.probe.port_dialled());
    let listen = format!(
        "start fwprobe-echo with port {port} (`--port {port}`, or [[listen]] in its configuration) \
         and run again"
    );
    let (segment, claim, next) = match &nearer {
        Some(place) => (
            place.segment.clone(),
            format!(
                "a device {} answers TCP handshakes for {target}, on which the server does not \
                 listen",
                place.words.as_deref().unwrap_or("on the way")
            ),
            format!(
                "{listen}; if the result is the same, ask {} which SYN proxy, transparent proxy or \
                 relay intercepts {}",
                place.whom.as_deref().unwrap_or("the firewall team"),
                evidence.flow()
            ),
        ),
        None => unplaced(evidence, &listen),
    };
    let mut verdict = Verdict::new(
        VerdictId::AnsweredByMiddlebox,
        segment,
        Confidence::Medium,
        claim,
    )
    .because(format!(
        "the server says that it does not listen on port {port}, but something answered the SYN \
         with a SYN-ACK"
    ))
    .next(next);
    if let RelativeDistance::Same { distance } = evidence.answering() {
        verdict = verdict.because(format!(
            "the SYN-ACK comes from exactly as far away as the server: {}",
            counted(distance, "hop")
        ));
    }
    verdict.evidence.extend(nearer.map(|place| place.fact));
    let translated = translated(evidence);
    verdict.evidence.extend(translated.map(|place| place.fact));
    verdict
}
