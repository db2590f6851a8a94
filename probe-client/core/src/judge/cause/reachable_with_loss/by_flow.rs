//! `reachable-with-loss` if the path treats connections differently by their source port: some source ports never get
//! an answer, and others always do. While any connection passes, the verdict says nothing about the port as a whole.

use super::lossy;
use crate::catalogue::VerdictId;
use crate::comparison::Paces;
use crate::flow::FlowAccount;
use crate::judge::cause::reachable;
use crate::judge::compared::facts;
use crate::judge::ending::Ending;
use crate::judge::evidence::Evidence;
use crate::judge::findings::pace;
use crate::judge::words::list;
use crate::measurement::{Measurement, Redial, Variation};
use crate::observation::FailureKind;
use crate::odds::{THRESHOLD, Trials, by_chance, in_words, shares_in_words};
use crate::verdict::{Confidence, Segment, Verdict};

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let account = FlowAccount::of(evidence.probe)?;
    match evidence.ending() {
        Ending::Complete(_) => beside_a_session(evidence, &account),
        Ending::NotConnected(failure) if failure.kind == FailureKind::TimedOut => {
            beside_silence(evidence, &account)
        }
        Ending::Testified(..) | Ending::NoData(..) => beside_a_dead_session(evidence, &account),
        Ending::Interrupted
        | Ending::Unresolved(_)
        | Ending::Proxy(..)
        | Ending::NotConnected(_)
        | Ending::Declined
        | Ending::Foreign(..)
        | Ending::Altered(..) => None,
    }
}

fn beside_a_session(evidence: &Evidence<'_>, account: &FlowAccount) -> Option<Verdict> {
    let reachable = reachable::judge(evidence)?;
    let target = evidence.target();
    if account.shows_a_fault_by_flow() {
        let mut verdict = open_for_some(evidence, account);
        verdict.evidence.insert(0, reachable.claim);
        return Some(verdict);
    }
    // Losses that recur in fresh sessions do not depend on source ports.
    if lossy::judge(evidence).is_some() {
        return None;
    }
    // A finding names the limit, and a limit is no fault of the path.
    if pace::is_limited(evidence) {
        return None;
    }
    if let Some(verdict) = lost_beside_others(evidence, account) {
        return Some(verdict.because(reachable.claim));
    }
    let redialled = evidence.probe.redial == Some(Redial::SourcePort);
    let lossy = account.loses_more_than_ordinary();
    let (lost, odds) = lossy.or_else(|| redialled.then(|| account.lost()))?;
    let verdict = Verdict::new(
        VerdictId::ReachableWithLoss,
        Segment::PATH,
        Confidence::Medium,
        if account.stuck > 0 {
            format!(
                "{target} is open, but loses packets: {lost} connections from different source \
                 ports got no answer to the first SYN, or lost what followed the handshake"
            )
        } else {
            format!(
                "{target} is open, but loses SYNs: {lost} connections from different source ports \
                 got no answer to the first SYN"
            )
        },
    )
    .because(reachable.claim)
    .because(format!(
        "on a line that loses one packet in a hundred, the odds of losing as many by chance are {}",
        in_words(odds)
    ));
    if account.dead.is_empty() && !redialled {
        return Some(with_ports(verdict, evidence, account).next(late(evidence, account)));
    }
    Some(with_ports(verdict, evidence, account).next(format!(
        "ask the network team whether one of several parallel links, firewalls or NAT gateways on \
         the way to {target} fails or lacks the rule, and to look for loss, in both directions; if \
         they find nothing, ask the firewall team whether a NAT gateway has no source port free, \
         or whether a rule goes by source port or limits new connections; name the source ports of \
         the evidence{}",
        more_flows(account)
    )))
}

/// Returns the next step if SYNs are lost, and later ones from the same source ports pass. A link or a rule that goes
/// by source port would have lost those too.
fn late(evidence: &Evidence<'_>, account: &FlowAccount) -> String {
    let mut ports = [account.late.as_slice(), &account.passed_again].concat();
    ports.sort_unstable();
    ports.dedup();
    format!(
        "ask the network team to look for packet loss on the links and devices that carry {}, in \
         both directions; if they find none, ask the firewall team what drops the first SYN of \
         some connections and lets a later one from the same source port pass (source ports {}): a \
         limit on new connections, flood protection, a NAT gateway that has no source port free, \
         or a cluster of firewalls or NAT gateways whose members learn of a connection late{}",
        evidence.flow(),
        list(&ports),
        more_flows(account)
    )
}

/// Returns the verdict on a port that loses connections only when several are opened at once: slowly dialled ones to all
/// ports of this server pass, and chance does not explain it. Their number or pace is then the cause. What is limited
/// was not tested, because the port's own session passed.
fn lost_beside_others(evidence: &Evidence<'_>, account: &FlowAccount) -> Option<Verdict> {
    let accounts = evidence
        .same_server
        .iter()
        .filter_map(|m| FlowAccount::of(m));
    let slowly = accounts
        .flat_map(|account| [account.again, account.fresh])
        .fold(Trials::default(), Trials::and);
    let (lost, _) = account.lost();
    let odds = by_chance(lost, slowly);
    if slowly.failed > 0 || odds >= THRESHOLD {
        return None;
    }
    let (target, flow) = (evidence.target(), evidence.flow());
    let verdict = Verdict::new(
        VerdictId::ReachableWithLoss,
        Segment::PATH,
        Confidence::Medium,
        format!(
            "{target} is open, but loses SYNs when several connections are opened at once: {lost} \
             got no answer to the first SYN"
        ),
    )
    .because(format!(
        "opened one at a time, {slowly} connections to this server got no answer; the odds that \
         chance separates them like this are {}",
        in_words(odds)
    ))
    .next(format!(
        "ask the firewall team what drops SYNs of {flow} when several connections are opened at \
         once: a limit on new connections per second or on open connections, flood protection, or \
         a NAT gateway that has no source port free; tell them how many connections your programs \
         open at once"
    ));
    Some(verdict)
}

/// Returns the verdict on a port that is open only for some source ports.
fn open_for_some(evidence: &Evidence<'_>, account: &FlowAccount) -> Verdict {
    let target = evidence.target();
    let claim = format!(
        "{target} is open, but not for all connections: {}",
        rate(account)
    );
    let id = VerdictId::ReachableWithLoss;
    let verdict = Verdict::new(id, Segment::PATH, Confidence::High, claim);
    with_ports(verdict, evidence, account).next(by_flow(&target, account))
}

/// Judges a probe whose own session went silent after it was opened, if fresh sessions ran whole and source ports make
/// the difference.
fn beside_a_dead_session(evidence: &Evidence<'_>, account: &FlowAccount) -> Option<Verdict> {
    let mut fresh = evidence.probe.compared(Variation::InNothing);
    let passes = fresh.any(Measurement::ran_whole);
    if !(passes && evidence.probe.died_in_silence() && account.shows_a_fault_by_flow()) {
        return None;
    }
    let mut verdict = open_for_some(evidence, account);
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    Some(verdict)
}

/// Judges a probe whose own SYNs got no answer, if SYNs of side connections were answered.
fn beside_silence(evidence: &Evidence<'_>, account: &FlowAccount) -> Option<Verdict> {
    // Connections that pass one at a time depend on the pace.
    let paces = Paces::of(evidence.probe);
    let limited = paces.slowly.all_passed() && paces.odds() < THRESHOLD;
    if account.answered.is_empty() || limited {
        return None;
    }
    let mut sessions = evidence.probe.variations.iter();
    let mut verdict = if sessions.any(|c| c.measurement.ran_whole()) {
        open_for_some(evidence, account)
    } else {
        let target = evidence.target();
        let claim = format!(
            "connections to {target} fail or pass by their source port: {}; no whole session was \
             run on one that passes",
            rate(account)
        );
        let (id, medium) = (VerdictId::Inconclusive, Confidence::Medium);
        let verdict = Verdict::new(id, Segment::PATH, medium, claim);
        with_ports(verdict, evidence, account).next(by_flow(&target, account))
    };
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    Some(verdict)
}

fn rate(account: &FlowAccount) -> String {
    let likely = if account.shows_a_fault_by_flow() {
        "one of several parallel links or an asymmetric path is likely"
    } else {
        "one of several parallel links, an asymmetric path or heavy loss"
    };
    let what = match (account.stuck, account.dead.len()) {
        (0, _) => "got no answer",
        (stuck, dead) if stuck == dead => "were opened and then lost what followed",
        (_, _) => "got no answer, or were opened and then lost what followed",
    };
    format!(
        "{} connections from different source ports {what}; {likely}",
        account.opened
    )
}

fn by_flow(target: &str, account: &FlowAccount) -> String {
    let example = match (account.dead.first(), account.answered.first()) {
        (Some(dead), Some(answered)) => {
            format!(" (source port {dead} fails, {answered} passes)")
        }
        (_, _) => String::new(),
    };
    format!(
        "ask the network team which devices on the way to {target} share traffic by source \
         port{example}: links of a bundle, equal-cost routes, clustered firewalls, or a way back \
         that differs from the way there; if they find nothing, ask the firewall team whether a \
         NAT gateway has no source port free for some connections{}",
        more_flows(account)
    )
}

/// Returns the advice to open more connections; empty if many were opened.
fn more_flows(account: &FlowAccount) -> &'static str {
    if account.opened.all < 50 {
        "; run it again with `--flows 50` for a better figure"
    } else {
        ""
    }
}

/// Returns `verdict` with the source ports that fail and those that pass, and what chance has to do with it.
fn with_ports(mut verdict: Verdict, evidence: &Evidence<'_>, account: &FlowAccount) -> Verdict {
    if !account.dead.is_empty() {
        verdict = verdict.because(format!("source ports that fail: {}", list(&account.dead)));
    }
    if !account.answered.is_empty() {
        let besides = if evidence.probe.failure().is_none() {
            ", besides the session's own"
        } else {
            ""
        };
        verdict = verdict.because(format!(
            "source ports that pass{besides} (those dialled later included): {}",
            list(&account.answered)
        ));
    }
    if !account.late.is_empty() {
        verdict = verdict.because(format!(
            "source ports that pass, but lost their first SYN: {}",
            list(&account.late)
        ));
    }
    verdict = verdict.because(format!(
        "{} flows failed: the share of flows that fail is {} (95 % confidence)",
        account.opened,
        shares_in_words(account.opened)
    ));
    if account.again.all > 0 {
        verdict = verdict.because(format!(
            "dialled again slowly, {} connections from the source ports that fail got no answer, \
             and {} from new source ports in between",
            account.again, account.fresh
        ));
    }
    if let Some(odds) = account.odds {
        verdict = verdict.because(format!(
            "the odds that packets lost at random leave this pattern are {}",
            in_words(odds)
        ));
    }
    if let Some((below, one, other)) = account.border() {
        let side = if below { "below" } else { "above" };
        verdict = verdict.because(format!(
            "all that fail lie {side} a source port between {one} and {other}: a rule may go by \
             source port"
        ));
    }
    verdict
}
