//! `rejected`: an RST comes from nearer than the server, or although the server listens.

use super::{at_the_host, from_there};
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::judge::evidence::Evidence;
use crate::judge::place::{Place, keepers_of_the_last_device};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn at(evidence: &Evidence<'_>, place: Place) -> Verdict {
    let target = evidence.target();
    let elsewhere = (!evidence.passed_unchanged()).then_some(Alternative::SentElsewhere);
    let or_sends = if elsewhere.is_some() {
        ", or sends it to another destination (DNAT)"
    } else {
        ""
    };
    Verdict::new(
        VerdictId::Rejected,
        place.segment,
        Confidence::High,
        format!(
            "a device before the server resets connections to {target}, {}",
            place.words.unwrap_or_default()
        ),
    )
    .because(place.fact)
    .next(format!(
        "ask {} which rule rejects {} with a reset{or_sends}, and to allow it, replies included",
        place.whom.unwrap_or_default(),
        evidence.flow()
    ))
    .unless_all(elsewhere)
}

/// Returns the verdict for connections that a device sends to another destination (DNAT), whatever that destination is.
pub(super) fn elsewhere(evidence: &Evidence<'_>, place: Place) -> Verdict {
    let target = evidence.target();
    Verdict::new(
        VerdictId::Rejected,
        place.segment,
        Confidence::High,
        format!(
            "connections to {target} are sent to another destination on their way, and reset there \
             or before that"
        ),
    )
    .because(place.fact)
    .next(format!(
        "ask {} which port-forwarding rule (DNAT) sends {} elsewhere, and to remove it or point it \
         at the server",
        place.whom.unwrap_or_default(),
        evidence.flow()
    ))
}

/// Returns the verdict for an RST from the server's distance: from its host, or from the last router, whose RSTs come
/// from the same distance.
pub(super) fn at_the_end(evidence: &Evidence<'_>, distance: u8) -> Option<Verdict> {
    let place = Place::of_end(evidence, distance, from_there(distance))?;
    if evidence.never_at_the_host() {
        return Some(at(evidence, place).because(
            "the server's witness, which sees SYNs before its host's own firewall does, saw none \
             of them",
        ));
    }
    let target = evidence.target();
    let verdict = Verdict::new(
        VerdictId::Rejected,
        place.segment,
        Confidence::Medium,
        format!(
            "the server's host, or the device right before it, resets connections to {target} \
                 although the server listens there"
        ),
    )
    .because(place.fact)
    .because("the server says that it listens on that port, yet the SYN was answered with RST")
    .next(format!(
        "ask the server's admin to look for a reject rule for {} in that host's own firewall ({}); \
         if there is none, ask {} whether the last device before the host (gateway, load \
         balancer, last router) has such a rule; a witness on the server (`witness = true`) shows \
         which of the two it is",
        evidence.flow(),
        evidence.commands_for_host_rules(),
        keepers_of_the_last_device(evidence, distance)
    ));
    Some(verdict)
}

pub(super) fn somewhere(evidence: &Evidence<'_>, listens: String) -> Verdict {
    let target = evidence.target();
    Verdict::new(
        VerdictId::Rejected,
        Segment::Unknown,
        Confidence::Medium,
        format!(
            "connections to {target} are reset although the server listens there: by a device \
             before it, or by its host's own firewall"
        ),
    )
    .because("who sent the RST was not measured")
    .because(format!("{listens}, yet the SYN was answered with RST"))
    .next(format!(
        "ask the firewall team which rule rejects {} with a reset, and to allow it; look for one \
         in the server host's own firewall as well ({})",
        evidence.flow(),
        evidence.commands_for_host_rules()
    ))
}

pub(super) fn by_the_witness_word(evidence: &Evidence<'_>) -> Verdict {
    let (target, commands) = (evidence.target(), evidence.commands_for_host_rules());
    at_the_host(
        VerdictId::Rejected,
        format!(
            "the server's own host resets connections to {target} although the server listens there"
        ),
        format!(
            "ask the server's admin to look for a reject rule for TCP to {target} in that host's \
             own firewall ({commands})"
        ),
    )
}
