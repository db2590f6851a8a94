//! The observations that a session leaves behind: one for each phase that it entered.

use crate::observation::{Failure, FailureKind, Observation, Operation, Origin};
use crate::session::{Fault, Phase, PhaseEntry};

/// Returns one observation per phase.
///
/// Each phase lasted until the next one began, and the last until `end_us`. Only the last can have failed.
pub fn observations(
    phases: &[PhaseEntry],
    target: &str,
    end_us: u64,
    failure: Option<Failure>,
) -> Vec<Observation> {
    let mut timeline: Vec<Observation> = phases
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| {
            let until = phases.get(index + 1).map_or(end_us, |next| next.at_us);
            Some(Observation {
                operation: operation(entry.phase)?,
                target: target.to_owned(),
                start_us: entry.at_us,
                duration_us: until.saturating_sub(entry.at_us),
                failure: None,
            })
        })
        .collect();
    if let Some(last) = timeline.last_mut() {
        last.failure = failure;
    }
    timeline
}

/// Returns the failure that stands for a session's fault in observations.
pub fn failure_of(fault: &Fault) -> Failure {
    let kind = match fault {
        Fault::ForeignBytes(_)
        | Fault::NonceMismatch
        | Fault::PrefaceRefused { .. }
        | Fault::TooLong { .. } => FailureKind::Foreign,
        Fault::BadMac { .. } | Fault::Malformed { .. } => FailureKind::Altered,
        Fault::OtherVersion { .. } | Fault::Refused { .. } => FailureKind::Declined,
        Fault::StageCutShort { .. } => FailureKind::TimedOut,
        Fault::NonceNeverKnown { .. } => FailureKind::Other,
    };
    Failure::new(kind, Origin::Peer)
}

fn operation(phase: Phase) -> Option<Operation> {
    Some(match phase {
        Phase::Preface => Operation::Preface,
        Phase::Tls => Operation::TlsHandshake,
        Phase::InnerPreface => Operation::InnerPreface,
        Phase::AwaitingTestimony => Operation::Testimony,
        Phase::Exchanging => Operation::Exchange,
        Phase::Holding => Operation::Hold,
        Phase::Resuming => Operation::Resume,
        Phase::AwaitingFarewell => Operation::Farewell,
        Phase::Finished => return None,
    })
}
