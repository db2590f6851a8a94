//! `dropped`: SYNs end on the way there, or at the server's host.

use super::super::super::evidence::Evidence;
use super::super::super::place::Place;
use super::at_the_host;
use crate::catalogue::VerdictId;
use crate::survey::{Beyond, LastHop};
use crate::verdict::{Confidence, Verdict};

pub(super) fn by_the_witness_word(target: &str) -> Verdict {
    at_the_host(
        VerdictId::Dropped,
        format!("connections to {target} reach the server's host, which drops them silently"),
        format!(
            "look for a drop rule for {target} in the server host's own firewall (`nft list ruleset`, `iptables -S`); \
             if it has none, for full queues (`nstat -az TcpExtListenDrops`)"
        ),
    )
}

/// The server saw no SYN, and would have seen one of a port that works.
fn unseen(evidence: &Evidence<'_>) -> bool {
    evidence.sees_syns() && evidence.never_seen() && !evidence.working_ports_lose_syns()
}

/// By the server's word, or because the SYNs are seen to end on the way.
pub(super) fn before_the_server(evidence: &Evidence<'_>) -> Option<Verdict> {
    let target = evidence.target();
    let place = Place::of_drop(evidence);
    let answer = evidence.sighting_answer();
    let before_the_host = evidence.never_at_the_host();
    let unseen = unseen(evidence);
    let seen = answer.is_some_and(|answer| !answer.sightings.is_empty());
    let ends_on_the_way = evidence.survey().is_some_and(|survey| {
        let last = survey.last_hop();
        matches!(
            last,
            LastHop::Lost {
                lost_before: Beyond::Hop(_),
                ..
            }
        )
    });
    if seen || !(unseen || ends_on_the_way) {
        return None;
    }
    let end = if before_the_host { "'s host" } else { "" };
    let mut claim =
        format!("connections to {target} are dropped silently before they reach the server{end}");
    if let Some(words) = &place.words {
        claim.push_str(&format!(", {words}"));
    }
    let confidence = if unseen {
        evidence.confidence_in_account()
    } else {
        Confidence::Medium
    };
    let mut verdict = Verdict::new(VerdictId::Dropped, place.segment, confidence, claim);
    let account = if unseen {
        account(evidence, ends_on_the_way)
    } else {
        Vec::new()
    };
    verdict
        .evidence
        .extend(account.into_iter().map(str::to_owned));
    let inbound = if before_the_host {
        "network security group"
    } else {
        "network security group, server host's own firewall"
    };
    let next = match place.whom {
        Some(whom) => format!("ask {whom} to allow TCP to {target}"),
        None => format!(
            "ask the firewall team to allow outbound TCP to {target}, and the cloud team to allow it inbound ({inbound})"
        ),
    };
    Some(verdict.because(place.fact).next(next))
}

/// What the server says, which saw none of the SYNs.
fn account(evidence: &Evidence<'_>, ends_on_the_way: bool) -> Vec<&'static str> {
    let mut said = Vec::new();
    if evidence.never_at_the_host() {
        said.push(
            "the server's witness, which sees SYNs before its host's own firewall does, saw none from this host to \
             that port in that time",
        );
    } else {
        said.push(
            "the server looked for a SYN from this host on that port in that time and saw none",
        );
        if !ends_on_the_way {
            said.push(
                "a SYN that its host's own firewall dropped would have looked the same, and so would one whose answer a \
                 device refused at once on the way back: the server sees those only with a witness (`witness = true` in \
                 its configuration)",
            );
        }
    }
    if evidence.told_over_another_path() {
        said.push(
            "it was asked over another path: had it several instances behind this address, another might have seen one",
        );
    }
    said
}
