//! Sums up the variations of a probe, variation by variation.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::judge;
use crate::catalogue::VerdictId;
use crate::measurement::{Measurement, SentName, Variation};
use crate::odds::{THRESHOLD, Trials, by_chance, in_words};
use crate::session_kind::SessionKind;

/// The results of the sessions of one variation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Tally {
    pub(super) ran: usize,
    /// The number of sessions that were found reachable, each judged as if it were a probe.
    pub(super) whole: usize,
}

impl Tally {
    pub(super) fn of(evidence: &Evidence<'_>, variation: Variation) -> Self {
        let probe = evidence.probe;
        let count = || count(evidence, variation);
        let (ran, whole) = evidence.same_server.tally(probe, variation, count);
        Self { ran, whole }
    }

    /// Returns how many sessions were not found reachable.
    pub(super) fn failed(self) -> Trials {
        Trials {
            failed: self.ran - self.whole,
            all: self.ran,
        }
    }

    /// Returns whether at least two sessions ran and all of them passed, which is not chance.
    pub(super) fn passes(self) -> bool {
        self.whole >= 2 && self.whole == self.ran
    }

    /// Returns whether at least two sessions ran and all of them failed. The probe's own session had failed before, so
    /// this is not chance.
    pub(super) fn fails_again(self) -> bool {
        self.whole == 0 && self.ran >= 2
    }

    /// Returns whether some sessions passed and others failed.
    pub(super) fn is_mixed(self) -> bool {
        (1..self.ran).contains(&self.whole)
    }
}

/// Two groups of sessions that differ in one respect: one group fails, the other passes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Parted {
    pub(super) failed: Trials,
    pub(super) passed: Trials,
}

impl Parted {
    /// Compares the probe's own session and sessions like it with the sessions of the variations in `passing`.
    pub(super) fn by(evidence: &Evidence<'_>, passing: &[Variation]) -> Self {
        let like = variations(evidence.probe).into_iter().filter(|v| {
            let alike = matches!(v, Variation::InNothing | Variation::InSegmentSize { .. });
            alike && !passing.contains(v)
        });
        Self {
            failed: like
                .map(|v| Tally::of(evidence, v).failed())
                .fold(Trials { failed: 1, all: 1 }, Trials::and),
            passed: passing
                .iter()
                .map(|v| Tally::of(evidence, *v).failed())
                .fold(Trials::default(), Trials::and),
        }
    }

    /// Compares the probe's own session and its repetitions with the sessions of other ports of the same server.
    pub(super) fn by_port(evidence: &Evidence<'_>) -> Self {
        let again = Tally::of(evidence, Variation::InNothing).failed();
        Self {
            failed: Trials { failed: 1, all: 1 }.and(again),
            passed: other_ports(evidence)
                .into_values()
                .fold(Trials::default(), Trials::and),
        }
    }

    pub(super) fn odds(self) -> f64 {
        by_chance(self.failed, self.passed)
    }

    /// Returns whether chance does not explain the difference.
    pub(super) fn is_certain(self) -> bool {
        self.odds() < THRESHOLD
    }

    /// Returns the comparison in words, for the evidence.
    pub(super) fn told(self) -> String {
        format!(
            "{} sessions like this one failed, against {} in the cases that pass (other cases that \
             fail are not counted): the odds that chance separates them like this are {}",
            self.failed,
            self.passed,
            in_words(self.odds())
        )
    }
}

/// Returns how many sessions failed on each other port of the same server. Only accepted sessions count, unchanged
/// repetitions included.
pub(super) fn other_ports(evidence: &Evidence<'_>) -> BTreeMap<u16, Trials> {
    let own = evidence.probe.port_dialled();
    let others = evidence.same_server.iter().copied();
    let others = others.filter(|m| m.port_dialled() != own);
    let sessions = others.flat_map(|m| m.compared(Variation::InNothing).chain([m]));
    let mut ports: BTreeMap<u16, Trials> = BTreeMap::new();
    for session in sessions.filter(|m| m.connected()) {
        let port = ports.entry(session.port_dialled()).or_default();
        *port = port.and(Trials::count([!session.ran_whole()].into_iter()));
    }
    ports
}

/// Returns how many sessions ran, and how many of them were found reachable.
fn count(evidence: &Evidence<'_>, variation: Variation) -> (usize, usize) {
    let compared = evidence.probe.compared(variation);
    compared.fold((0, 0), |(ran, whole), session| {
        let id = judge(&evidence.of(session)).id;
        (ran + 1, whole + usize::from(id == VerdictId::Reachable))
    })
}

/// Returns every variation that was tried, in the order in which each first appears.
pub(super) fn variations(probe: &Measurement) -> Vec<Variation> {
    let mut all = Vec::new();
    for comparison in &probe.variations {
        if !all.contains(&comparison.variation) {
            all.push(comparison.variation);
        }
    }
    all
}

/// Returns one fact for each variation, in words.
pub(super) fn facts(evidence: &Evidence<'_>) -> Vec<String> {
    variations(evidence.probe)
        .into_iter()
        // Leaves out handshakes without a session, and sessions that cannot run whole.
        .filter(|v| {
            let partial = matches!(
                v,
                Variation::InHelloSize | Variation::InHelloAge | Variation::InReach { .. }
            );
            !partial
        })
        .map(|variation| {
            let Tally { ran, whole } = Tally::of(evidence, variation);
            let what = describe(variation, evidence.probe.session_kind());
            format!("{what}: {whole} of {ran} completed")
        })
        .collect()
}

/// Describes a variation of sessions of kind `own`, in words for people.
fn describe(variation: Variation, own: SessionKind) -> String {
    let own = own.protocol();
    match variation {
        Variation::InNothing => "new sessions, unchanged".to_owned(),
        Variation::InSilence => "the same session without the silence, right after".to_owned(),
        Variation::InShape { session } => {
            format!("new {} sessions on the same port", session.protocol())
        }
        Variation::InServerName {
            sent: SentName::None,
        } => format!("new {own} sessions without a server name in TLS"),
        Variation::InServerName {
            sent: SentName::Other,
        } => format!("new {own} sessions with another server name in TLS"),
        Variation::InSegmentSize { at_most } => {
            format!("new sessions with segments of at most {at_most} bytes")
        }
        Variation::InPace { held: 0 } => "new sessions one at a time, after a pause".to_owned(),
        Variation::InPace { held } => {
            format!("new sessions after a pause, with {held} other connections held open")
        }
        Variation::InHelloSize => "a large ClientHello".to_owned(),
        Variation::InHelloAge => "a ClientHello of TLS 1.0".to_owned(),
        Variation::InReach { hops } => {
            format!("new sessions whose packets travel {hops} hops at most")
        }
    }
}
