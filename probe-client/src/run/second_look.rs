//! Dials ports once more if the server began to watch only after their last SYN, or watched for too few SYNs to rule
//! out that just those were lost. On a slow path, or on a busy host, the server is asked too late for the first SYNs to
//! a silent port. Ports that refuse are dialled again if no control session was watching yet.

use std::time::Duration;

use futures_util::future::join_all;
use probe_core::comparison::{Variation, VariedSession};
use probe_core::measurement::{Measurement, SightingAnswer};
use probe_core::observation::{FailureKind, Operation};

use super::{Run, ServerResult, task};
use crate::progress::Progress;

/// Adds a session to each probe of `result` about whose SYNs the server could say nothing, unless it was dialled again
/// already (slowly). Returns whether there are any of either kind: if so, a server that watches can tell more now.
pub(super) async fn dial(
    run: &Run,
    result: &mut ServerResult,
    sees_every_syn: bool,
    progress: &Progress,
) -> bool {
    if !result.destination.path().is_direct() {
        return false;
    }
    let mut context = run.context.clone();
    context.options.idle_timeout = context.options.idle_timeout.min(IDLE_TIMEOUT);
    let (path, host) = (result.destination.path(), &result.destination.host);
    let planned = run.config.plan.over(&path, host);
    let came_too_early = |probe: &Measurement| {
        was_lost_too_early(probe) || (sees_every_syn && was_refused_too_early(probe))
    };
    let early = result.probes.iter().any(came_too_early);
    if !early || context.cancelled.is_cancelled() {
        return false;
    }
    let sessions: Vec<_> = result
        .probes
        .iter_mut()
        .zip(planned)
        .filter(|(probe, _)| came_too_early(probe) && probe.variations.is_empty())
        .take(MAX_PROBES)
        .map(|(probe, planned)| {
            let task = task::of(run, planned, &result.destination);
            let context = &context;
            async move {
                probe.variations.push(VariedSession {
                    variation: Variation::InNothing,
                    measurement: task.run(context).await,
                });
            }
        })
        .collect();
    progress.say("dialling once more while the server looks");
    join_all(sessions).await;
    true
}

/// Returns whether no SYN of `probe` was answered, even later, and the server watched for too few of them or for none.
fn was_lost_too_early(probe: &Measurement) -> bool {
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
fn was_refused_too_early(probe: &Measurement) -> bool {
    let answer = probe.sighting.as_ref();
    let refused = probe
        .failure()
        .is_some_and(|(_, failure)| failure.kind == FailureKind::Refused);
    refused && answer.is_some_and(|a| a.sightings.is_empty() && !a.sees_every_syn)
}

/// Time for the first SYN and one repetition (RFC 6298 section 2: after a second).
const IDLE_TIMEOUT: Duration = Duration::from_millis(2_500);

/// Number of SYNs that the server must have watched for. At a loss of one packet in twenty, this number is lost by
/// chance in 1 of 8,000 cases, and a single SYN in 1 of 20.
const ENOUGH: u32 = 3;

/// Maximum number of probes: the first ones in the order of the plan.
const MAX_PROBES: usize = 12;

#[cfg(test)]
mod tests {
    use probe_core::document::RunDocument;
    use probe_core::measurement::AnswersRefused;
    use probe_core::observation::{Failure, Origin};

    use super::*;

    #[test]
    fn one_syn_that_the_server_did_not_see_may_have_been_lost() {
        let document: RunDocument =
            serde_json::from_str(include_str!("../../core/tests/scenarios/demo.json")).unwrap();
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
