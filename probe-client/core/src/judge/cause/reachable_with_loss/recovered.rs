//! `reachable-with-loss` after a first session that failed: fresh sessions pass, so the cause of the first failure does
//! not stop every session. If too few pass to show that, the verdict is `inconclusive` and says only that some passed.

use crate::catalogue::VerdictId;
use crate::comparison::paced;
use crate::judge::compared::{Tally, facts};
use crate::judge::ending::Ending;
use crate::judge::evidence::Evidence;
use crate::measurement::Variation;
use crate::odds::{Trials, shares_in_words};
use crate::verdict::{Confidence, Segment, Verdict};

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let (Ending::NotConnected(_) | Ending::Testified(..) | Ending::NoData(..)) = evidence.ending()
    else {
        return None;
    };
    let fresh = Tally::of(evidence, Variation::InNothing);
    let alone = Tally::of(evidence, Variation::InPace { held: 0 });
    let (ran, whole) = (fresh.ran + alone.ran, fresh.whole + alone.whole);
    if whole == 0 {
        return None;
    }
    // A port that did not accept the first connection, or was dialled again only slowly, seldom gets more than one
    // fresh session.
    let seldom = fresh.ran == 0 || matches!(evidence.ending(), Ending::NotConnected(_));
    let enough = if seldom {
        ran
    } else if evidence.slowness().is_some() {
        // The slow path explains why the first session died, and only few fresh sessions are run on a slow path.
        1
    } else {
        ENOUGH
    };
    let trials = Trials {
        failed: 1 + ran - whole,
        all: 1 + ran,
    };
    let target = evidence.target();
    let mut verdict = if whole >= enough {
        Verdict::new(
            VerdictId::ReachableWithLoss,
            Segment::PATH,
            Confidence::High,
            format!(
                "{target} is open, but the first session failed; {whole} of {ran} new sessions{} \
                 completed",
                opened_alone(evidence, fresh)
            ),
        )
        .next(next_step(evidence))
    } else {
        Verdict::new(
            VerdictId::Inconclusive,
            Segment::Unknown,
            Confidence::Medium,
            format!(
                "sessions with {target} fail mostly, but not always: the first failed, and {whole} \
                 of {ran} new ones completed"
            ),
        )
        .next(format!(
            "run again; if the result is the same, ask the network team whether {} is spread over \
             several links, firewalls or NAT gateways, one of them broken or without the rule, and \
             to look for loss on the way, in both directions",
            evidence.flow()
        ))
    };
    verdict = verdict.because(rate(trials));
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    Some(verdict)
}

/// Returns a note that the new sessions passed because they were opened alone; empty if that is not known. `fresh` are
/// repetitions of the first session, which were not opened alone.
fn opened_alone(evidence: &Evidence<'_>, fresh: Tally) -> &'static str {
    if fresh.ran == 0 && beside_others(evidence).is_some() {
        " that were opened alone"
    } else {
        ""
    }
}

/// Returns in words how often a session may fail, as these trials show it.
pub(super) fn rate(trials: Trials) -> String {
    format!(
        "{trials} sessions failed: the share of sessions that fail is {} (95 % confidence)",
        shares_in_words(trials)
    )
}

/// Returns the next step: to ask about a limit on the number of connections if a session failed while others were held
/// open, or else about packet loss.
fn next_step(evidence: &Evidence<'_>) -> String {
    let flow = evidence.flow();
    match beside_others(evidence) {
        Some(held) => format!(
            "run again; if the result is the same, ask the firewall team whether a device limits \
             how many connections may be open at once for {flow}, and to raise that limit: it \
             failed with {held} others open, and passed alone; if no device does, ask the server's \
             admin the same about the server's host"
        ),
        None if evidence.probe.met_silence() && evidence.working_ports_lose_syns() => format!(
            "run again, also at another time of day; if the result is the same, ask the firewall \
             team whether flood protection or a limit on new connections drops SYNs of {flow}, as \
             ports that work lose SYNs too; if they find none, ask the network team to look for \
             packet loss and overloaded devices, in both directions"
        ),
        None => format!(
            "run again, also at another time of day; if the result is the same, ask the network \
             team to look for packet loss and overloaded devices for {flow}, in both directions; \
             if they find none, ask the firewall team whether flood protection or a device that \
             ends sessions affects it"
        ),
    }
}

/// Returns how many other connections were held open while a new session failed; `None` if none failed so, or if no
/// session passed alone.
fn beside_others(evidence: &Evidence<'_>) -> Option<u8> {
    let alone = Tally::of(evidence, Variation::InPace { held: 0 });
    let mut beside = paced(evidence.probe).filter(|(held, m)| *held > 0 && !m.ran_whole());
    beside
        .next()
        .map(|(held, _)| held)
        .filter(|_| alone.whole > 0)
}

/// The minimum number of fresh sessions that pass. One may be the exception; two of three are not.
const ENOUGH: usize = 2;
