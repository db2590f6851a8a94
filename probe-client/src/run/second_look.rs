//! Dials ports once more if the server began to watch only after their last SYN, or watched for too few SYNs to rule
//! out that just those were lost. On a slow path, or on a busy host, the server is asked too late for the first SYNs to
//! a silent port. Ports that refuse are dialled again if no control session was watching yet.

use futures_util::future::join_all;
use probe_core::measurement::{Measurement, Variation, VariedSession};
use probe_core::run::budget::BUDGET;
use probe_core::run::second_look::{was_lost_too_early, was_refused_too_early};

use super::{Run, ServerRun, task};
use crate::progress::Progress;

/// Adds a session to each probe of `server` about whose SYNs the server could say nothing, unless it was dialled again
/// already (slowly). Returns whether there are any of either kind: if so, a server that watches can report more now.
pub(super) async fn dial(
    run: &Run,
    server: &mut ServerRun,
    sees_every_syn: bool,
    progress: &Progress,
) -> bool {
    if !server.destination.path().is_direct() {
        return false;
    }
    let mut context = run.context.clone();
    context.options.idle_timeout = context.options.idle_timeout.min(BUDGET.dialled_again);
    let (path, host) = (server.destination.path(), &server.destination.host);
    let planned = run.config.plan.over(&path, host);
    let came_too_early = |probe: &Measurement| {
        was_lost_too_early(probe) || (sees_every_syn && was_refused_too_early(probe))
    };
    let early = server.result.probes.iter().any(came_too_early);
    if !early || context.cancelled.is_cancelled() {
        return false;
    }
    let sessions: Vec<_> = server
        .result
        .probes
        .iter_mut()
        .zip(planned)
        .filter(|(probe, _)| came_too_early(probe) && probe.variations.is_empty())
        .take(MAX_PROBES)
        .map(|(probe, planned)| {
            let task = task::of(run, planned, &server.destination);
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

/// Maximum number of probes: the first ones in the order of the plan.
const MAX_PROBES: usize = 12;
