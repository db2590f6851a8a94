//! Compares the runs of one series, one after the other.

use probe_core::judge::Outcome;

use super::{EntryChange, EntryVerdict};
use crate::diff::{
    Answers, ChangeKind, ComparedAnswer, FactChange, Facts, Key, spread, transition,
};

/// The answers and facts of the runs so far.
#[derive(Debug, Default)]
pub(super) struct SeriesState {
    /// For each question, the answer of the last run that decided it.
    said: Answers<ComparedAnswer>,
    /// The facts of the last run.
    facts: Option<Facts>,
}

impl SeriesState {
    /// Returns whether there is a run to compare with.
    pub(super) fn has_begun(&self) -> bool {
        self.facts.is_some()
    }

    /// Adds the next run, and returns what it changes. If it does not decide a question, the earlier answer remains.
    pub(super) fn next(
        &mut self,
        mut said: Answers<ComparedAnswer>,
        facts: Facts,
    ) -> (Vec<EntryChange>, Vec<FactChange>) {
        let before = self.facts.replace(facts.clone());
        let Some(before) = before else {
            self.said = said;
            return (Vec::new(), Vec::new());
        };
        spread(&mut said, &self.said);
        spread(&mut self.said, &said);
        let mut changes = self.gone(&said);
        for (key, new) in said {
            changes.extend(self.take(key, new));
        }
        changes.sort_by(|a, b| {
            let order = |c: &EntryChange| (c.change, c.port);
            order(a).cmp(&order(b)).then(a.subject.cmp(&b.subject))
        });
        (changes, before.changes(&facts))
    }

    fn take(&mut self, key: Key, new: ComparedAnswer) -> Option<EntryChange> {
        let old = self.said.get(&key);
        let is_undecided = |said: &ComparedAnswer| said.outcome == Outcome::Undecided;
        if old.is_some() && is_undecided(&new) {
            return None;
        }
        let (kind, because) = match old {
            None => (ChangeKind::New, None),
            Some(old) if is_undecided(old) => {
                self.said.insert(key, new);
                return None;
            }
            Some(old) => transition(old, &new)?,
        };
        let mut change = change(&key, kind, old, Some(&new))?;
        change.because = because;
        self.said.insert(key, new);
        Some(change)
    }

    /// Forgets the questions that `said` does not answer, and returns them as changes.
    fn gone(&mut self, said: &Answers<ComparedAnswer>) -> Vec<EntryChange> {
        let gone = self.said.extract_if(.., |key, _| !said.contains_key(key));
        gone.filter_map(|(key, old)| change(&key, ChangeKind::Gone, Some(&old), None))
            .collect()
    }
}

/// Returns a row for a change from `old` to `new`. Either may be missing; `None` if both are missing.
fn change(
    key: &Key,
    kind: ChangeKind,
    old: Option<&ComparedAnswer>,
    new: Option<&ComparedAnswer>,
) -> Option<EntryChange> {
    let said = new.or(old)?;
    Some(EntryChange {
        subject: key.subject.clone(),
        port: said.port.get(),
        session: said.session,
        change: kind,
        because: None,
        before: old.map(EntryVerdict::of),
        after: new.map(EntryVerdict::of),
    })
}
