//! Judges a session in which one host was too slow for the other, or the line was slow. Nothing between the hosts is to
//! blame, and a comparison with sessions that passed at another moment shows nothing.

use crate::catalogue::VerdictId;
use crate::judge::compared::facts;
use crate::judge::ending::Ending;
use crate::judge::evidence::Evidence;
use crate::judge::slowness::{self, Slowness};
use crate::measurement::SightingEnd;
use crate::verdict::{Confidence, Segment, Verdict};

/// Returns the verdict if the server gave up waiting, although every byte arrived.
pub(in crate::judge::cause) fn given_up(evidence: &Evidence<'_>) -> Option<Verdict> {
    evidence
        .given_up_by_server()
        .then(|| super::judge(evidence))
}

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let slowness = evidence.slowness()?;
    let claim = if slowness::still_moved(evidence.probe) {
        format!(
            "{} takes the connection, and its session was slow: bytes still moved when its time \
             was up",
            evidence.target()
        )
    } else if explains(evidence) {
        format!(
            "what stops {} is not decided: it was silent, but the way to the server is so slow \
             that silence does not point to a device",
            evidence.target()
        )
    } else {
        return None;
    };
    Some(undecided(evidence, claim, &slowness))
}

/// Returns whether a slow path may be the only reason for this probe's silence.
fn explains(evidence: &Evidence<'_>) -> bool {
    match evidence.ending() {
        // If the handshake never completed at the server, slowness alone does not explain why the rest is missing.
        Ending::NoData(..) | Ending::Testified(..) => {
            let half_open = |end| end == SightingEnd::HalfOpen;
            evidence.probe.died_in_silence()
                && !evidence.sighting().is_some_and(|s| half_open(s.end))
        }
        // One attempt consists of a few SYNs, all of which may have been lost. A second attempt, made alone, is
        // stronger evidence.
        Ending::NotConnected(_) => {
            evidence.probe.met_silence() && evidence.probe.variations.is_empty()
        }
        Ending::Interrupted
        | Ending::Unresolved(_)
        | Ending::Proxy(..)
        | Ending::Complete(_)
        | Ending::Declined
        | Ending::Foreign(..)
        | Ending::Altered(..) => false,
    }
}

fn undecided(evidence: &Evidence<'_>, claim: String, slowness: &Slowness) -> Verdict {
    let mut verdict = Verdict::new(
        VerdictId::Inconclusive,
        Segment::Unknown,
        Confidence::Low,
        claim,
    )
    .because(format!(
        "measured on the way to the server: {}",
        slowness.describe()
    ))
    .next(format!(
        "ask the network team for the load and the rate of the line to this server (a full queue, \
         a policer, TCP options that a device removes); then run it again for this port alone, \
         when the line is idle and with more time: --port {} --timeout {LONGER}",
        evidence.probe.rule.port
    ));
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    verdict.evidence.extend(evidence.others_work());
    verdict
}

/// The longer timeout to try, in seconds.
const LONGER: u32 = 20;
