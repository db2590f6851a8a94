//! `payload-dropped` or `payload-reset` without a testimony: the connection was established, and the first application
//! bytes were lost. The server's sighting of the connection decides.

use crate::catalogue::VerdictId;
use crate::judge::compared::facts;
use crate::judge::ending::Ending;
use crate::judge::evidence::Evidence;
use crate::judge::place::Place;
use crate::measurement::{Sighting, SightingEnd};
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
        format!("the connection to {target} is accepted by the server and then {what}: {place}"),
    )
    .because(format!(
        "the server accepted the connection, received {} and sent {}",
        counted(sighting.bytes_received, "byte"),
        sighting.bytes_sent
    ))
    .next(format!(
        "ask {} whether application or protocol inspection, or intrusion prevention, ends {} \
         (their log for this time shows it), and to let {} sessions pass there",
        super::whom(device.as_ref()),
        evidence.flow(),
        evidence.probe.session_kind().protocol()
    ));
    verdict.evidence.extend(super::account(evidence, operation));
    if device.is_none() {
        let exemption = format!("which device ends {}, and to let it pass", evidence.flow());
        verdict = super::of_all_ports(evidence, verdict, &exemption);
    }
    Some(super::at_its_hop(verdict, device))
}

/// Returns whether any session of the same port ran whole, in any variation.
fn any_ran_whole(evidence: &Evidence<'_>) -> bool {
    let mut all = evidence.probe.variations.iter();
    all.any(|c| c.measurement.ran_whole())
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
