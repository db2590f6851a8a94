//! Chooses between `payload-dropped` and `payload-reset` for every cause that finds one of them, and describes where
//! the flow was cut off.

use super::super::compared::{Parted, facts, other_ports};
use super::super::evidence::Evidence;
use super::super::loss_point::{self, Way};
use super::super::place::Place;
use crate::catalogue::VerdictId;
use crate::observation::{FailureKind, Operation};
use crate::odds::in_words;
use crate::session::StageReport;
use crate::verdict::Verdict;
use crate::words::counted;

pub(super) mod exchange_died;
pub(super) mod inspected;
pub(super) mod no_application_data;

pub(super) fn verdict_id(evidence: &Evidence<'_>) -> VerdictId {
    if evidence.probe.died_in_silence() {
        return VerdictId::PayloadDropped;
    }
    let failure = evidence.probe.failure().map(|(_, failure)| failure.kind);
    if matches!(failure, Some(FailureKind::Reset | FailureKind::Closed)) {
        VerdictId::PayloadReset
    } else {
        VerdictId::PayloadDropped
    }
}

/// Returns whether nothing ties the failure to the probe's port: sessions failed alike on every other port of the server
/// that accepted one, or sessions that are alike end differently.
fn is_of_all_ports(evidence: &Evidence<'_>) -> bool {
    let others = Parted::by_port(evidence).passed;
    others.failed > 0 && (others.failed == others.all || inspected::by_chance(evidence))
}

/// Returns `verdict`, with a claim and a next step for all ports if the failure does not concern the probe's port
/// alone. `exemption` is the request to the firewall team if only this port continues to fail.
fn of_all_ports(evidence: &Evidence<'_>, verdict: Verdict, exemption: &str) -> Verdict {
    if !is_of_all_ports(evidence) {
        return verdict;
    }
    let (source, server) = (evidence.source(), evidence.server_named());
    let port = evidence.probe.port_dialled();
    let mut verdict = verdict;
    verdict.claim.push_str(&format!(
        "; sessions on other ports of this server failed as well, so nothing shows that this is \
         about port {port} alone"
    ));
    verdict.next(format!(
        "run again first; if sessions on other ports complete then and this port fails again, ask \
         the firewall team {exemption}; if other ports fail again as well, ask the network team \
         and the provider what breaks or resets TCP from {source} to {server} on several ports (an \
         unstable line, a failover, a state table that was lost or is full)"
    ))
}

/// Returns in words how many sessions of this port were cut off, compared with those of other ports, and the odds that
/// this is chance.
fn odds(evidence: &Evidence<'_>) -> String {
    let own = evidence.probe.session_kind().protocol();
    let parted = Parted::by_port(evidence);
    if parted.failed.all < 2 {
        return format!(
            "only one {own} session was run on this port: that it was cut off may be chance"
        );
    }
    if parted.passed.all == 0 {
        return format!(
            "{} {own} sessions on this port failed; there was no other port to compare with",
            parted.failed
        );
    }
    if parted.passed.failed > 0 {
        let others = other_ports(evidence).into_iter();
        let others: Vec<String> = others
            .map(|(port, trials)| format!("{trials} on port {port}"))
            .collect();
        return format!(
            "{} {own} sessions failed on this port; of the sessions on other ports of this server, \
             {} failed",
            parted.failed,
            others.join(", ")
        );
    }
    format!(
        "{} {own} sessions on this port failed, and {} sessions on other ports of this server: the \
         odds that chance separates them like this are {}",
        parted.failed,
        parted.passed,
        in_words(parted.odds())
    )
}

/// Returns the evidence on a session that was cut off in `operation`: the odds of chance, both ends' accounts, and what
/// other sessions and ports show.
pub(super) fn account(evidence: &Evidence<'_>, operation: Operation) -> Vec<String> {
    let mut account = vec![odds(evidence)];
    account.extend(evidence.seen());
    account.push(format!("the step that failed: {}", operation.describe()));
    account.extend(facts(evidence));
    account.extend(evidence.others_work());
    account
}

/// Returns whom to ask about the device.
pub(super) fn whom(device: Option<&Place>) -> &str {
    device
        .and_then(|place| place.whom.as_deref())
        .unwrap_or("the firewall team")
}

/// Returns `verdict` with the hop of the `device`, if it is known.
pub(super) fn at_its_hop(verdict: Verdict, device: Option<Place>) -> Verdict {
    let Some(place) = device else {
        return verdict;
    };
    let mut verdict = Verdict {
        segment: place.segment,
        ..verdict
    };
    if let Some(words) = place.words {
        verdict.claim.push_str(&format!("; it happens {words}"));
    }
    verdict.evidence.insert(0, place.fact);
    verdict
}

/// Returns in words after how many bytes the flow was cut off, and in which direction. `None` if no stage had begun and
/// the number or the direction is unknown.
pub(super) fn place(evidence: &Evidence<'_>) -> Option<String> {
    let stages = evidence.session().map_or(&[][..], |s| &s.stages);
    let confirmed: u64 = stages
        .iter()
        .map(|s| u64::from(s.up.confirmed.unwrap_or(0)))
        .sum();
    let asked: u64 = stages.iter().map(|s| u64::from(s.up.asked)).sum();
    let received: u64 = stages
        .iter()
        .map(|s| u64::from(s.down.received.unwrap_or(0)))
        .sum();
    let loss_point = loss_point::of(evidence.probe);
    if !stages.iter().any(begun) {
        let bytes = loss_point.passed?;
        let way = loss_point.way?.describe();
        return Some(format!(
            "{way}, after {} of the connection",
            counted(bytes, "byte")
        ));
    }
    Some(match loss_point.way {
        Some(Way::Up) => format!(
            "on the way to the server, after {confirmed} of {asked} payload bytes were confirmed \
             by it"
        ),
        Some(Way::Down) => {
            format!(
                "on the way from the server, after {} had come back",
                counted(received, "payload byte")
            )
        }
        None => format!(
            "after the server had confirmed {confirmed} of {asked} payload bytes and {received} \
             had come back"
        ),
    })
}

fn begun(stage: &StageReport) -> bool {
    stage.up.confirmed.is_some() || stage.down.received.is_some()
}
