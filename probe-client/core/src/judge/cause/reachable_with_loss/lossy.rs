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
    let again = |lost: fn(&Measurement) -> bool| {
        let own = lost(evidence.probe);
        let times = fresh.iter().filter(|m| lost(m)).count();
        (own && times >= ENOUGH).then_some(times)
    };
    let of = fresh.len();
    let died = fresh.iter().filter(|m| was_cut_off(m)).count();
    let how = match (
        again(|m| m.syns_sent_again() > 0),
        again(Measurement::loses_segments),
    ) {
        _ if died >= ENOUGH => {
            format!(
                "sessions are cut off: the first one ran whole, and {died} of {of} new ones did not"
            )
        }
        (Some(times), _) if loses_one_syn(evidence) => {
            format!(
                "loses the first SYN of a connection: in the first session, and again in {times} \
                 of {of} new ones"
            )
        }
        (Some(times), _) => {
            format!("loses SYNs: in the first session, and again in {times} of {of} new ones")
        }
        (None, Some(times)) => format!(
            "loses segments of established sessions: more than one in the first session, and \
             again more than one in {times} of {of} new ones"
        ),
        (None, None) => return None,
    };
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
    if let Some(times) = again(|m| m.syns_sent_again() > 0) {
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

/// Returns whether no session to this server lost anything but SYNs.
fn loses_syns_alone(evidence: &Evidence<'_>) -> bool {
    let fresh = new_sessions(evidence.probe);
    let mut all = evidence.same_server.iter().copied().chain(fresh);
    all.all(|m| m.segments_sent_again() <= m.syns_sent_again())
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
