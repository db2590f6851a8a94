//! A port that refused the probe, and what other SYNs to it say.

use super::instances::{DIALLED, record, refused, with};
use super::judge;
use crate::catalogue::VerdictId;
use crate::survey::{HopAnswer, HopTry, Survey};
use crate::verdict::{Segment, Verdict};

#[test]
fn a_port_that_accepts_other_syns_is_not_called_closed() {
    let refused_each_time = verdict(&[HopAnswer::Reset, HopAnswer::Reset]);
    assert_eq!(refused_each_time.id, VerdictId::Rejected);
    let found = verdict(&[HopAnswer::Reset, HopAnswer::SynAck]);
    assert_eq!(found.id, VerdictId::Inconclusive);
    assert!(found.claim.contains("were accepted"), "{}", found.claim);
}

#[test]
fn a_reset_of_unknown_origin_is_blamed_on_nobody() {
    let found = verdict(&[]);
    assert_eq!(
        (found.id, &found.segment),
        (VerdictId::Rejected, &Segment::Unknown),
        "{}",
        found.claim
    );
}

/// Of a port on which the server says that it listens.
fn verdict(answers: &[HopAnswer]) -> Verdict {
    let mut probe = refused();
    let tries = answers.iter().zip(40_000..);
    let tries = tries.map(|(answer, source_port)| HopTry {
        port: DIALLED,
        source_port,
        hop_limit: 64,
        start_us: 0,
        duration_us: 1_000,
        answer: *answer,
    });
    probe.survey = Some(Survey {
        tries: tries.collect(),
        ..Survey::new(DIALLED)
    });
    let record = record("a", &[DIALLED], Vec::new());
    judge(&with(&probe, &record))
}
