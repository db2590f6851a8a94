//! Decides whether a port is dialled once more, because the server began to watch too late for its SYNs, or watched for
//! too few of them.

use crate::measurement::{Measurement, SightingAnswer};
use crate::observation::{FailureKind, Operation};

/// Returns whether no SYN of `probe` or its variations was answered, and the server watched for too few of them or for
/// none.
pub fn was_lost_too_early(probe: &Measurement) -> bool {
    let answer = probe.sighting.as_ref();
    let answered = |m: &Measurement| m.succeeded(Operation::Connect);
    let later = probe.variations.iter().any(|c| answered(&c.measurement));
    let too_few = |a: &SightingAnswer| {
        let counted = a.answers_refused;
        !a.sees_half_open || counted.is_some_and(|counted| counted.own_syns < ENOUGH)
    };
    probe.met_silence() && !later && answer.is_some_and(|a| a.sightings.is_empty() && too_few(a))
}

/// Returns whether `probe` was refused, by any device, before the server's control session began to watch.
pub fn was_refused_too_early(probe: &Measurement) -> bool {
    let answer = probe.sighting.as_ref();
    let refused = probe
        .failure()
        .is_some_and(|(_, failure)| failure.kind == FailureKind::Refused);
    refused && answer.is_some_and(|a| a.sightings.is_empty() && !a.sees_every_syn)
}

/// Number of SYNs that the server must have watched for. At a loss of one packet in twenty, all of them are lost by
/// chance in 1 of 8,000 cases; a single SYN is lost in 1 of 20.
const ENOUGH: u32 = 3;

#[cfg(test)]
mod tests {
    use crate::measurement::AnswersRefused;
    use crate::observation::{Failure, Origin};
    use crate::recorded::Recorded;

    use super::*;

    #[test]
    fn one_syn_that_the_server_did_not_see_may_have_been_lost() {
        let document = Recorded::read(include_str!("../../tests/scenarios/demo.json"));
        let mut probe = document.probes.into_iter().next().unwrap().measurement;
        probe
            .observations
            .retain(|o| o.operation == Operation::Connect);
        probe.observations[0].failure = Some(Failure::new(FailureKind::TimedOut, Origin::Unknown));
        for (own_syns, too_early) in [(1, true), (2, true), (4, false)] {
            probe.sighting = Some(SightingAnswer {
                sightings: Vec::new(),
                unattributed: false,
                unasked: false,
                sees_half_open: true,
                sees_every_syn: false,
                answers_refused: Some(AnswersRefused {
                    counted: 0,
                    own_syns,
                }),
            });
            assert_eq!(was_lost_too_early(&probe), too_early, "{own_syns}");
        }
    }
}
