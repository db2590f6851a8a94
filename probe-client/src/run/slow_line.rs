//! On a slow line sessions that failed are run again, one at a time and short, until time is up: that many at
//! once were too much for it says nothing about a port, and neither would a comparison.

use std::time::Duration;

use probe_core::comparison::{Variation, VariedSession};
use probe_core::measurement::Measurement;
use probe_core::observation::FailureKind;
use probe_core::session::Stage;

use super::{Run, ServerResult, task};
use crate::progress::Progress;

/// Adds a session to each probe of `result` that slowness may have ended, as long as there is time.
pub(super) async fn run_again(run: &Run, result: &mut ServerResult, progress: &Progress) {
    let mut context = run.context.clone();
    context.longest_session = context.longest_session.min(ALONE);
    let (path, host) = (result.destination.path(), &result.destination.host);
    let planned = run.config.plan.over(&path, host);
    let all = result.probes.iter_mut().zip(planned);
    let mut failed: Vec<_> = all.filter(|(p, _)| may_be_slowness(p)).collect();
    // Those that took a connection are the likelier to work.
    failed.sort_by_key(|(probe, _)| probe.met_silence());
    for (probe, planned) in failed {
        if context.cancelled.is_cancelled() || context.clock.now() >= TIME_IN_ALL {
            return;
        }
        progress.say("running again what was too slow, one at a time");
        let mut task = task::of(run, planned, &result.destination);
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

/// Enough for a port that works; small, and more than two full segments.
const STAGES: [u32; 2] = [1, 4096];

/// For one session.
const ALONE: Duration = Duration::from_secs(12);

/// Since the run's start: with the last session, and a look at the hops to ports that fail, a run ends within a
/// minute.
const TIME_IN_ALL: Duration = Duration::from_secs(38);
