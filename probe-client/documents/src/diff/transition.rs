//! Compares two results of the same rule, path and family.

use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::profile::{Expectation, Port};
use probe_core::session_kind::SessionKind;
use probe_core::verdict::Segment;

use super::ChangeKind;
use crate::subject::Subject;
use crate::{Probe, RunDocument};

/// The parts of a run's answer to one question that are compared with those of another run.
#[derive(Clone, Debug)]
pub(crate) struct ComparedAnswer {
    pub(crate) port: Port,
    pub(crate) session: SessionKind,
    pub(crate) expect: Expectation,
    pub(crate) outcome: Outcome,
    pub(crate) verdict: VerdictId,
    pub(crate) segment: Segment,
    /// Whether the run took no second looks, and so did not search for the place of a cause.
    pub(crate) quick: bool,
}

impl ComparedAnswer {
    /// Returns the answer of `run` that `probe` gives.
    pub(crate) fn of(run: &RunDocument, probe: &Probe) -> Self {
        let rule = &probe.measurement.rule;
        Self {
            port: rule.port,
            session: rule.session,
            expect: rule.expect,
            outcome: probe.outcome,
            verdict: probe.verdict.id,
            segment: probe.verdict.segment.clone(),
            quick: run.run.quick,
        }
    }
}

/// Returns the change from `before` to `after`, with the reason if they cannot be compared; `None` if nothing changed.
pub(crate) fn transition(
    before: &ComparedAnswer,
    after: &ComparedAnswer,
) -> Option<(ChangeKind, Option<String>)> {
    if let Some(reason) = other_question(before, after) {
        return Some((ChangeKind::NotComparable, Some(reason)));
    }
    let kind = match (before.outcome, after.outcome) {
        (Outcome::Undecided, _) | (_, Outcome::Undecided) => {
            return Some((ChangeKind::NotComparable, Some(undecided(before, after))));
        }
        (Outcome::AsExpected, Outcome::NotAsExpected) => ChangeKind::Regression,
        (Outcome::NotAsExpected, Outcome::AsExpected) => ChangeKind::Fixed,
        _ if differ_by_chance(before.verdict, after.verdict) => return None,
        _ if before.verdict != after.verdict => ChangeKind::OtherCause,
        _ if before.quick || after.quick => return None,
        _ if contradict(&before.segment, &after.segment) => ChangeKind::OtherPlace,
        _ => return None,
    };
    Some((kind, None))
}

/// Returns whether two verdicts on an open port differ only in whether packets were lost. On a way that loses packets,
/// chance decides how many losses a run sees, so two single runs show nothing about that.
fn differ_by_chance(before: VerdictId, after: VerdictId) -> bool {
    let is_open = |id| matches!(id, VerdictId::Reachable | VerdictId::ReachableWithLoss);
    is_open(before) && is_open(after)
}

/// Returns the change, with its reason, if only one of the runs has the rule, path or family.
pub(super) fn one_sided(
    subject: &Subject,
    before: &RunDocument,
    after: &RunDocument,
    was_before: bool,
) -> (ChangeKind, Option<String>) {
    let (kind, without, which) = if was_before {
        (ChangeKind::Gone, after, "later")
    } else {
        (ChangeKind::New, before, "earlier")
    };
    let mut skipped = without.skipped.iter();
    if let Some(rule) = skipped.find(|rule| rule.id == subject.rule) {
        let reason = format!("the {which} run did not test it: {}", rule.because);
        return (ChangeKind::NotComparable, Some(reason));
    }
    if !without.run.complete {
        let reason = format!("the {which} run was interrupted, and has no such test");
        return (ChangeKind::NotComparable, Some(reason));
    }
    (kind, None)
}

/// Returns the reason why two probes of one rule do not ask the same question, if they do not.
fn other_question(old: &ComparedAnswer, new: &ComparedAnswer) -> Option<String> {
    if old.expect != new.expect {
        let (old, new) = (expected(old.expect), expected(new.expect));
        return Some(format!(
            "the rule expects {new} now, and expected {old} before"
        ));
    }
    if (old.port, old.session) != (new.port, new.session) {
        let ((a, b), (c, d)) = ((old.port, old.session), (new.port, new.session));
        return Some(format!(
            "the rule is about {c}/{d} now, and was about {a}/{b}"
        ));
    }
    None
}

fn undecided(before: &ComparedAnswer, after: &ComparedAnswer) -> String {
    let said = |result: &ComparedAnswer| result.verdict.name();
    match (before.outcome, after.outcome) {
        (Outcome::Undecided, Outcome::Undecided) => {
            format!(
                "both runs are undecided: {} and {}",
                said(before),
                said(after)
            )
        }
        (Outcome::Undecided, _) => format!("the earlier run is undecided: {}", said(before)),
        _ => format!("the later run is undecided: {}", said(after)),
    }
}

/// Returns whether two places exclude each other. A less precise place does not contradict a more precise one.
fn contradict(before: &Segment, after: &Segment) -> bool {
    use Segment::{CloudEdge, NearNetwork, Path, Unknown};
    match (before, after) {
        (Unknown, _) | (_, Unknown) => false,
        (
            Path {
                hop: hop_before,
                address: address_before,
            },
            Path {
                hop: hop_after,
                address: address_after,
            },
        ) => differ(*hop_before, *hop_after) || differ(*address_before, *address_after),
        // A path without a hop is anywhere between the two ends, so it may be the edge of either network.
        (
            Path {
                hop: None,
                address: None,
            },
            NearNetwork | CloudEdge,
        )
        | (
            NearNetwork | CloudEdge,
            Path {
                hop: None,
                address: None,
            },
        ) => false,
        (before, after) => before != after,
    }
}

fn differ<T: PartialEq>(before: Option<T>, after: Option<T>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => before != after,
        _ => false,
    }
}

const fn expected(expectation: Expectation) -> &'static str {
    match expectation {
        Expectation::Open => "open",
        Expectation::Blocked => "blocked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(verdict: VerdictId, segment: Segment) -> ComparedAnswer {
        ComparedAnswer {
            port: Port::new(443).unwrap(),
            session: SessionKind::Https,
            expect: Expectation::Open,
            outcome: Outcome::AsExpected,
            verdict,
            segment,
            quick: false,
        }
    }

    #[test]
    fn a_run_without_second_looks_names_no_other_place() {
        let edge = said(VerdictId::Dropped, Segment::CloudEdge);
        let mut host = said(VerdictId::Dropped, Segment::ServerHost);
        let changed = transition(&edge, &host);
        assert_eq!(changed, Some((ChangeKind::OtherPlace, None)));
        host.quick = true;
        assert_eq!(transition(&edge, &host), None);
    }

    #[test]
    fn loss_in_one_of_two_runs_is_chance() {
        let somewhere = Segment::Path {
            hop: None,
            address: None,
        };
        let whole = said(VerdictId::Reachable, Segment::None);
        let lossy = said(VerdictId::ReachableWithLoss, somewhere);
        assert!(transition(&whole, &lossy).is_none());
        assert!(transition(&lossy, &whole).is_none());
    }

    #[test]
    fn a_place_that_says_less_contradicts_nothing() {
        let hop = |hop: Option<u8>, address: Option<&str>| Segment::Path {
            hop,
            address: address.map(|a| a.parse().unwrap()),
        };
        let first = hop(Some(1), Some("10.0.0.1"));
        for other in [
            Segment::Unknown,
            hop(None, None),
            hop(Some(1), None),
            hop(None, Some("10.0.0.1")),
            first.clone(),
        ] {
            assert!(!contradict(&first, &other), "{other}");
            assert!(!contradict(&other, &first), "{other}");
        }
        for other in [
            hop(Some(2), Some("10.0.0.1")),
            hop(None, Some("10.0.0.2")),
            Segment::CloudEdge,
            Segment::ServerHost,
        ] {
            assert!(contradict(&first, &other), "{other}");
        }
        assert!(!contradict(&hop(None, None), &Segment::CloudEdge));
    }
}
