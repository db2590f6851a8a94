//! Handles several instances of the server behind one address. A control connection reaches only one of them, and the
//! load balancer decides which. Ports that lead there are therefore dialled again, a limited number of times, until
//! every instance that a session has met can be asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use probe_core::control_record::ControlOutcome;
use probe_core::observation::FailureKind;
use probe_core::run::instances::{lost, ports, ports_from_other_addresses};
use probe_core::run::server_result::WatchingInstance;

use super::control_attempt::Attempt;
use super::control_search::attempt;
use super::{Run, ServerRun};
use crate::control::ControlIdentity;

/// Adds control sessions to `server` until all instances in `wanted` have been met, and keeps any other instance that
/// is met on the way. If `wanted` is empty, this shows whether there is only one instance; `looks` is the number of
/// earlier connections that showed which instance they reached. A control session whose channel was lost is replaced:
/// it is removed, and the new one is added at the end, as are those to new instances. Returns the number of control
/// sessions that were replaced.
pub(super) async fn meet(
    run: &Run,
    server: &mut ServerRun,
    mut wanted: BTreeSet<String>,
    looks: usize,
) -> usize {
    let mut replaced = 0;
    let ControlOutcome::Reached { port, .. } = server.result.control.outcome else {
        return replaced;
    };
    let ports = ports(&server.result, port);
    let destination = Arc::clone(&server.destination);
    let identity = ControlIdentity::of(&run.config.connection, &destination.host);
    let mut dials = if wanted.is_empty() {
        ENOUGH.saturating_sub(looks)
    } else {
        ENOUGH
    };
    for _ in 0..ROUNDS {
        if dials == 0 || run.context.cancelled.is_cancelled() {
            return replaced;
        }
        let dialled = ports.iter().cycle().take(dials);
        let attempts =
            dialled.map(|port| attempt(&destination, *port, &identity, &run.context, run.run_id));
        let mut is_new = false;
        for attempt in join_all(attempts).await {
            let met = note(server, attempt, &mut wanted);
            is_new |= met == AttemptResult::New;
            replaced += usize::from(met == AttemptResult::Again);
        }
        // If there is a second instance, there may be a third.
        if wanted.is_empty() && !is_new {
            return replaced;
        }
        dials = ENOUGH;
    }
    replaced
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AttemptResult {
    /// An instance that was not known.
    New,
    /// A known instance that could not be asked any more, and now can.
    Again,
    /// Nothing that changes which instances can be asked.
    Nothing,
}

/// Records the attempt.
fn note(server: &mut ServerRun, attempt: Attempt, wanted: &mut BTreeSet<String>) -> AttemptResult {
    let control = &mut server.result.control;
    let since_us = attempt.observation.end_us();
    control.observations.push(attempt.observation);
    let port = attempt.port;
    match attempt.result {
        Ok((channel, description)) => {
            wanted.remove(&description.instance);
            let is_known = control
                .instances()
                .any(|other| other.instance == description.instance);
            let lost = lost(&server.result.instances, &description.instance);
            if let Some(lost) = lost {
                server.result.instances.remove(lost);
                server.channels.remove(lost);
            } else if is_known {
                return AttemptResult::Nothing;
            }
            let watching = WatchingInstance {
                description: description.clone(),
                since_us,
                lost: None,
            };
            if !is_known {
                let other = ControlOutcome::Reached { port, description };
                control.others.push(other);
            }
            server.result.instances.push(watching);
            server.channels.push(channel);
            if is_known {
                AttemptResult::Again
            } else {
                AttemptResult::New
            }
        }
        // An instance that declines sessions now may be one that can be asked already.
        Err(failure) if failure.kind == FailureKind::KeyRefused => {
            let other = ControlOutcome::KeyRefused { port };
            if !control.others.contains(&other) {
                control.others.push(other);
            }
            AttemptResult::Nothing
        }
        Err(_) => AttemptResult::Nothing,
    }
}

/// Adds control sessions over which the server sees this host under an address that no present control session has, if
/// a port gives one. The server reports to a client only SYNs from the client's address as the server sees it.
pub(super) async fn from_other_addresses(run: &Run, server: &mut ServerRun) {
    let ports = ports_from_other_addresses(&server.result);
    let destination = Arc::clone(&server.destination);
    let identity = ControlIdentity::of(&run.config.connection, &destination.host);
    let attempts = ports
        .iter()
        .take(OTHER_ADDRESSES)
        .map(|port| attempt(&destination, *port, &identity, &run.context, run.run_id));
    for attempt in join_all(attempts).await {
        keep(server, attempt);
    }
}

/// Records the attempt, and keeps its control session even if its instance can be asked already.
fn keep(server: &mut ServerRun, attempt: Attempt) {
    let since_us = attempt.observation.end_us();
    let control = &mut server.result.control;
    control.observations.push(attempt.observation);
    let Ok((channel, description)) = attempt.result else {
        return;
    };
    let port = attempt.port;
    if !control
        .instances()
        .any(|known| known.instance == description.instance)
    {
        let description = description.clone();
        control
            .others
            .push(ControlOutcome::Reached { port, description });
    }
    server.result.instances.push(WatchingInstance {
        description,
        since_us,
        lost: None,
    });
    server.channels.push(channel);
}

/// Number of connections that are enough to find both of two instances: if each is met with equal chance, a given one
/// is missed once in 250 runs.
pub(super) const ENOUGH: usize = 8;

const ROUNDS: usize = 2;

/// Maximum number of further addresses from which the server is asked.
const OTHER_ADDRESSES: usize = 2;
