//! `syn-rate-limit` and `connection-limit`: SYNs that were lost or turned away when many were sent together are
//! accepted at a slow pace. Holding other connections open meanwhile distinguishes the two limits.

use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::comparison::{Paces, paced, to_hold};
use crate::control_record::CONTROL_PORT_RULE;
use crate::measurement::Measurement;
use crate::odds::{THRESHOLD, in_words};
use crate::verdict::Finding;

/// Returns whether a finding reports a limit, on the rate or on the number of connections.
pub(in crate::judge) fn is_limited(evidence: &Evidence<'_>) -> bool {
    rate(evidence).or_else(|| number(evidence)).is_some()
}

/// Reports a limit on the rate: SYNs are lost when many are sent together, but pass one at a time while as many other
/// connections are held open. If fewer could be held open, a limit on the number of connections could also explain the
/// loss.
pub(super) fn rate(evidence: &Evidence<'_>) -> Option<Finding> {
    let paces = limited(evidence)?;
    let probes = evidence.same_server.iter().copied();
    let as_many = to_hold(probes.filter(|m| m.rule.id.as_str() != CONTROL_PORT_RULE)).len();
    let enough = held(evidence.probe).any(|(count, _)| usize::from(count) >= as_many);
    (enough && paces.held.all_passed()).then(|| {
        Finding::new(
            FindingId::SynRateLimit,
            "new connections are lost or refused when several are opened at once, and pass one at \
             a time",
        )
        .with_detail(told(&paces))
    })
}

/// Reports a limit on the number of connections: a further one is not let in while others are open, and is let in once
/// they are closed.
pub(super) fn number(evidence: &Evidence<'_>) -> Option<Finding> {
    let paces = limited(evidence)?;
    let (most, _) = held(evidence.probe).find(|(_, m)| not_let_in(m))?;
    Some(
        Finding::new(
            FindingId::ConnectionLimit,
            "the number of connections at one time is limited",
        )
        .with_detail(format!(
            "the number of connections seen open at the same time was at most {most}; the limit \
             may still have counted closed ones; {}",
            told(&paces)
        )),
    )
}

/// Returns the SYNs to the probe's own port that were lost at each pace. `None` if the pace made no difference, or if
/// chance explains the difference.
fn limited(evidence: &Evidence<'_>) -> Option<Paces> {
    // On a path that loses other segments as well, SYNs are lost at any pace.
    let lossy = evidence.same_server.iter().filter(|m| m.loses_segments());
    if lossy.count() >= ENOUGH {
        return None;
    }
    let paces = Paces::of(evidence.probe);
    let lost = paces.at_once.failed > 0 && paces.slowly.all_passed();
    (lost && paces.odds() < THRESHOLD).then_some(paces)
}

/// Returns the sessions that ran while other connections were held open, each with the number of those connections.
fn held(probe: &Measurement) -> impl Iterator<Item = (u8, &Measurement)> {
    paced(probe).filter(|(held, _)| *held > 0)
}

fn told(paces: &Paces) -> String {
    format!(
        "{} SYNs to this port were not let in when several were sent at once, {} more than a \
         second apart; the odds that chance separates them like this are {}",
        paces.at_once,
        paces.slowly,
        in_words(paces.odds())
    )
}

fn not_let_in(measurement: &Measurement) -> bool {
    measurement.met_silence() || measurement.was_turned_away()
}

/// The number of sessions with lost segments that makes a path lossy.
const ENOUGH: usize = 2;
