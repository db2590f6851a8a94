//! Finds the probes of two runs that ask the same question.

use std::collections::{BTreeMap, BTreeSet};

use probe_core::plan::Silence;
use probe_core::profile::AddressFamily;

use crate::answered_probe::AnsweredProbe;
use crate::subject::Subject;
use crate::{Probe, RunDocument};

/// The question that a probe asks.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key {
    pub(crate) subject: Subject,
    pub(crate) silence: Option<Silence>,
}

/// The probes of both runs that ask one question.
#[derive(Debug)]
pub(super) struct Matched<'a> {
    pub(super) key: Key,
    pub(super) before: Option<&'a Probe>,
    pub(super) after: Option<&'a Probe>,
}

/// The answers of a run, by question.
pub(crate) type Answers<A> = BTreeMap<Key, A>;

/// Returns one entry per question that at least one of the runs asks.
pub(super) fn pairs<'a>(before: &'a RunDocument, after: &'a RunDocument) -> Vec<Matched<'a>> {
    let (mut old, mut new) = (probes(&before.probes), probes(&after.probes));
    spread(&mut old, &new);
    spread(&mut new, &old);
    let keys: BTreeSet<&Key> = old.keys().chain(new.keys()).collect();
    let matched = |key: &Key| Matched {
        key: key.clone(),
        before: old.get(key).copied(),
        after: new.get(key).copied(),
    };
    keys.into_iter().map(matched).collect()
}

/// Returns the probe for each question: the one that needs the most attention, if the server has several addresses.
pub(crate) fn probes<P: AnsweredProbe>(all: &[P]) -> Answers<&P> {
    let mut probes: Answers<&P> = Answers::new();
    for probe in all {
        let key = Key {
            subject: Subject::of(probe),
            silence: probe.silence(),
        };
        let known = probes.entry(key).or_insert(probe);
        if probe.outcome().urgency() > known.outcome().urgency() {
            *known = probe;
        }
    }
    probes
}

/// Replaces each answer without an address family by one answer for each family in `others`. If a name is no longer
/// resolved, for example, its answer has no family and is about all of them.
pub(crate) fn spread<A: Clone, B>(answers: &mut Answers<A>, others: &Answers<B>) {
    let general: Vec<Key> = answers
        .keys()
        .filter(|key| key.subject.family.is_none() && !others.contains_key(key))
        .cloned()
        .collect();
    for key in general {
        let of_family = |family| {
            let mut key = key.clone();
            key.subject.family = Some(family);
            key
        };
        let families = [AddressFamily::Ipv4, AddressFamily::Ipv6].map(of_family);
        let known = families
            .into_iter()
            .filter(|key| others.contains_key(key) && !answers.contains_key(key));
        let known: Vec<Key> = known.collect();
        if known.is_empty() {
            continue;
        }
        if let Some(answer) = answers.remove(&key) {
            answers.extend(known.into_iter().map(|key| (key, answer.clone())));
        }
    }
}
