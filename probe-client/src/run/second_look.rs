//! Dials ports once more if the server began to watch only after their last SYN, or if only a few SYNs were sent while
//! it watched, which may all have been lost. On a slow path, or on a busy host, the server is asked too late for the
//! first SYNs to a silent port. Ports that refuse are dialled again if no control session was watching yet.

use futures_util::future::join_all;
use probe_core::measurement::{Measurement, Variation, VariedSession};
use probe_core::run::budget::BUDGET;
use probe_core::run::second_look::{was_lost_too_early, was_refused_too_early};

use super::follow_up::MAX_PROBES;
use super::{Run, ServerRun, task};
use crate::progress::{Progress, named};

/// Adds a session to each probe of `server` about whose SYNs the server could say nothing, unless the run has dialled
/// its port again already. Returns whether there are such probes, with or without a new session: if so, a server that
/// watches can report more now.
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
    let (ports, sessions): (Vec<u16>, Vec<_>) = server
        .result
        .probes
        .iter_mut()
        .zip(planned)
        .filter(|(probe, _)| came_too_early(probe) && probe.variations.is_empty())
        .take(MAX_PROBES)
        .map(|(probe, planned)| {
            let task = task::of(run, planned, &server.destination);
            let context = &context;
            let session = async move {
                probe.variations.push(VariedSession {
                    variation: Variation::InNothing,
                    measurement: task.run(context).await,
                });
            };
            (planned.rule.port.get(), session)
        })
        .unzip();
    if !ports.is_empty() {
        progress.say(named("dialling again while the server watches:", &ports));
    }
    join_all(sessions).await;
    true
}
