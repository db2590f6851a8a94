//! Says in words what the steps of a run do now.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use probe_core::run::schedule::Step;

use super::super::of_the_sessions;
use super::Gathering;
use crate::progress::named;

impl Gathering<'_> {
    /// Returns a text that says what the running steps do, with the longest work first.
    pub(super) fn activity(&self) -> String {
        let mut doing: BTreeMap<Activity, BTreeSet<usize>> = BTreeMap::new();
        for step in &self.running {
            if let Some((activity, about)) = Activity::of(step) {
                doing.entry(activity).or_default().extend(about);
            }
        }
        // While all sessions run, waiting for them or for the control port is not news.
        let sessions = doing.get(&Activity::Session);
        let all_run = sessions.is_some_and(|all| all.len() == self.planned.len());
        let on_purpose = self.planned.iter().any(|p| p.silence.is_some());
        if all_run || on_purpose {
            let quiet = [Activity::Session, Activity::Control, Activity::Reference];
            doing.retain(|activity, _| !quiet.contains(activity));
        }
        let texts: Vec<String> = doing
            .iter()
            .map(|(activity, about)| {
                let ports = about
                    .iter()
                    .map(|index| self.planned[*index].rule.port.get());
                named(activity.words(), &ports.collect::<Vec<_>>())
            })
            .collect();
        match texts.as_slice() {
            [] if all_run || on_purpose => of_the_sessions(&self.run.config).to_owned(),
            [] => PAUSE.to_owned(),
            texts => texts.join("; "),
        }
    }
}

/// What a step does, in the order in which the user is told.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Activity {
    Survey,
    Reach,
    Vary,
    Ask,
    Session,
    SideConnections,
    Control,
    Reference,
}

impl Activity {
    /// Returns what `step` does, and for which probes.
    fn of(step: &Step) -> Option<(Self, &[usize])> {
        Some(match step {
            Step::Survey(index, _) => (Self::Survey, slice::from_ref(index)),
            Step::Reach(index) => (Self::Reach, slice::from_ref(index)),
            Step::Vary(index, _) => (Self::Vary, slice::from_ref(index)),
            Step::Ask(about) | Step::AskVaried(about) => (Self::Ask, about),
            Step::Session(index) => (Self::Session, slice::from_ref(index)),
            Step::OtherFlows(index) | Step::Beside(index) => {
                (Self::SideConnections, slice::from_ref(index))
            }
            Step::Control(_) => (Self::Control, &[]),
            Step::Reference => (Self::Reference, &[]),
            Step::GiveUp(_) | Step::GiveUpReference | Step::Slowly(_) | Step::AtTheEnd => {
                return None;
            }
        })
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Survey => "looking for the hop that stops packets to",
            Self::Reach => "looking for the hop that stops sessions to",
            Self::Vary => "running varied sessions to",
            Self::Ask => "asking the server what it saw of",
            Self::Session => "waiting for",
            Self::SideConnections => "dialling from other source ports to",
            Self::Control => "looking for the server's control service",
            Self::Reference => "waiting for the control port",
        }
    }
}

/// The text for a pause, in which nothing is sent because a limit of the network might count it.
const PAUSE: &str = "pausing, so that a rate limit does not affect the next packets";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_about_all_its_ports() {
        let step = Step::Ask(vec![0, 2]);
        assert_eq!(Activity::of(&step), Some((Activity::Ask, &[0, 2][..])));
        assert_eq!(Activity::of(&Step::AtTheEnd), None);
    }
}
