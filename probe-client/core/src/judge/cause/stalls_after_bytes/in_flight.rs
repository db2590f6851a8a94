//! Finds a number of bytes at which sessions go silent although different numbers of their bytes arrived. A device that
//! counts bytes before it holds them back, or that drops a whole burst, stops all bytes that were sent together. So
//! each session shows a range: from the bytes that arrived to those that had been sent.

use super::super::super::compared::{Tally, variations};
use super::super::super::ending::{Ending, ending};
use super::super::super::evidence::Evidence;
use super::super::super::loss_point::{self, LossPoint, Way};
use super::{Stall, share};

use crate::measurement::{Measurement, Variation};
use crate::odds::{THRESHOLD, in_words, of_falling_together};
use crate::session::StageReport;

/// Returns the bytes that the ranges of all sessions have in common, for any shape and any size of their segments.
pub(super) fn common(evidence: &Evidence<'_>, small: Variation) -> Option<Stall> {
    let alike = alike(evidence);
    let passes = |variation: &Variation| Tally::of(evidence, *variation).whole > 0;
    if alike.iter().any(passes) {
        return None;
    }
    let others = alike.iter().flat_map(|v| evidence.probe.compared(*v));
    let all: Vec<&Measurement> = others.chain([evidence.probe]).collect();
    let way = loss_point::of(evidence.probe).way?;
    let ranges: Vec<(u64, u64)> = all
        .iter()
        .map(|m| range(m, way))
        .collect::<Option<Vec<_>>>()?;
    // If no session with full-size segments completed a stage, or none with small ones did, another fault may be the
    // cause: a device that ends sessions at a step of the dialogue, or one that drops only full-size segments.
    let full = all.iter().filter(|m| !is_of(evidence, small, m));
    if !full.clone().any(|m| begun(m)) || !evidence.probe.compared(small).any(begun) {
        return None;
    }
    let least = ranges.iter().map(|(arrived, _)| *arrived).max()?;
    let most = ranges.iter().map(|(_, sent)| *sent).min()?;
    let widest = ranges.iter().map(|(arrived, sent)| sent - arrived).max()?;
    let odds = of_falling_together(ranges.len(), share(widest, evidence.probe));
    (least < most && odds < THRESHOLD).then(|| Stall {
        way,
        after: format!("{least} to {most} bytes"),
        facts: [
            "the server proved itself on each of these connections, and stages of the exchange \
             were confirmed on some, with small segments and with full-size ones"
                .to_owned(),
            format!(
                "{} sessions of every shape went silent within that range of bytes sent, though \
                 not all of these arrived; the odds that this many sessions, dying at random, have \
                 that in common are {}",
                ranges.len(),
                in_words(odds)
            ),
        ],
    })
}

/// Returns the variations whose sessions carry the same exchange.
fn alike(evidence: &Evidence<'_>) -> Vec<Variation> {
    let mut all = variations(evidence.probe);
    all.retain(|variation| {
        matches!(
            variation,
            Variation::InNothing
                | Variation::InSegmentSize { .. }
                | Variation::InShape { .. }
                | Variation::InServerName { .. }
        )
    });
    all
}

fn is_of(evidence: &Evidence<'_>, variation: Variation, measurement: &Measurement) -> bool {
    let mut all = evidence.probe.compared(variation);
    all.any(|m| std::ptr::eq(m, measurement))
}

fn begun(measurement: &Measurement) -> bool {
    let session = measurement.session.as_ref();
    session.is_some_and(|s| s.stages.iter().any(StageReport::is_whole))
}

/// Returns the bytes between which a verified session went silent in the direction `way`: those that arrived, and those
/// that had been sent.
fn range(measurement: &Measurement, way: Way) -> Option<(u64, u64)> {
    let Ending::Testified(..) = ending(measurement) else {
        return None;
    };
    let point = loss_point::of(measurement);
    let LossPoint {
        passed: Some(arrived),
        in_flight: Some(in_flight),
        ..
    } = point
    else {
        return None;
    };
    let same = point.way == Some(way) && measurement.died_in_silence();
    same.then_some((arrived, arrived + in_flight))
}
