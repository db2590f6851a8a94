//! `payload-dropped` or `payload-reset` without a testimony: the connection was established, and the first application
//! bytes were lost. The server's sighting of the connection decides.

use super::inspected;
use crate::catalogue::VerdictId;
use crate::judge::compared::{Parted, facts};
use crate::judge::ending::Ending;
use crate::judge::evidence::Evidence;
use crate::judge::place::Place;
use crate::measurement::{Sighting, SightingEnd, Variation};
use crate::survey::RelativeDistance;
use crate::verdict::{Confidence, Segment, Verdict};
use crate::words::counted;

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::NoData(operation, _) = evidence.ending() else {
        return None;
    };
    // If sessions that are alike pass at one time and not at another, the bytes of this session are not the cause.
    if passes_at_times(evidence) {
        return None;
    }
    let sighting = evidence.sighting()?;
    let target = evidence.target();
    if sighting.end == SightingEnd::HalfOpen {
        let own = matches!(evidence.answering(), RelativeDistance::Same { .. })
            && !any_ran_whole(evidence);
        return own.then(|| nothing_but_the_syn(evidence, &target));
    }
    let id = super::verdict_id(evidence);
    let what = if id == VerdictId::PayloadReset {
        "is reset"
    } else {
        "goes silent"
    };
    let place = place(sighting)?;
    let device = Place::of_device(evidence);
    let mut verdict = Verdict::new(
        id,
        Segment::PATH,
        Confidence::Medium,
        format!(
            "the connection to {target} is accepted by the server and then {what}: {place}{}",
            beside(evidence)
        ),
    )
    .because(format!(
        "the server accepted the connection, received {} and sent {}",
        counted(sighting.bytes_received, "byte"),
        sighting.bytes_sent
    ))
    .next(next(evidence, super::whom(device.as_ref()), sighting));
    verdict.evidence.extend(super::account(evidence, operation));
    if device.is_none() {
        let exemption = format!("which device ends {}, and to let it pass", evidence.flow());
        verdict = super::of_all_ports(evidence, verdict, &exemption);
    }
    Some(super::at_its_hop(verdict, device))
}

/// Returns the question to `whom`. If several kinds of session were run and none passes, the protocol is not the cause.
fn next(evidence: &Evidence<'_>, whom: &str, sighting: &Sighting) -> String {
    let flow = evidence.flow();
    let passing = inspected::passing(evidence);
    let kind = evidence.probe.session_kind().protocol();
    if !passing.is_empty() && !Parted::by(evidence, &passing).is_certain() {
        return format!(
            "run again first: chance may have separated these sessions. If {kind} fails again \
             while {} completes, ask {whom} which rule there goes by what a session carries and \
             stops {kind} in {flow}, and to let it pass; if they fail alike, ask {whom} what ends \
             connections at random",
            inspected::listed(&passing)
        );
    }
    if any_ran_whole(evidence) || !another_kind_ran(evidence) {
        return format!(
            "ask {whom} which rule of application or protocol inspection, or of intrusion \
             prevention, stops {kind} sessions in {flow} (their log for this time shows it), and \
             to let them pass"
        );
    }
    let stops = if super::verdict_id(evidence) == VerdictId::PayloadReset {
        "resets"
    } else {
        "drops packets of"
    };
    let (way, host) = if sighting.bytes_sent > 0 {
        let host = format!(
            "; if no device does, ask the server's admin whether that host's own firewall stops \
             what it sends ({})",
            evidence.commands_for_host_rules()
        );
        ("on the way back from the server", host)
    } else {
        ("on the way to the server", String::new())
    };
    format!(
        "ask {whom} which device {stops} {flow} after the handshake, {way}, whatever the protocol, \
         and to let the whole connection pass, replies included; it may be one that sees only one \
         direction of the connection, one that inspects it, or intrusion prevention{host}"
    )
}

/// Returns in words which other kinds of session pass on the same port; empty if none does.
fn beside(evidence: &Evidence<'_>) -> String {
    let passing = inspected::passing(evidence);
    if passing.is_empty() {
        return String::new();
    }
    format!(
        ", while {} on the same port completed",
        inspected::listed(&passing)
    )
}

/// Returns whether any session of the same port ran whole, in any variation.
fn any_ran_whole(evidence: &Evidence<'_>) -> bool {
    let mut all = evidence.probe.variations.iter();
    all.any(|c| c.measurement.ran_whole())
}

/// Returns whether a session of another kind was run on the same port, whatever its result.
fn another_kind_ran(evidence: &Evidence<'_>) -> bool {
    let mut all = evidence.probe.variations.iter();
    all.any(|c| matches!(c.variation, Variation::InShape { .. }))
}

/// Returns whether two sessions on the same port ended differently although they are alike.
fn passes_at_times(evidence: &Evidence<'_>) -> bool {
    let all = &evidence.probe.variations;
    all.iter().any(|one| {
        let mut alike = all.iter().filter(|other| other.variation == one.variation);
        one.measurement.ran_whole() && alike.any(|other| !other.measurement.ran_whole())
    })
}

/// Returns the verdict for a handshake that the server itself answered, and that never completed there.
fn nothing_but_the_syn(evidence: &Evidence<'_>, target: &str) -> Verdict {
    let device = Place::of_device(evidence);
    let mut verdict = Verdict::new(
        VerdictId::PayloadDropped,
        Segment::PATH,
        Confidence::Medium,
        format!(
            "only the SYN of a connection to {target} reaches the server: everything after it is \
             dropped on the way there"
        ),
    )
    .because(
        "its SYN-ACK came back from the server's own distance, and the server still has the \
              connection half open",
    )
    .next(format!(
        "ask {} whether a rule lets only the SYNs of {} through, or whether the packets after \
         the SYN take a different path, through a device that did not see the SYN, and to let the \
         whole connection pass, replies included",
        super::whom(device.as_ref()),
        evidence.flow()
    ));
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    verdict.evidence.extend(evidence.others_work());
    super::at_its_hop(verdict, device)
}

/// Returns in words which bytes were lost; `None` if the sighting does not show that.
fn place(sighting: &Sighting) -> Option<String> {
    if sighting.bytes_received == 0 {
        return Some("none of the bytes sent arrived there".to_owned());
    }
    if sighting.altered_within.is_some() {
        return None;
    }
    if sighting.bytes_sent > 0 {
        return Some(format!(
            "{} arrived there unaltered, and the server's answer was lost on the way back",
            counted(sighting.bytes_received, "byte")
        ));
    }
    Some(format!(
        "only the first {} arrived there",
        counted(sighting.bytes_received, "byte")
    ))
}
