//! Several instances of the server behind one address: a control connection speaks for one of them, and
//! whatever spreads connections decides for which. So ports that lead there are dialled again, so many times
//! at most, until each instance that a session has met can be asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use probe_core::control_record::ControlOutcome;
use probe_core::measurement::Measurement;
use probe_core::observation::{FailureKind, Operation};

use super::control_search::attempt;
use super::control_session::{Attempt, ControlSession};
use super::{Run, ServerResult, testified};
use crate::control::ControlIdentity;

/// The channel to one of `control_sessions` was ended by the other end or in its name: it may have restarted.
pub(super) fn ended(control_sessions: &[ControlSession]) -> bool {
    let mut lost = control_sessions.iter().filter_map(|w| w.lost);
    lost.any(|kind| kind != FailureKind::TimedOut)
}

/// Those that sessions of `results` have met, without those that can be asked as `control_sessions`.
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

/// Those of `wanted` that sessions of `result` have met since the last instance that is known began: one that was met
/// before alone is most likely what restarted.
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

/// Whose control sessions can tell the most about `results[index]`: its own, those of the same address over another path,
/// or those of the same host.
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

/// Beyond doubt: what a name stands for at a proxy, nobody knows here.
pub(super) fn is_same_server(one: &ServerResult, other: &ServerResult) -> bool {
    one.control.address.is_some() && one.control.address == other.control.address
}

/// `results[index]`, and what is of the same address over other paths.
pub(super) fn same_server(
    results: &[ServerResult],
    index: usize,
) -> impl Iterator<Item = &ServerResult> {
    let own = &results[index];
    let all = results.iter().enumerate();
    all.filter(move |(i, r)| *i == index || is_same_server(r, own))
        .map(|(_, result)| result)
}

/// Connections of `result` that told whose they are.
pub(super) fn looks(result: &ServerResult) -> usize {
    let control = result.control.observations.iter();
    let reached = control.filter(|o| o.operation == Operation::Control && o.failure.is_none());
    measured(result).filter(|m| testified(m)).count() + reached.count()
}

/// Adds to the control sessions of `result`: all of `wanted`, if they are met, and whoever else is met on the way.
/// Where none is wanted this shows that there is but one, unless enough connections have already,
/// which are `looks`.
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
        // Where there is a second, there may be a third.
        if wanted.is_empty() && !is_new {
            return;
        }
        dials = ENOUGH;
    }
}

/// `first`, and every other port on which an instance was met: not all need lead to all of them.
fn ports(result: &ServerResult, first: u16) -> Vec<u16> {
    let mut ports = vec![first];
    for measurement in measured(result).filter(|m| testified(m)) {
        let port = measurement.port_dialled();
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// Whether it was an instance that had not been met.
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
        // One that takes nobody now may be one of those that are asked already.
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

/// Where each of two instances is met by chance, one of them is missed by so many connections once in
/// 250 runs.
pub(super) const ENOUGH: usize = 8;

const ROUNDS: usize = 2;
