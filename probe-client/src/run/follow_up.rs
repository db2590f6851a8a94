//! Runs variations of sessions that failed, once these have ended. The core decides which; this module runs them, in
//! parallel over ports, and limits their number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use probe_core::comparison::{AT_ONCE, next_reach, next_round};
use probe_core::control_record::ControlOutcome;
use probe_core::measurement::{Measurement, Variation, VariedSession};
use probe_core::plan::PlannedProbe;
use probe_core::run::schedule::MAX_ROUNDS;
use tokio::sync::Semaphore;

use super::{Run, ServerRun, task};
use crate::destination::Destination;
use crate::progress::{Progress, named};

/// Adds variations to the probes of `server` for which they can show something.
pub(super) async fn compare(run: &Run, server: &mut ServerRun, progress: &Progress) {
    // A server that declines all sessions now, or refuses this key, does so in every shape.
    let turned_down = matches!(
        server.result.control.outcome,
        ControlOutcome::KeyRefused { .. } | ControlOutcome::Declined { .. }
    );
    if turned_down {
        return;
    }
    let worth_it: Vec<usize> = (0..server.result.probes.len())
        .filter(|index| !next_round(&server.result.probes[*index]).is_empty())
        .take(MAX_PROBES)
        .collect();
    if worth_it.is_empty() {
        return;
    }
    let ports: Vec<u16> = worth_it
        .iter()
        .map(|index| server.result.probes[*index].rule.port.get())
        .collect();
    progress.say(named("running varied sessions to", &ports));
    // If the server never answered, one port is tried first: if its variations show nothing, those of other ports would
    // not either. Through a proxy that passes nothing, not even one port is tried.
    let known = server.result.probes.iter().any(Measurement::testified)
        || server.result.control.shows_server_alive();
    if !known && !server.destination.path().is_direct() {
        return;
    }
    let first = if known { worth_it.len() } else { 1 };
    let (first, later) = worth_it.split_at(first);
    let follow = FollowUp::new(run, &server.destination);
    follow.probes(first, &mut server.result.probes).await;
    let heard = server
        .result
        .probes
        .iter()
        .flat_map(|p| &p.variations)
        .any(|c| c.measurement.testified());
    if known || heard {
        follow.probes(later, &mut server.result.probes).await;
    }
}

/// Runs the next round of variations of `probe`. `in_flight` limits all variations to the same server together.
pub(super) async fn one_round(
    run: &Run,
    destination: &Arc<Destination>,
    in_flight: Arc<Semaphore>,
    planned: &PlannedProbe,
    probe: &Measurement,
) -> Vec<VariedSession> {
    let follow = FollowUp {
        in_flight,
        ..FollowUp::new(run, destination)
    };
    follow.round(planned, probe).await
}

/// Runs sessions that find the hop at which the sessions of `probe` die, and returns them. The server is `server` hops
/// away.
pub(super) async fn reach(
    run: &Run,
    destination: &Arc<Destination>,
    in_flight: Arc<Semaphore>,
    planned: &PlannedProbe,
    mut probe: Measurement,
    server: u8,
) -> Vec<VariedSession> {
    let follow = FollowUp {
        in_flight,
        ..FollowUp::new(run, destination)
    };
    let before = probe.variations.len();
    follow.halve(planned, &mut probe, server).await;
    probe.variations.split_off(before)
}

/// Returns the semaphore that limits the number of simultaneous follow-up sessions to one server address.
pub(super) fn at_the_same_time() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_IN_FLIGHT))
}

/// Finds the hop at which sessions of `server` died, if they died when they sent their first bytes.
pub(super) async fn find_reach(run: &Run, server: &mut ServerRun, progress: &Progress) {
    if !server.destination.path().is_direct() || server.result.is_gone {
        return;
    }
    let all = server
        .result
        .probes
        .iter()
        .chain([&server.result.reference_probe]);
    let known: Vec<u8> = all.filter_map(Measurement::server_distance).collect();
    let surveys = server
        .result
        .probes
        .iter()
        .filter_map(|p| p.survey.as_ref());
    let distances: BTreeMap<u16, u8> = surveys
        .filter_map(|s| Some((s.port, s.exact_server_distance(&known)?)))
        .collect();
    let wanted = |probe: &Measurement| {
        let server = *distances.get(&probe.port_dialled())?;
        next_reach(probe, server).map(|_| server)
    };
    let plan = &run.config.plan;
    let (path, host) = (server.destination.path(), &server.destination.host);
    let follow = FollowUp::new(run, &server.destination);
    let (ports, halving): (Vec<u16>, Vec<_>) = server
        .result
        .probes
        .iter_mut()
        .zip(plan.over(&path, host))
        .filter_map(|(probe, planned)| Some((wanted(probe)?, probe, planned)))
        .take(MAX_PROBES)
        .map(|(server, probe, planned)| {
            let port = planned.rule.port.get();
            (port, follow.halve(planned, probe, server))
        })
        .unzip();
    if !halving.is_empty() {
        progress.say(named("looking for the hop that stops sessions to", &ports));
        join_all(halving).await;
    }
}

/// State that all follow-up sessions to one server address share.
struct FollowUp<'a> {
    run: &'a Run,
    destination: Arc<Destination>,
    in_flight: Arc<Semaphore>,
}

impl<'a> FollowUp<'a> {
    fn new(run: &'a Run, destination: &Arc<Destination>) -> Self {
        Self {
            run,
            destination: Arc::clone(destination),
            in_flight: at_the_same_time(),
        }
    }

    /// Runs the rounds of the probes with these indices, all in parallel.
    async fn probes(&self, indices: &[usize], probes: &mut [Measurement]) {
        let chosen: BTreeSet<usize> = indices.iter().copied().collect();
        let plan = &self.run.config.plan;
        let (path, host) = (self.destination.path(), &self.destination.host);
        let all = probes
            .iter_mut()
            .zip(plan.over(&path, host))
            .enumerate()
            .filter(|(index, _)| chosen.contains(index))
            .map(|(_, (probe, planned))| self.rounds(planned, probe));
        join_all(all).await;
    }

    async fn rounds(&self, planned: &PlannedProbe, probe: &mut Measurement) {
        for _ in 0..MAX_ROUNDS {
            let sessions = self.round(planned, probe).await;
            if sessions.is_empty() {
                return;
            }
            probe.variations.extend(sessions);
        }
    }

    /// Runs the next round of `probe`; returns no session if none can show anything more.
    async fn round(&self, planned: &PlannedProbe, probe: &Measurement) -> Vec<VariedSession> {
        if self.run.context.cancelled.is_cancelled() {
            return Vec::new();
        }
        let mute = !probe.testified();
        let sessions = next_round(probe)
            .into_iter()
            .map(|variation| self.compared(planned, variation, mute));
        join_all(sessions).await
    }

    /// Runs sessions with ever closer hop limits, until the device is known to sit between two neighbouring hops.
    async fn halve(&self, planned: &PlannedProbe, probe: &mut Measurement, server: u8) {
        while let Some(hops) = next_reach(probe, server) {
            if self.run.context.cancelled.is_cancelled() {
                return;
            }
            let variation = Variation::InReach { hops };
            let sessions = (0..AT_ONCE).map(|_| self.compared(planned, variation, true));
            probe.variations.extend(join_all(sessions).await);
        }
    }

    async fn compared(
        &self,
        planned: &PlannedProbe,
        variation: Variation,
        mute: bool,
    ) -> VariedSession {
        VariedSession {
            variation,
            measurement: self.session(planned, variation, mute).await,
        }
    }

    /// Runs one session. If the server never testified on this port (`mute`), another shape or name has little to show,
    /// so that fewer stages are enough.
    async fn session(
        &self,
        planned: &PlannedProbe,
        variation: Variation,
        mute: bool,
    ) -> Measurement {
        let _turn = self.in_flight.acquire().await;
        let planned = PlannedProbe {
            session: variation.kind(planned.session),
            silence: None,
            ..planned.clone()
        };
        let run = self.run;
        let mut task = task::of(run, &planned, &self.destination);
        let other = matches!(
            variation,
            Variation::InShape { .. } | Variation::InServerName { .. }
        );
        if mute && other {
            task.parameters.stages.truncate(STAGES_OF_OTHERS);
        }
        task.run(&run.context.varied(variation)).await
    }
}

/// Maximum number of probes of one server address that are followed up or dialled again: the first ones in the order of
/// the plan.
pub(super) const MAX_PROBES: usize = 12;

/// Maximum number of follow-up sessions to one server address at the same time: enough for one whole round of a port,
/// and far from a flood.
const MAX_IN_FLIGHT: usize = 30;

/// Number of stages in a session of another shape or name, if the server never testified on this port: one byte and one
/// segment, which is more than arrived in the session that it is compared with.
const STAGES_OF_OTHERS: usize = 2;
