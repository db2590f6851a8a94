//! Dials ports again, one at a time after a quiet pause, if SYNs to them were lost or turned away while many were sent
//! together. It then dials once more with other connections held open, which distinguishes a limit on the rate from one
//! on the number of connections.
//!
//! There are never more than [`MAX_ALONE`] sessions and [`MAX_HELD`](probe_core::comparison::MAX_HELD) connections per
//! server address, with one SYN per [`Budget::spacing`](probe_core::run::budget::Budget::spacing).

use std::sync::Arc;

use probe_core::comparison::{Paces, lost_syns, to_hold};
use probe_core::control_record::ControlRecord;
use probe_core::flow::side_connections_are_lost;
use probe_core::measurement::{Measurement, Variation, VariedSession};
use probe_core::odds::THRESHOLD;
use probe_core::run::budget::BUDGET;
use probe_core::run::schedule::ENOUGH_SLOW_FAILURES;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Run, ServerRun, flows, task};
use crate::connect::connect;
use crate::context::RunContext;
use crate::destination::Destination;
use crate::progress::{Progress, named};

/// Adds sessions at a slow pace to the probes of `server` that lost SYNs.
pub(super) async fn compare(run: &Run, server: &mut ServerRun, progress: &Progress) {
    let mut candidates = lost_syns(&server.result.probes, &server.result.reference_probe);
    // If the server does not listen on a port, its host refuses at any pace.
    candidates.retain(|index| {
        !refused_by_the_host(&server.result.probes[*index], &server.result.control)
    });
    let Some(&first) = candidates.first() else {
        return;
    };
    let ports: Vec<u16> = candidates
        .iter()
        .take(MAX_ALONE)
        .map(|index| server.result.probes[*index].rule.port.get())
        .collect();
    progress.say(named("dialling again at a slow pace:", &ports));
    let mut context = run.context.clone();
    context.options.idle_timeout = context.options.idle_timeout.min(BUDGET.dialled_again);
    let slowly = SlowDialling {
        run,
        destination: Arc::clone(&server.destination),
        context,
    };
    // Only the user may cut this short.
    tokio::select! {
        () = slowly.all(&candidates, first, server) => {}
        () = run.context.cancelled.cancelled() => {}
    }
}

/// Returns whether the port turned the probe away and the server itself says that it does not listen there.
fn refused_by_the_host(probe: &Measurement, control: &ControlRecord) -> bool {
    let mut instances = control.instances();
    probe.was_turned_away() && instances.any(|instance| instance.awaits(probe, &[]) == Some(false))
}

struct SlowDialling<'a> {
    run: &'a Run,
    destination: Arc<Destination>,
    context: RunContext,
}

impl SlowDialling<'_> {
    async fn all(&self, candidates: &[usize], first: usize, server: &mut ServerRun) {
        let mut pause = BUDGET.quiet;
        // If ports that work lose SYNs too, one port's silence says nothing about the next.
        let give_up = if side_connections_are_lost(server.result.measured()) {
            MAX_ALONE
        } else {
            ENOUGH_SLOW_FAILURES
        };
        let (mut lost, mut turned_away) = (0, 0);
        for &index in candidates.iter().take(MAX_ALONE) {
            let failures = if server.result.probes[index].was_turned_away() {
                &mut turned_away
            } else {
                &mut lost
            };
            // If SYNs are lost or turned away at a slow pace too, the pace is not the cause.
            if *failures == give_up {
                continue;
            }
            sleep(std::mem::replace(&mut pause, BUDGET.spacing)).await;
            if !self.session(index, 0, server).await {
                *failures += 1;
            }
        }
        if lost > 0 {
            sleep(BUDGET.spacing).await;
            self.control(server).await;
        }
        if lost + turned_away > 0 {
            return;
        }
        sleep(BUDGET.spacing).await;
        let held = self.hold(server).await;
        let count = u8::try_from(held.len()).unwrap_or(u8::MAX);
        self.session(first, count, server).await;
        drop(held);
        sleep(BUDGET.quiet).await;
        self.session(first, 0, server).await;
        self.side_connections(first, server).await;
    }

    /// Opens many side connections at the same time to the port of probe `first`, and then one at a time, until the
    /// odds that the difference is chance are low enough to distinguish a limit from loss.
    async fn side_connections(&self, first: usize, server: &mut ServerRun) {
        let probe = &mut server.result.probes[first];
        flows::at_once(self.run, probe, AT_ONCE).await;
        sleep(BUDGET.quiet).await;
        for _ in 0..MAX_SLOWLY {
            let paces = Paces::of(probe);
            let lost = paces.at_once.failed > 0 && paces.slowly.all_passed();
            if !lost || paces.odds() < THRESHOLD {
                return;
            }
            flows::fresh(self.run, probe).await;
        }
    }

    /// Dials again a port that worked. If that port is now silent too, silence says nothing about an individual port.
    /// Limits count everything opened before, hop-limited SYNs included.
    async fn control(&self, server: &mut ServerRun) {
        if let Some(works) = server.result.probes.iter().position(Measurement::ran_whole) {
            self.session(works, 0, server).await;
        }
    }

    /// Runs one session of the probe `index`, and returns whether it ran whole.
    async fn session(&self, index: usize, held: u8, server: &mut ServerRun) -> bool {
        let variation = Variation::InPace { held };
        let (path, host) = (self.destination.path(), &self.destination.host);
        let plan = &self.run.config.plan;
        let Some(planned) = plan.over(&path, host).nth(index) else {
            return false;
        };
        let task = task::of(self.run, planned, &self.destination);
        let measurement = task.run(&self.context).await;
        let whole = measurement.ran_whole();
        server.result.probes[index].variations.push(VariedSession {
            variation,
            measurement,
        });
        whole
    }

    /// Opens connections one after another until one is not answered.
    async fn hold(&self, server: &ServerRun) -> Vec<TcpStream> {
        let mut held = Vec::new();
        for address in to_hold(server.result.probes.iter()) {
            let Ok(connection) = connect(address, &self.context.options).await else {
                break;
            };
            held.push(connection.stream);
            sleep(BUDGET.spacing).await;
        }
        held
    }
}

const MAX_ALONE: usize = 12;

/// Number of side connections in one burst: a limit that lost some of the first sessions would lose some of these too.
const AT_ONCE: usize = 8;

/// Maximum number of side connections that are opened one at a time.
const MAX_SLOWLY: usize = 4;
