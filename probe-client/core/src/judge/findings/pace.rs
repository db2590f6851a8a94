//! `syn-rate-limit` and `connection-limit`: SYNs that were lost or turned away when many came at once were
//! accepted at a slow pace. With other connections held open meanwhile, the one is told from the other.

use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::comparison::Variation;
use crate::measurement::Measurement;
use crate::verdict::Finding;

/// The rate: many at once are lost, and as many open ones are no hindrance.
pub(super) fn rate(evidence: &Evidence<'_>) -> Option<Finding> {
    let (alone, held) = slow(evidence)?;
    let free = held.iter().all(|(_, m)| at_once(m));
    (free && held.iter().any(|(count, _)| *count > 0)).then(|| {
        Finding::new(
            FindingId::SynRateLimit,
            "new connections are lost or refused when several are opened at once, and pass one at a time",
        )
        .with_detail(format!(
            "{alone} sessions more than a second apart were answered at the first SYN"
        ))
    })
}

/// The number: one more than are open is not let in, and is once they are closed.
pub(super) fn number(evidence: &Evidence<'_>) -> Option<Finding> {
    let (_, held) = slow(evidence)?;
    let (most, _) = held.iter().find(|(count, m)| *count > 0 && not_let_in(m))?;
    Some(
        Finding::new(
            FindingId::ConnectionLimit,
            "only so many connections are let through at once",
        )
        .with_detail(format!(
            "at most {most} were seen open together; earlier ones may still have counted"
        )),
    )
}

/// How many sessions alone were answered at the first SYN, and the sessions beside held connections;
/// absent where this probe lost no SYN, or the pace made no difference.
fn slow<'a>(evidence: &Evidence<'a>) -> Option<(usize, Vec<(u8, &'a Measurement)>)> {
    let lost = not_let_in(evidence.probe) || evidence.probe.syns_sent_again() > 0;
    // On a way that loses segments of every kind, SYNs are lost at any pace.
    let lossy = evidence.same_server.iter().filter(|m| m.loses_segments());
    if lossy.count() >= ENOUGH {
        return None;
    }
    let paced = evidence.same_server.iter().flat_map(|m| &m.comparisons);
    let paced: Vec<(u8, &Measurement)> = paced
        .filter_map(|c| match c.variation {
            Variation::InPace { held } => Some((held, &c.measurement)),
            Variation::InNothing
            | Variation::InSilence
            | Variation::InShape { .. }
            | Variation::InServerName { .. }
            | Variation::InSegmentSize { .. }
            | Variation::InHelloSize
            | Variation::InHelloAge
            | Variation::InReach { .. } => None,
        })
        .collect();
    let (alone, held): (Vec<_>, Vec<_>) = paced.into_iter().partition(|(held, _)| *held == 0);
    let answered = alone.iter().filter(|(_, m)| at_once(m)).count();
    (lost && answered >= ENOUGH && answered == alone.len()).then_some((answered, held))
}

/// Whole, and its first SYN was answered.
fn at_once(measurement: &Measurement) -> bool {
    measurement.ran_whole() && measurement.syns_sent_again() == 0
}

fn not_let_in(measurement: &Measurement) -> bool {
    measurement.met_silence() || measurement.was_turned_away()
}

/// Sessions alone: one may have been answered by chance.
const ENOUGH: usize = 2;
