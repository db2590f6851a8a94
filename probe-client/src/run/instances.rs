//! Handles several instances of the server behind one address. A control connection reaches only one of them, and the
//! load balancer decides which. Ports that lead there are therefore dialled again, a limited number of times, until
//! every instance that a session has met can be asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use probe_core::control_record::ControlOutcome;
use probe_core::measurement::Measurement;
use probe_core::observation::{FailureKind, Operation};

use super::control_search::attempt;
use super::control_session::{Attempt, ControlSession};
use super::{Run, ServerResult};
use crate::control::ControlIdentity;

/// Returns whether the channel to one of `control_sessions` was closed by the other end, or in its name: the instance
/// may have restarted.
pub(super) fn ended(control_sessions: &[ControlSession]) -> bool {
    let mut lost = control_sessions.iter().filter_map(|w| w.lost);
    lost.any(|kind| kind != FailureKind::TimedOut)
}

/// Returns the instances that sessions of `results` have met and that cannot be asked through `control_sessions`.
pub(super) fn unasked<'r>(
    results: impl IntoIterator<Item = &'r ServerResult>,
    control_sessions: &[ControlSession],
) -> BTreeSet<String> {
    let measured = results.into_iter().flat_map(measured);
    let mut met: BTreeSet<String> = measured.flat_map(met_by).collect();
    for control_session in control_sessions {
        met.remove(&control_session.description.instance);
    }
    met
}

/// Returns those of `wanted` that sessions of `result` have met since the newest known instance began. An instance that
/// was met only before that is most likely the one that restarted.
pub(super) fn may_be_there(result: &ServerResult, wanted: BTreeSet<String>) -> BTreeSet<String> {
    let began = result.control_sessions.iter();
    let began = began.filter_map(|w| u64::try_from(w.description.began_us?).ok());
    let Some(began) = began.max() else {
        return wanted;
    };
    let since = measured(result).filter(|m| m.observations.iter().any(|o| o.start_us > began));
    let met: BTreeSet<String> = since.flat_map(met_by).collect();
    wanted.intersection(&met).cloned().collect()
}

/// Returns the index of the result whose control sessions can tell the most about `results[index]`: its own, those of
/// the same address over another path, or those of the same host.
pub(super) fn to_be_asked(results: &[ServerResult], index: usize) -> Option<usize> {
    let own = &results[index];
    let same = |i: &usize| is_same_server(&results[*i], own);
    let can_be_asked = |i: &usize| {
        let result = &results[*i];
        !result.control_sessions.is_empty() && result.control.host == own.control.host
    };
    std::iter::once(index)
        .chain((0..results.len()).filter(same))
        .chain(0..results.len())
        .find(can_be_asked)
}

/// Returns whether both results are certainly of the same server. If only a proxy resolves the name, its address is
/// unknown here, and so the answer is no.
pub(super) fn is_same_server(one: &ServerResult, other: &ServerResult) -> bool {
    one.control.address.is_some() && one.control.address == other.control.address
}

/// Returns `results[index]` and all results for the same address over other paths.
pub(super) fn same_server(
    results: &[ServerResult],
    index: usize,
) -> impl Iterator<Item = &ServerResult> {
    let own = &results[index];
    let all = results.iter().enumerate();
    all.filter(move |(i, r)| *i == index || is_same_server(r, own))
        .map(|(_, result)| result)
}

/// Returns the number of connections of `result` that told which instance they reached.
pub(super) fn looks(result: &ServerResult) -> usize {
    let control = result.control.observations.iter();
    let reached = control.filter(|o| o.operation == Operation::Control && o.failure.is_none());
    measured(result).filter(|m| m.testified()).count() + reached.count()
}

/// Adds control sessions to `result` until all of `wanted` have been met, and any other instance that is met on the
/// way. If `wanted` is empty, this shows that there is only one instance; `looks` is the number of connections that
/// have shown that already.
pub(super) async fn meet(
    run: &Run,
    result: &mut ServerResult,
    mut wanted: BTreeSet<String>,
    looks: usize,
) {
    let ControlOutcome::Reached { port, .. } = result.control.outcome else {
        return;
    };
    let ports = ports(result, port);
    let destination = Arc::clone(&result.destination);
    let identity = ControlIdentity::of(&run.config.connection, &destination.host);
    let mut dials = if wanted.is_empty() {
        ENOUGH.saturating_sub(looks)
    } else {
        ENOUGH
    };
    for _ in 0..ROUNDS {
        if dials == 0 || run.context.cancelled.is_cancelled() {
            return;
        }
        let dialled = ports.iter().cycle().take(dials);
        let attempts =
            dialled.map(|port| attempt(&destination, *port, &identity, &run.context, run.run_id));
        let mut is_new = false;
        for attempt in join_all(attempts).await {
            is_new |= note(result, attempt, &mut wanted);
        }
        // If there is a second instance, there may be a third.
        if wanted.is_empty() && !is_new {
            return;
        }
        dials = ENOUGH;
    }
}

/// Returns `first` and every other port on which an instance was met: not every port need lead to all instances.
fn ports(result: &ServerResult, first: u16) -> Vec<u16> {
    let mut ports = vec![first];
    for measurement in measured(result).filter(|m| m.testified()) {
        let port = measurement.port_dialled();
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// Records the attempt. Returns whether it met a new instance.
fn note(result: &mut ServerResult, attempt: Attempt, wanted: &mut BTreeSet<String>) -> bool {
    let control = &mut result.control;
    let since_us = attempt.observation.end_us();
    control.observations.push(attempt.observation);
    let port = attempt.port;
    match attempt.result {
        Ok((channel, description)) => {
            wanted.remove(&description.instance);
            let is_known = control
                .instances()
                .any(|other| other.instance == description.instance);
            if is_known {
                return false;
            }
            let control_session = ControlSession {
                channel,
                description: description.clone(),
                since_us,
                lost: None,
            };
            let other = ControlOutcome::Reached { port, description };
            control.others.push(other);
            result.control_sessions.push(control_session);
            true
        }
        // An instance that declines sessions now may be one that can be asked already.
        Err(failure) if failure.kind == FailureKind::KeyRefused => {
            let other = ControlOutcome::KeyRefused { port };
            if !control.others.contains(&other) {
                control.others.push(other);
            }
            false
        }
        Err(_) => false,
    }
}

fn measured(result: &ServerResult) -> impl Iterator<Item = &Measurement> {
    let own = result.probes.iter().chain([&result.reference_probe]);
    own.flat_map(|m| {
        let beside = m.variations.iter().map(|c| &c.measurement);
        std::iter::once(m).chain(beside)
    })
}

fn met_by(measurement: &Measurement) -> Vec<String> {
    let Some(session) = &measurement.session else {
        return Vec::new();
    };
    let testified = session.testimony.iter().map(|t| &t.instance);
    let http = session.http.iter().flat_map(|http| &http.instances);
    let all = testified.chain(http).chain(&session.refused_by);
    all.cloned().collect()
}

/// Number of connections that are enough to find both of two instances: if each is met with equal chance, a given one
/// is missed once in 250 runs.
pub(super) const ENOUGH: usize = 8;

const ROUNDS: usize = 2;
