//! Decides which changes count: those that two runs in a row found.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::profile::AddressFamily;

use crate::diff::ChangeKind;
use crate::subject::Subject;
use crate::{Probe, RunDocument};

/// What a run says about a subject.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct State {
    pub outcome: Outcome,
    pub verdict: VerdictId,
}

/// A change that two runs in a row confirmed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ConfirmedChange {
    #[serde(flatten)]
    pub subject: Subject,
    pub change: ChangeKind,
    pub from: State,
    pub to: State,
}

/// The state of every subject so far, which is used to tell changes from chance.
#[derive(Clone, Debug, Default)]
pub struct Changes(BTreeMap<Subject, SubjectRecord>);

/// What the runs so far said about one subject.
#[derive(Clone, Copy, Debug, Default)]
struct SubjectRecord {
    /// The last state that two runs in a row had.
    established: Option<State>,
    /// The state of the last run that decided.
    last: Option<State>,
}

impl Changes {
    /// Adds a run, and returns the changes that it confirms.
    ///
    /// A run that did not decide about a subject says nothing about it: it neither confirms a change nor undoes one. An
    /// interrupted run says nothing at all.
    pub fn observe(&mut self, run: &RunDocument) -> Vec<ConfirmedChange> {
        if !run.run.complete {
            return Vec::new();
        }
        self.take(states(run))
    }

    fn take(&mut self, mut seen: BTreeMap<Subject, State>) -> Vec<ConfirmedChange> {
        self.spread(&mut seen);
        let mut changes = Vec::new();
        for (subject, state) in seen {
            let record = self.0.entry(subject.clone()).or_default();
            changes.extend(record.observe(state).map(|from| ConfirmedChange {
                subject,
                change: kind(from, state),
                from,
                to: state,
            }));
        }
        changes
    }

    /// Applies a state without a family to each family that is known: if a name is no longer
    /// resolved, its state is about all families.
    fn spread(&self, seen: &mut BTreeMap<Subject, State>) {
        let general: Vec<(Subject, State)> = seen
            .iter()
            .filter(|(subject, _)| subject.family.is_none())
            .map(|(subject, state)| (subject.clone(), *state))
            .collect();
        for (subject, state) in general {
            let known = [AddressFamily::Ipv4, AddressFamily::Ipv6].map(|family| Subject {
                family: Some(family),
                ..subject.clone()
            });
            let mut known = known
                .into_iter()
                .filter(|s| self.0.contains_key(s))
                .peekable();
            if known.peek().is_some() {
                seen.remove(&subject);
            }
            for subject in known {
                seen.entry(subject).or_insert(state);
            }
        }
    }
}

impl SubjectRecord {
    /// Adds the state of a run. If this run confirms a change, returns the state that was established before.
    fn observe(&mut self, state: State) -> Option<State> {
        if state.outcome == Outcome::Undecided {
            return None;
        }
        let last = self.last.replace(state)?;
        let Some(established) = self.established else {
            // Two runs with different outcomes establish nothing.
            self.established = (last.outcome == state.outcome).then_some(state);
            return None;
        };
        let confirmed = if state.outcome == established.outcome {
            state != established && last == state
        } else {
            last.outcome == state.outcome
        };
        confirmed.then(|| {
            self.established = Some(state);
            established
        })
    }
}

/// Returns the kind of a change between two decided states.
fn kind(from: State, to: State) -> ChangeKind {
    match (from.outcome, to.outcome) {
        (from, to) if from == to => ChangeKind::OtherCause,
        (_, Outcome::AsExpected) => ChangeKind::Fixed,
        (_, Outcome::NotAsExpected | Outcome::Undecided) => ChangeKind::Regression,
    }
}

impl fmt::Display for ConfirmedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Subject { rule, path, .. } = &self.subject;
        let (from, to) = (self.from.verdict, self.to.verdict);
        write!(f, "{}: {rule} over {path}: {from} -> {to}", self.change)
    }
}

/// Returns the state of each subject of `run`: the most urgent one, if the server has several addresses.
fn states(run: &RunDocument) -> BTreeMap<Subject, State> {
    let mut states: BTreeMap<Subject, State> = BTreeMap::new();
    for probe in &run.probes {
        let state = State::of(probe);
        states
            .entry(Subject::of(probe))
            .and_modify(|known| {
                if known.outcome.urgency() < state.outcome.urgency() {
                    *known = state;
                }
            })
            .or_insert(state);
    }
    states
}

impl State {
    fn of(probe: &Probe) -> Self {
        Self {
            outcome: probe.outcome,
            verdict: probe.verdict.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn subject(family: Option<AddressFamily>) -> Subject {
        Subject {
            rule: "web".parse().unwrap(),
            path: "direct".to_owned(),
            family,
        }
    }

    const OK: State = state(Outcome::AsExpected, VerdictId::Reachable);
    const DROPPED: State = state(Outcome::NotAsExpected, VerdictId::Dropped);
    const REJECTED: State = state(Outcome::NotAsExpected, VerdictId::Rejected);
    const UNDECIDED: State = state(Outcome::Undecided, VerdictId::ServerUnreachable);

    const fn state(outcome: Outcome, verdict: VerdictId) -> State {
        State { outcome, verdict }
    }

    /// Returns, for each run, the kind of change that it confirms.
    fn kinds(runs: &[State]) -> Vec<Option<ChangeKind>> {
        let mut record = SubjectRecord::default();
        runs.iter()
            .map(|run| record.observe(*run).map(|from| kind(from, *run)))
            .collect()
    }

    #[test]
    fn two_runs_in_a_row_make_a_change_both_ways() {
        use ChangeKind::{Fixed, Regression};
        let kinds = kinds(&[OK, OK, DROPPED, OK, DROPPED, DROPPED, OK, DROPPED, OK, OK]);
        let expected = [
            None,
            None,
            None,
            None,
            None,
            Some(Regression),
            None,
            None,
            None,
            Some(Fixed),
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn a_run_that_fails_otherwise_confirms_the_failure() {
        let kinds = kinds(&[OK, OK, DROPPED, REJECTED, REJECTED, DROPPED, DROPPED]);
        let (failed, other) = (Some(ChangeKind::Regression), Some(ChangeKind::OtherCause));
        assert_eq!(kinds, [None, None, None, failed, None, None, other]);
    }

    #[test]
    fn the_first_runs_are_no_change() {
        assert_eq!(kinds(&[DROPPED, OK, OK, OK]), [None; 4]);
    }

    #[test]
    fn a_name_that_is_not_resolved_is_about_all_families() {
        let mut changes = Changes::default();
        let v4 = subject(Some(AddressFamily::Ipv4));
        let ok = || BTreeMap::from([(v4.clone(), OK)]);
        let unresolved = state(Outcome::NotAsExpected, VerdictId::NameNotResolved);
        for seen in [ok(), ok(), BTreeMap::from([(subject(None), unresolved)])] {
            assert_eq!(changes.take(seen), []);
        }
        let found = changes.take(BTreeMap::from([(subject(None), unresolved)]));
        let [change] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(
            (&change.subject, change.change),
            (&v4, ChangeKind::Regression)
        );
    }

    fn any_state() -> impl Strategy<Value = State> {
        prop::sample::select(vec![OK, DROPPED, REJECTED, UNDECIDED])
    }

    proptest! {
        #[test]
        fn undecided_runs_change_nothing(runs in prop::collection::vec(any_state(), 0..40)) {
            let decided: Vec<State> = runs.iter().copied().filter(|s| *s != UNDECIDED).collect();
            let with: Vec<ChangeKind> = kinds(&runs).into_iter().flatten().collect();
            let without: Vec<ChangeKind> = kinds(&decided).into_iter().flatten().collect();
            prop_assert_eq!(with, without);
        }

        #[test]
        fn outcomes_alternate_and_each_change_was_seen_twice(
            runs in prop::collection::vec(any_state(), 0..40),
        ) {
            let decided: Vec<State> = runs.into_iter().filter(|s| *s != UNDECIDED).collect();
            let mut before = None;
            for (index, kind) in kinds(&decided).into_iter().enumerate() {
                let Some(kind) = kind else { continue };
                prop_assert!(index >= 2);
                prop_assert_eq!(decided[index].outcome, decided[index - 1].outcome);
                if kind == ChangeKind::OtherCause {
                    prop_assert_eq!(decided[index], decided[index - 1]);
                } else {
                    prop_assert_ne!(Some(kind), before);
                    before = Some(kind);
                }
            }
        }

        #[test]
        fn whatever_lasts_is_established(
            runs in prop::collection::vec(any_state(), 0..40),
            lasting in prop::sample::select(vec![OK, DROPPED, REJECTED]),
        ) {
            let mut record = SubjectRecord::default();
            for run in runs.into_iter().chain([lasting; 2]) {
                record.observe(run);
            }
            prop_assert_eq!(record.established, Some(lasting));
        }
    }
}
