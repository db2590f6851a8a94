//! Compares a verdict with the expectation of its rule. Says whether the expectation is met, and gives the next step
//! for a port that should be blocked. Causes do not know the expectation; their next steps are for ports that should be
//! open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::{VerdictClass, VerdictId};
use crate::measurement::Measurement;
use crate::profile::Expectation;
use crate::verdict::Verdict;

/// A verdict compared with what the rule expects.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    AsExpected,
    NotAsExpected,
    /// The verdict says nothing about the port.
    Undecided,
}

impl Outcome {
    /// Returns how much attention the outcome needs, as a rank.
    pub const fn urgency(self) -> u8 {
        match self {
            Self::AsExpected => 0,
            Self::Undecided => 1,
            Self::NotAsExpected => 2,
        }
    }
}

/// A verdict compared with the expectation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fulfilment {
    /// The port was expected open, and is open.
    Open,
    /// The port was expected open, and is not open.
    NotOpen,
    /// The port was expected blocked, and is blocked.
    Blocked,
    /// The port was expected blocked, but is open.
    OpenInstead,
    /// The port was expected blocked, but packets to it get through, or something answers them.
    LetThrough,
    /// The port was expected blocked, but no packet got as far as the device that should block it.
    NotTried,
    /// The verdict does not say anything about the port.
    Undecided,
}

impl Fulfilment {
    pub fn of(verdict: VerdictId, expected: Expectation) -> Self {
        let entry = verdict.entry();
        match (expected, entry.class) {
            (_, VerdictClass::NotAboutThePort) => Self::Undecided,
            (Expectation::Open, VerdictClass::Open) => Self::Open,
            (Expectation::Open, VerdictClass::Closed) => Self::NotOpen,
            (Expectation::Blocked, VerdictClass::Open) => Self::OpenInstead,
            (Expectation::Blocked, VerdictClass::Closed) if entry.meets_blocked => Self::Blocked,
            (Expectation::Blocked, VerdictClass::Closed) if got_nowhere(verdict) => Self::NotTried,
            (Expectation::Blocked, VerdictClass::Closed) => Self::LetThrough,
        }
    }

    pub fn outcome(self) -> Outcome {
        match self {
            Self::Open | Self::Blocked => Outcome::AsExpected,
            Self::NotOpen | Self::OpenInstead | Self::LetThrough | Self::NotTried => {
                Outcome::NotAsExpected
            }
            Self::Undecided => Outcome::Undecided,
        }
    }

    /// Returns in words how the result contradicts the expectation, for people. `None` if it does not contradict it, or
    /// if the verdict itself says so.
    pub fn contradiction(self) -> Option<&'static str> {
        match self {
            Self::OpenInstead => Some("expected blocked, but open"),
            Self::LetThrough => Some("expected blocked, but not blocked"),
            Self::NotTried => Some("expected blocked, but nothing got far enough to tell"),
            Self::Open | Self::NotOpen | Self::Blocked | Self::Undecided => None,
        }
    }

    /// Returns `verdict` with the next step that fits the expectation.
    pub(super) fn told(self, verdict: Verdict, measurement: &Measurement) -> Verdict {
        let target = measurement.address.map_or_else(
            || format!("{}, port {}", measurement.host, measurement.port_dialled()),
            |address| address.to_string(),
        );
        let step = match self {
            Self::Open | Self::NotOpen | Self::NotTried | Self::Undecided => return verdict,
            Self::Blocked => None,
            Self::OpenInstead => Some(format!(
                "ask the firewall team which rule lets TCP from this host to {target} through, the \
                 cloud team which rule of the network security group does, and the server's admin \
                 which rule of that host's own firewall does; have one of them removed or narrowed \
                 and run again; if the port is meant to be open, correct the expectation"
            )),
            Self::LetThrough if verdict.id == VerdictId::NotListening => Some(format!(
                "ask the firewall team, and the cloud team (network security group), to block TCP \
                 from this host to {target}: the RST is the server host's own, so the SYN got \
                 there, and the port is closed only as long as nothing listens on it"
            )),
            Self::LetThrough => Some(format!(
                "ask the firewall team which rule lets TCP from this host to {target} through, and \
                 to block it: a connection was answered there"
            )),
        };
        Verdict {
            next_step: step,
            ..verdict
        }
    }
}

/// Returns whether the cause stops a connection before it reaches any device that may be set to block it.
fn got_nowhere(id: VerdictId) -> bool {
    matches!(
        id,
        VerdictId::NameNotResolved
            | VerdictId::NoRoute
            | VerdictId::BlockedOnThisHost
            | VerdictId::ProxyUnreachable
            | VerdictId::ProxyAuthenticationRequired
            | VerdictId::ProxyDenied
            | VerdictId::ProxyCouldNotConnect
            | VerdictId::ProxyNameNotResolved
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::{Judgement, Recorded};

    fn blocked(text: &str) -> Vec<Judgement> {
        let mut document = Recorded::read(text);
        for probe in &mut document.probes {
            probe.measurement.rule.expect = Expectation::Blocked;
        }
        document.judged()
    }

    #[test]
    fn a_blocked_port_that_is_open_is_to_be_closed() {
        let document = blocked(include_str!("../../tests/scenarios/demo.json"));
        let open = document
            .iter()
            .find(|p| p.judged.verdict.id == VerdictId::Reachable);
        let open = open.unwrap();
        assert_eq!(open.judged.outcome, Outcome::NotAsExpected);
        let step = open.judged.verdict.next_step.as_ref().unwrap();
        assert!(step.contains("which rule lets TCP"), "{step}");
    }

    #[test]
    fn nobody_is_asked_to_listen_on_a_port_that_is_to_be_blocked() {
        let document = blocked(include_str!("../../tests/scenarios/not-listening.json"));
        let closed = document.iter();
        let mut closed = closed.filter(|p| p.judged.verdict.id == VerdictId::NotListening);
        let probe = closed.next().unwrap();
        assert_eq!(probe.judged.outcome, Outcome::NotAsExpected);
        let step = probe.judged.verdict.next_step.as_ref().unwrap();
        assert!(!step.contains("start fwprobe-echo"), "{step}");
        assert!(step.contains("block TCP"), "{step}");
    }

    #[test]
    fn what_is_blocked_as_expected_asks_for_nothing() {
        let document = blocked(include_str!("../../tests/scenarios/dropped.json"));
        let dropped = document
            .iter()
            .find(|p| p.judged.verdict.id == VerdictId::Dropped);
        let dropped = dropped.unwrap();
        assert_eq!(dropped.judged.outcome, Outcome::AsExpected);
        assert_eq!(dropped.judged.verdict.next_step, None);
    }

    /// A server that is silent on every port shows nothing about a firewall.
    #[test]
    fn silence_that_decides_nothing_does_not_show_that_a_port_is_blocked() {
        let text = include_str!("../../tests/scenarios/server-unreachable-silence.json");
        let (open, blocked) = (Recorded::read(text).judged(), blocked(text));
        assert!(!blocked.is_empty());
        for (open, blocked) in open.iter().zip(&blocked) {
            assert_eq!(blocked.judged.verdict.id, VerdictId::ServerUnreachable);
            assert_eq!(blocked.judged.outcome, Outcome::Undecided);
            assert_eq!(blocked.judged.verdict, open.judged.verdict);
        }
    }

    #[test]
    fn a_verdict_that_is_not_about_the_port_contradicts_no_expectation() {
        let mut undecided = Vec::new();
        for id in VerdictId::ALL {
            let met = Fulfilment::of(*id, Expectation::Blocked);
            if met.outcome() == Outcome::Undecided {
                assert_eq!(met.contradiction(), None, "{id}");
                assert_eq!(
                    Fulfilment::of(*id, Expectation::Open),
                    Fulfilment::Undecided,
                    "{id}"
                );
                undecided.push(*id);
            }
        }
        for id in [VerdictId::Inconclusive, VerdictId::ServerUnreachable] {
            assert!(undecided.contains(&id), "{id} is not among {undecided:?}");
        }
    }
}
