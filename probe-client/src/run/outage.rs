//! Dials again a port that worked, if other ports failed and the server cannot be asked about them. If that port no
//! longer answers, the server or the whole path to it is gone, and nothing can be learnt about individual ports.

use std::time::Duration;

use futures_util::future::join_all;
use probe_core::measurement::{Variation, VariedSession};
use probe_core::run::budget::BUDGET;
use probe_core::run::outage::{is_in_doubt, shows_that_it_is_gone, works};
use tokio::time::sleep;

use super::{Run, ServerRun, task};
use crate::progress::Progress;

/// Notes which of the `servers` in doubt are gone, by dialling again one port of each that worked.
pub(super) async fn look(run: &Run, servers: &mut [ServerRun], progress: &Progress) {
    let all = servers
        .iter_mut()
        .filter(|server| is_in_doubt(&server.result));
    let looks = all.map(|server| look_at(run, server, progress));
    let all = join_all(looks);
    // The user may end the run first.
    run.context.cancelled.run_until_cancelled(all).await;
}

async fn look_at(run: &Run, server: &mut ServerRun, progress: &Progress) {
    let Some(index) = works(&server.result) else {
        return;
    };
    let (path, host) = (server.destination.path(), &server.destination.host);
    let Some(planned) = run.config.plan.over(&path, host).nth(index) else {
        return;
    };
    let port = planned.rule.port;
    progress.say(format!("dialling again a port that worked: {port}"));
    let mut context = run.context.clone();
    context.options.idle_timeout = context.options.idle_timeout.min(BUDGET.dialled_again);
    // A port that turns one connection away may have a limit that still counts the earlier connections.
    for pause in [Duration::ZERO, BUDGET.quiet] {
        sleep(pause).await;
        let task = task::of(run, planned, &server.destination);
        let measurement = task.run(&context).await;
        server.result.is_gone = shows_that_it_is_gone(&measurement);
        server.result.probes[index].variations.push(VariedSession {
            variation: Variation::InNothing,
            measurement,
        });
        if !server.result.is_gone {
            break;
        }
    }
}
