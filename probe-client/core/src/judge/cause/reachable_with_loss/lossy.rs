//! `reachable-with-loss` for a session that ran whole: fresh sessions had the same losses, or were cut off.

use super::recovered;
use crate::catalogue::VerdictId;
use crate::judge::cause::reachable;
use crate::judge::ecn;
use crate::judge::evidence::Evidence;
use crate::measurement::{Measurement, Variation};
use crate::observation::{FailureKind, Operation};
use crate::odds::{ORDINARY_LOSS, Trials, at_a_rate, in_words};
use crate::verdict::{Confidence, Segment, Verdict};

pub(in crate::judge) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let reachable = reachable::judge(evidence)?;
    let fresh: Vec<&Measurement> = new_sessions(evidence.probe).collect();
    let of = fresh.len();
    let died = cut_off(&fresh);
    let how = how(evidence, &fresh)?;
    let target = evidence.target();
    let mut verdict = Verdict::new(
        VerdictId::ReachableWithLoss,
        Segment::PATH,
        Confidence::High,
        format!("{target} is open, but {how}"),
    )
    .because(reachable.claim)
    .next(next_step(evidence));
    if died >= ENOUGH {
        verdict = verdict.because(recovered::rate(Trials {
            failed: died,
            all: of + 1,
        }));
    }
    if let Some(times) = again(evidence, &fresh, loses_syns) {
        let lost = Trials {
            failed: times + 1,
            all: of + 1,
        };
        verdict = verdict.because(format!(
            "the odds that {lost} sessions lose their first SYN by chance, on a line that loses \
             one packet in a hundred, are {}",
            in_words(at_a_rate(lost, ORDINARY_LOSS))
        ));
    }
    for (name, m) in
        std::iter::once(("first", evidence.probe)).chain(fresh.iter().map(|m| ("new", *m)))
    {
        verdict.evidence.push(format!(
            "{name} session, retransmitted: SYNs {}, other segments {}",
            m.syns_sent_again(),
            m.segments_sent_again().saturating_sub(m.syns_sent_again())
        ));
    }
    Some(verdict)
}

/// Returns in words what the first session and the `fresh` ones lost. `None` if too few lost it again.
fn how(evidence: &Evidence<'_>, fresh: &[&Measurement]) -> Option<String> {
    let (died, of) = (cut_off(fresh), fresh.len());
    if died >= ENOUGH {
        return Some(format!(
            "sessions are cut off: the first one ran whole, and {died} of {of} new ones did not"
        ));
    }
    if let Some(times) = again(evidence, fresh, loses_syns) {
        let what = if loses_one_syn(evidence) {
            "the first SYN of a connection"
        } else {
            "SYNs"
        };
        return Some(format!(
            "loses {what}: in the first session, and again in {times} of {of} new ones"
        ));
    }
    let times = again(evidence, fresh, Measurement::loses_segments)?;
    Some(format!(
        "loses segments of established sessions: more than one in the first session, and again \
         more than one in {times} of {of} new ones"
    ))
}

/// Returns how many of the `fresh` sessions lost something that the first one lost too. `None` if there are too few.
fn again(
    evidence: &Evidence<'_>,
    fresh: &[&Measurement],
    lost: fn(&Measurement) -> bool,
) -> Option<usize> {
    let times = fresh.iter().filter(|m| lost(m)).count();
    (lost(evidence.probe) && times >= ENOUGH).then_some(times)
}

fn loses_syns(measurement: &Measurement) -> bool {
    measurement.syns_sent_again() > 0
}

fn cut_off(fresh: &[&Measurement]) -> usize {
    fresh.iter().filter(|m| was_cut_off(m)).count()
}

fn next_step(evidence: &Evidence<'_>) -> String {
    let flow = evidence.flow();
    if ecn::lost_syns(evidence).is_some() {
        format!(
            "turn ECN off on this host (`sysctl net.ipv4.tcp_ecn=2`) and run again; if nothing is \
             lost then, ask the firewall team which device drops SYNs of {flow} with the ECN bits \
             set (ECE and CWR), else which one drops the first SYN of each connection"
        )
    } else if loses_syns_alone(evidence) {
        format!(
            "ask the firewall team whether flood protection or a limit on new connections drops \
             SYNs of {}; no session to this server lost anything else, so errors on a line are \
             unlikely; run again at another time of day and compare",
            evidence.flow()
        )
    } else {
        format!(
            "ask the network team to look for interface errors and drops, policing and flood \
             protection on the links and devices that carry {}, in both directions; run again at \
             another time of day and compare",
            evidence.flow()
        )
    }
}

/// Returns whether the first session lost SYNs, and no session to this server lost anything else.
fn loses_syns_alone(evidence: &Evidence<'_>) -> bool {
    let all = evidence.same_server.iter().copied();
    let mut all = all.flat_map(|m| std::iter::once(m).chain(new_sessions(m)));
    loses_syns(evidence.probe) && all.all(|m| m.segments_sent_again() <= m.syns_sent_again())
}

/// Returns the sessions that repeat the first one, at once or at a slow pace.
fn new_sessions(probe: &Measurement) -> impl Iterator<Item = &Measurement> {
    let at_once = probe.compared(Variation::InNothing);
    at_once.chain(probe.compared(Variation::InPace { held: 0 }))
}

/// Returns whether no session lost more than one SYN.
fn loses_one_syn(evidence: &Evidence<'_>) -> bool {
    let fresh = new_sessions(evidence.probe);
    let mut all = std::iter::once(evidence.probe).chain(fresh);
    all.all(|m| m.syns_sent_again() <= 1)
}

/// Returns whether the port accepted the connection, and the session then died. Connections that are not accepted may
/// be too many or too fast.
fn was_cut_off(measurement: &Measurement) -> bool {
    measurement.failure().is_some_and(|(operation, failure)| {
        let cut = matches!(
            failure.kind,
            FailureKind::TimedOut | FailureKind::Reset | FailureKind::Closed
        );
        cut && operation > Operation::Connect && measurement.succeeded(Operation::Connect)
    })
}

/// The minimum number of fresh sessions, of three or more, that lose something again. A single one may do so by chance.
const ENOUGH: usize = 2;
