//! `stalls-after-bytes`: a session that began well goes silent after the same number of bytes each time, at every
//! segment size.

use super::super::compared::{Tally, facts, variations};
use super::super::ending::{Ending, ending};
use super::super::evidence::Evidence;
use super::super::loss_point::{self, LossPoint, Way};
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::measurement::{Measurement, Variation};
use crate::odds::{THRESHOLD, in_words, of_falling_together, ratio};
use crate::session::StageReport;
use crate::verdict::{Confidence, Segment, Verdict};
use crate::words::counted;

mod in_flight;

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let again = Variation::InNothing;
    let small = |v: &Variation| matches!(v, Variation::InSegmentSize { .. });
    let small = variations(evidence.probe).into_iter().find(small)?;
    let failed = Tally::of(evidence, again).fails_again() && Tally::of(evidence, small).whole == 0;
    if !failed {
        return None;
    }
    let stall = at_one_place(evidence, small).or_else(|| in_flight::common(evidence, small))?;
    Some(told(evidence, stall))
}

/// The place at which sessions went silent.
struct Stall {
    way: Way,
    /// The number of bytes in words.
    after: String,
    /// The facts that show the place.
    facts: [String; 2],
}

/// Returns where the sessions went silent, if about the same number of bytes had arrived in each of them.
fn at_one_place(evidence: &Evidence<'_>, small: Variation) -> Option<Stall> {
    let (way, own) = stalled(evidence.probe)?;
    let places = places(evidence, way, small)?;
    let sessions = places.len() + 1;
    let (least, most) = places.iter().fold((own, own), |(least, most), passed| {
        (least.min(*passed), most.max(*passed))
    });
    let spread = loss_point::ON_ITS_WAY.max(most / 10);
    if most - least > spread {
        return None;
    }
    let odds = of_falling_together(sessions, share(spread, evidence.probe));
    let after = if least == most {
        counted(most, "byte")
    } else {
        format!("{least} to {most} bytes")
    };
    (odds < THRESHOLD).then(|| Stall {
        way,
        after,
        facts: [
            "the server proved itself on this very connection, and stages of the exchange were \
             confirmed"
                .to_owned(),
            format!(
                "{sessions} sessions went silent there; the odds that this many sessions, dying at \
                 random, do so at one place are {}",
                in_words(odds)
            ),
        ],
    })
}

fn told(evidence: &Evidence<'_>, stall: Stall) -> Verdict {
    let target = evidence.target();
    let (way, after) = (stall.way.describe(), stall.after);
    let mut verdict = Verdict::new(
        VerdictId::StallsAfterBytes,
        Segment::PATH,
        Confidence::High,
        format!(
            "sessions with {target} begin well and go silent after {after} {way}, whatever the \
             size of their segments"
        ),
    )
    .next(format!(
        "ask the teams that run inspection, proxies and traffic shaping on the way which rule or \
         limit ends {} after {after} {way}, and to exempt it; quote the number (TCP payload: a \
         device that counts headers, or packets sent again, shows more), the direction and the \
         time; if none of them does it, look at security software on this host and on the \
         server's",
        evidence.flow()
    ))
    .unless(Alternative::SoftwareOnAHost);
    verdict.evidence.extend(stall.facts);
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    verdict.evidence.extend(evidence.others_work());
    verdict
}

/// Returns after how many bytes each of the other sessions went silent. `None` if one of them did not go silent, or
/// only in the other direction.
fn places(evidence: &Evidence<'_>, way: Way, small: Variation) -> Option<Vec<u64>> {
    let others = evidence.probe.compared(Variation::InNothing);
    others
        .chain(evidence.probe.compared(small))
        .map(|m| {
            stalled(m)
                .filter(|(other, _)| *other == way)
                .map(|(_, passed)| passed)
        })
        .collect()
}

/// Returns `bytes` as a share of a whole session's payload in one direction.
fn share(bytes: u64, probe: &Measurement) -> f64 {
    let stages = probe.session.as_ref().map_or(&[][..], |s| &s.stages);
    let whole: u64 = stages.iter().map(|s| u64::from(s.up.asked)).sum();
    ratio(bytes, whole)
}

/// Returns the direction in which a session that had begun well went silent, and how many bytes had passed in it.
fn stalled(measurement: &Measurement) -> Option<(Way, u64)> {
    let Ending::Testified(..) = ending(measurement) else {
        return None;
    };
    let stages = &measurement.session.as_ref()?.stages;
    let begun = stages.iter().any(StageReport::is_whole);
    let silent = measurement.died_in_silence();
    let LossPoint { way, passed, .. } = loss_point::of(measurement);
    (begun && silent).then_some((way?, passed?))
}
