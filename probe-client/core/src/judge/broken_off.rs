//! Finds out whether the server restarted, or the whole path to it failed, during the run. This explains failures on
//! any port, and says nothing about an individual port.

use super::evidence::Evidence;
use crate::measurement::{FlowEnd, Measurement, Variation, VariedSession};
use crate::observation::{FailureKind, Operation};

/// A failure of the server or of the path, with its time in microseconds since the run's start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BrokenOff {
    /// A process of the server began at this time.
    Restarted { at_us: u64 },
    /// The last answer came at this time; since then, ports that had worked refuse connections.
    Refused { at_us: u64 },
    /// The last answer came at this time; since then nothing answers, not even ports that had worked.
    Silent { at_us: u64 },
}

/// Returns the failure of the server or path that explains the probe's failure. `None` if the server and the path to it
/// stayed as they were.
pub(super) fn of(evidence: &Evidence<'_>) -> Option<BrokenOff> {
    let (_, failure) = evidence.probe.failure()?;
    if !evidence.probe.path.is_direct() {
        return None;
    }
    let silent = failure.kind == FailureKind::TimedOut;
    let ended = matches!(
        failure.kind,
        FailureKind::Refused | FailureKind::Reset | FailureKind::Closed | FailureKind::TlsFailed
    );
    if !silent && !ended {
        return None;
    }
    restarted(evidence).or_else(|| {
        broken(evidence).filter(|broken| match broken {
            BrokenOff::Silent { .. } => silent,
            BrokenOff::Refused { .. } | BrokenOff::Restarted { .. } => ended,
        })
    })
}

/// Returns a restart of the server after the probe began. `None` if fresh sessions failed or side connections were
/// turned away after the restart: another cause is then more likely.
fn restarted(evidence: &Evidence<'_>) -> Option<BrokenOff> {
    let instances = evidence.control?.instances();
    let began = instances.filter_map(|i| u64::try_from(i.began_us?).ok());
    let at_us = began.max()?;
    if began_us(evidence.probe)? >= at_us {
        return None;
    }
    let fresh = fresh(evidence.probe).filter(|m| began_us(m).is_some_and(|began| began > at_us));
    let mut fails = fresh.map(|m| !m.ran_whole());
    let fails = fails.any(|fails| fails) || was_turned_away_since(evidence.probe, at_us);
    (!fails).then_some(BrokenOff::Restarted { at_us })
}

/// Returns whether a side connection to the probe's port that began after `at_us` was turned away.
fn was_turned_away_since(probe: &Measurement, at_us: u64) -> bool {
    let port = probe.port_dialled();
    let mut later = probe.flows.iter();
    later.any(|f| f.port == port && f.start_us > at_us && f.end == FlowEnd::TurnedAway)
}

/// Returns how a port that had worked failed when it was dialled again after the server's last answer. `None` if no
/// such port failed, or if the server was asked for its sightings and answered.
fn broken(evidence: &Evidence<'_>) -> Option<BrokenOff> {
    let asked = evidence.same_server.iter().any(|m| m.sighting.is_some());
    if asked {
        return None;
    }
    let at_us = last_success_us(evidence)?;
    let proven = evidence.same_server.iter().filter(|m| m.ran_whole());
    let again = proven.flat_map(|m| fresh(m));
    let kinds = again
        .filter(|m| began_us(m).is_some_and(|began| began >= at_us))
        .filter_map(|m| m.failure())
        .filter(|(operation, _)| *operation == Operation::Connect)
        .map(|(_, failure)| failure.kind);
    kinds.last().and_then(|kind| {
        if kind == FailureKind::TimedOut {
            Some(BrokenOff::Silent { at_us })
        } else if kind == FailureKind::Refused {
            Some(BrokenOff::Refused { at_us })
        } else {
            None
        }
    })
}

/// Returns when an operation with this server last succeeded.
fn last_success_us(evidence: &Evidence<'_>) -> Option<u64> {
    let beside = |m: &&'_ Measurement| -> Vec<u64> {
        let all = m.variations.iter().map(|c| &c.measurement);
        all.chain([*m]).filter_map(success_us).collect()
    };
    let sessions = evidence.same_server.iter().flat_map(beside);
    let control = evidence.control.map_or(&[][..], |c| &c.observations);
    let calls = control.iter().filter(|o| o.failure.is_none());
    sessions.chain(calls.map(|o| o.end_us())).max()
}

fn success_us(measurement: &Measurement) -> Option<u64> {
    let all = measurement.observations.iter();
    all.filter(|o| o.failure.is_none() && is_of_the_way(o.operation))
        .map(|o| o.end_us())
        .max()
}

fn began_us(measurement: &Measurement) -> Option<u64> {
    let all = measurement.observations.iter();
    all.filter(|o| is_of_the_way(o.operation))
        .map(|o| o.start_us)
        .min()
}

/// Returns whether the operation sends packets to the server and gets answers.
fn is_of_the_way(operation: Operation) -> bool {
    !matches!(
        operation,
        Operation::Resolve | Operation::ProxyResolve | Operation::Hold
    )
}

/// Returns the sessions on the same port that differ only in their time.
fn fresh(measurement: &Measurement) -> impl Iterator<Item = &Measurement> {
    let alike = |c: &&VariedSession| {
        matches!(
            c.variation,
            Variation::InNothing | Variation::InPace { held: 0 }
        )
    };
    let all = measurement.variations.iter().filter(alike);
    all.map(|c| &c.measurement)
}
