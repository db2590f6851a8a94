//! Dials silent ports once more where the server began to look only after their last SYN: on a slow way, or
//! beside a busy host, it is asked too late for the first ones.

use std::time::Duration;

use futures_util::future::join_all;
use probe_core::comparison::{Comparison, Variation};
use probe_core::measurement::Measurement;
use probe_core::observation::{FailureKind, Operation};

use super::instances::Witness;
use super::{Campaign, ServerResult, task};
use crate::progress::Progress;

/// Adds a session to each probe of `result` about whose SYNs the server could say nothing. Whether there
/// were any: if so, it has more to say now.
pub(super) async fn dial(
    campaign: &Campaign,
    result: &mut ServerResult,
    progress: &Progress,
) -> bool {
    let looks = |s: &Witness| s.description.sees_half_open;
    if !result.destination.path().is_direct() || !result.witnesses.iter().any(looks) {
        return false;
    }
    let mut context = campaign.context.clone();
    context.options.patience = context.options.patience.min(PATIENCE);
    let (path, host) = (result.destination.path(), &result.destination.host);
    let planned = campaign.config.plan.over(&path, host);
    let sessions: Vec<_> = result
        .probes
        .iter_mut()
        .zip(planned)
        .filter(|(probe, _)| came_too_early(probe))
        .take(MAX_PROBES)
        .map(|(probe, planned)| {
            let task = task::of(campaign, planned, &result.destination);
            let context = &context;
            async move {
                probe.comparisons.push(Comparison {
                    variation: Variation::InNothing,
                    measurement: task.run(context).await,
                });
            }
        })
        .collect();
    if sessions.is_empty() || campaign.context.cancelled.is_cancelled() {
        return false;
    }
    progress.say("dialling once more while the server looks");
    join_all(sessions).await;
    true
}

/// No SYN of it was answered, and the server did not look on yet when the last of them was sent.
fn came_too_early(probe: &Measurement) -> bool {
    let silent = probe.failure().is_some_and(|(operation, failure)| {
        operation == Operation::Connect && failure.kind == FailureKind::TimedOut
    });
    let answer = probe.sighting.as_ref();
    silent && answer.is_some_and(|a| a.sightings.is_empty() && !a.sees_half_open)
}

/// The first SYN and one repetition (RFC 6298 section 2: after a second).
const PATIENCE: Duration = Duration::from_millis(2_500);

/// The first in the order of the plan.
const MAX_PROBES: usize = 12;
