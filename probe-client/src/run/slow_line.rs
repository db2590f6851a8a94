//! Runs the sessions that failed on a slow line again, one at a time and with less data, until time is up. Their
//! failure shows only that the line could not carry many sessions at the same time: it says nothing about a port, and
//! comparisons would say nothing either.

use probe_core::measurement::{Measurement, Variation, VariedSession};
use probe_core::observation::FailureKind;
use probe_core::run::budget::BUDGET;
use probe_core::session::Stage;

use super::{Run, ServerRun, task};
use crate::progress::Progress;

/// Adds a session to each probe of `server` that may have failed because the line is slow, as long as there is time.
pub(super) async fn run_again(run: &Run, server: &mut ServerRun, progress: &Progress) {
    let mut context = run.context.clone();
    context.longest_session = context.longest_session.min(BUDGET.slow_session);
    let (path, host) = (server.destination.path(), &server.destination.host);
    let planned = run.config.plan.over(&path, host);
    let all = server.result.probes.iter_mut().zip(planned);
    let mut failed: Vec<_> = all.filter(|(p, _)| may_be_slowness(p)).collect();
    // Ports that accepted a connection are more likely to work.
    failed.sort_by_key(|(probe, _)| probe.met_silence());
    for (probe, planned) in failed {
        if context.cancelled.is_cancelled() || context.clock.now() >= BUDGET.slow_run {
            return;
        }
        let port = planned.rule.port;
        progress.say(format!(
            "running sessions again, one at a time: port {port}"
        ));
        let mut task = task::of(run, planned, &server.destination);
        task.parameters.stages = STAGES.map(Stage::both).to_vec();
        task.parameters.hold = None;
        task.silence = None;
        probe.variations.push(VariedSession {
            variation: Variation::InNothing,
            measurement: task.run(&context).await,
        });
    }
}

fn may_be_slowness(probe: &Measurement) -> bool {
    let failure = probe.failure().map(|(_, failure)| failure.kind);
    failure == Some(FailureKind::Slow) || probe.died_in_silence()
}

/// Payload sizes of the two exchanges: small, but more than two full segments, which is enough for a port that works.
const STAGES: [u32; 2] = [1, 4096];
