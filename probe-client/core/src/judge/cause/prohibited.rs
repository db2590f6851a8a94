//! `prohibited`: an ICMP error came back, and its sender is named.

use std::net::IpAddr;

use super::super::compared::Tally;
use super::super::ending::Ending;
use super::super::evidence::Evidence;
use super::super::icmp;
use super::super::place::{Answer, Place, owner, translated};
use super::server_unreachable::no_way_there;
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::measurement::{Flow, Variation};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let (sender, icmp_type, code) = error(evidence)?;
    let target = evidence.target();
    let by_server = evidence.probe.server() == Some(sender);
    let place = Place::of_nearer(evidence, Answer::IcmpError)
        // A device that redirects the connection (DNAT) translates errors back.
        .or_else(|| translated(evidence).filter(|_| by_server));
    // Only the distance of the error distinguishes the server's host from a device that uses its address.
    let in_its_name = by_server && place.is_none();
    let (segment, who, whom) = match place {
        Some(place) if by_server => {
            let words = place.words.unwrap_or_default();
            let whom = place.whom.unwrap_or_else(|| FIREWALL_TEAM.to_owned());
            (place.segment, format!("a device {words}"), whom)
        }
        None if by_server => (
            Segment::ServerHost,
            "the server's own host".to_owned(),
            format!("the admin of the server's host ({sender})"),
        ),
        place => {
            let named = evidence.survey().and_then(|survey| survey.hop_of(sender));
            let hop = named.or_else(|| place?.hop());
            let segment = Segment::Path {
                hop,
                address: Some(sender),
            };
            let who = hop.map_or_else(|| sender.to_string(), |hop| format!("hop {hop} ({sender})"));
            let hop = hop.map_or_else(|| "a hop".to_owned(), |hop| format!("hop {hop}"));
            (segment, who, owner(&hop, Some(sender)))
        }
    };
    let otherwise = if in_its_name {
        format!(
            "; if that host has no such rule, ask the firewall team which device on the way \
             refuses {} in its name",
            evidence.flow()
        )
    } else {
        String::new()
    };
    let verdict = Verdict::new(
        VerdictId::Prohibited,
        segment,
        Confidence::High,
        format!(
            "{who} rejected the connection to {target} with an ICMP error ({})",
            icmp::meaning(sender.is_ipv6(), icmp_type, code)
        ),
    )
    .next(format!(
        "ask {whom} {}; quote ICMP type {icmp_type} code {code} from {sender}{otherwise}",
        request(sender.is_ipv6(), icmp_type, code, &evidence.flow())
    ))
    .unless_all(in_its_name.then_some(Alternative::AnswersInItsName));
    let mut verdict = perhaps_later(evidence, verdict);
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(evidence.others_work());
    Some(verdict)
}

/// Returns `verdict`, with less confidence if the error answered only a later session.
fn perhaps_later(evidence: &Evidence<'_>, verdict: Verdict) -> Verdict {
    if later(evidence).is_none() {
        return verdict;
    }
    let verdict = verdict.because(
        "the first SYNs got no answer; a new session, dialled alone after a pause, got this error",
    );
    Verdict {
        confidence: Confidence::Medium,
        ..verdict
    }
}

/// Returns sender, type and code of the error that refuses this one port; `None` if another cause explains it.
fn error(evidence: &Evidence<'_>) -> Option<(IpAddr, u8, u8)> {
    let Ending::NotConnected(failure) = evidence.ending() else {
        return None;
    };
    let said = failure.origin.icmp().or_else(|| later(evidence))?;
    // A router that has no route to the address says so for every port, which is one statement about the address.
    if no_way_there::judge(evidence).is_some() {
        return None;
    }
    // Connections pass at a slow pace, so no rule forbids them altogether.
    if Tally::of(evidence, Variation::InPace { held: 0 }).whole > 0 {
        return None;
    }
    Some(said)
}

/// Returns the error that answered a new session, dialled alone after a pause, if no SYN was answered before, and none
/// was accepted at any time. A limit on connections may have dropped the first SYNs.
fn later(evidence: &Evidence<'_>) -> Option<(IpAddr, u8, u8)> {
    let probe = evidence.probe;
    let port = probe.port_dialled();
    let let_in = |f: &Flow| f.port == port && f.is_let_in();
    if !probe.met_silence() || evidence.accepted_meanwhile() || probe.flows.iter().any(let_in) {
        return None;
    }
    let alone = probe.compared(Variation::InPace { held: 0 });
    let mut said = alone.filter_map(|m| m.failure()?.1.origin.icmp());
    // This host itself reports that its next hop is silent, which refuses nothing.
    said.find(|(sender, ..)| !evidence.own_addresses.contains(sender))
}

const FIREWALL_TEAM: &str = "the firewall team";

/// Returns the request to make. A missing route and a rule are corrected by different teams.
fn request(v6: bool, icmp_type: u8, code: u8, flow: &str) -> String {
    match (v6, icmp_type, code) {
        (false, 3, 0 | 1) | (true, 1, 0 | 3) => format!(
            "whether it has a route for {flow}, whether the next hop there is up, and whether a \
             rule rejects it with this message, and to correct that"
        ),
        (false, 11, _) | (true, 3, _) => {
            format!(
                "for its routes for {flow}, and for those of its neighbours: packets go in circles"
            )
        }
        _ => format!("which rule refuses {flow}, and to allow it, replies included"),
    }
}
