//! Sums up the variations of a probe, variation by variation.

use super::evidence::Evidence;
use super::judge;
use crate::catalogue::VerdictId;
use crate::measurement::{Measurement, SentName, Variation};
use crate::odds::{THRESHOLD, Trials, by_chance, in_words};

/// How sessions of one variation ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Tally {
    pub(super) ran: usize,
    /// Sessions that were found reachable, each judged as if it were a probe.
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

    /// Returns whether all of at least two sessions passed, which is not chance.
    pub(super) fn passes(self) -> bool {
        self.whole >= 2 && self.whole == self.ran
    }

    /// Returns whether all of at least two sessions failed. The probe's own session failed before, so this is not
    /// chance.
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
    /// Compares the probe's own session and those like it with sessions of the variations in `passing`.
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

    /// Compares the probe's own session and those like it with the sessions of other ports of the same server.
    pub(super) fn by_port(evidence: &Evidence<'_>) -> Self {
        let own = evidence.probe;
        let others = evidence.same_server.iter();
        let others = others.filter(|m| m.port_dialled() != own.port_dialled() && m.connected());
        Self {
            passed: Trials::count(others.map(|m| !m.ran_whole())),
            ..Self::by(evidence, &[])
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
            format!("{}: {whole} of {ran} completed", describe(variation))
        })
        .collect()
}

/// Returns the variation in words, for people.
pub(super) fn describe(variation: Variation) -> String {
    match variation {
        Variation::InNothing => "new sessions, unchanged".to_owned(),
        Variation::InSilence => "the same session without the silence, right after".to_owned(),
        Variation::InShape { session } => {
            format!("new {} sessions on the same port", session.protocol())
        }
        Variation::InServerName {
            sent: SentName::None,
        } => "new sessions without a server name in TLS".to_owned(),
        Variation::InServerName {
            sent: SentName::Other,
        } => "new sessions with another server name in TLS".to_owned(),
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
            format!("new sessions with packets that get {hops} hops far")
        }
    }
}
