//! Dials a port that worked once more if other ports failed and the server cannot be asked about them. If that port no
//! longer answers, the server or the whole path to it is gone, and nothing can be learnt about single ports.

use std::time::Duration;

use futures_util::future::join_all;
use probe_core::comparison::{Variation, VariedSession};
use probe_core::measurement::Measurement;
use probe_core::observation::{FailureKind, Operation};
use tokio::time::sleep;

use super::{Run, ServerResult, task};
use crate::progress::Progress;

/// Adds this session to one probe of each of `results` that calls for it, and notes which servers are gone.
pub(super) async fn look(run: &Run, results: &mut [ServerResult], progress: &Progress) {
    let all = results.iter_mut().filter(|result| is_in_doubt(result));
    let looks = all.map(|result| look_at(run, result, progress));
    let all = join_all(looks);
    // The user may end the run first.
    run.context.cancelled.run_until_cancelled(all).await;
}

async fn look_at(run: &Run, result: &mut ServerResult, progress: &Progress) {
    let Some(index) = works(result) else {
        return;
    };
    let (path, host) = (result.destination.path(), &result.destination.host);
    let Some(planned) = run.config.plan.over(&path, host).nth(index) else {
        return;
    };
    progress.say("dialling a port once more that worked");
    let mut context = run.context.clone();
    context.options.idle_timeout = context.options.idle_timeout.min(IDLE_TIMEOUT);
    // A port that turns one connection away may have a limit that still counts the earlier connections.
    for pause in [Duration::ZERO, QUIET] {
        sleep(pause).await;
        let task = task::of(run, planned, &result.destination);
        let measurement = task.run(&context).await;
        result.is_gone = measurement.failure().is_some_and(|(operation, failure)| {
            let gone = matches!(failure.kind, FailureKind::TimedOut | FailureKind::Refused);
            operation == Operation::Connect && gone
        });
        result.probes[index].variations.push(VariedSession {
            variation: Variation::InNothing,
            measurement,
        });
        if !result.is_gone {
            break;
        }
    }
}

/// Returns whether a probe failed in a way that the server could have told about, but did not.
fn is_in_doubt(result: &ServerResult) -> bool {
    let failed = |m: &&Measurement| {
        m.failure().is_some_and(|(_, failure)| {
            matches!(
                failure.kind,
                FailureKind::TimedOut
                    | FailureKind::Refused
                    | FailureKind::Reset
                    | FailureKind::Closed
            )
        })
    };
    let mut all = result.probes.iter().chain([&result.reference_probe]);
    result.destination.path().is_direct()
        && result.probes.iter().any(|m| failed(&m))
        && all.all(|m| m.sighting.is_none())
}

/// Returns the index of a probe that ran whole, preferably without retransmissions: variations of a probe with some are
/// counted.
fn works(result: &ServerResult) -> Option<usize> {
    let whole = |m: &Measurement| m.is_complete() && m.ran_whole();
    let clean = |m: &Measurement| whole(m) && m.segments_sent_again() == 0;
    let all = &result.probes;
    all.iter()
        .position(clean)
        .or_else(|| all.iter().position(whole))
}

/// Pause that is long enough for a limit of one SYN per second to recover from what came before.
const QUIET: Duration = Duration::from_millis(1_500);

/// Time for the first SYN and one repetition (RFC 6298 section 2: after a second).
const IDLE_TIMEOUT: Duration = Duration::from_millis(2_500);
