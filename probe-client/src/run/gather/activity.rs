//! Says in words what the steps of a run do now.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use probe_core::run::schedule::Step;

use super::super::of_the_sessions;
use super::Gathering;

impl Gathering<'_> {
    /// Returns what the running steps do, that which takes longest first.
    pub(super) fn activity(&self) -> String {
        let mut doing: BTreeMap<Activity, BTreeSet<usize>> = BTreeMap::new();
        for step in &self.running {
            if let Some((activity, about)) = Activity::of(step) {
                doing.entry(activity).or_default().extend(about);
            }
        }
        // While all sessions run, nothing else is news.
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
            Self::Survey => "looking for the hop that stops",
            Self::Reach => "looking how far sessions get on",
            Self::Vary => "comparing with other sessions to",
            Self::Ask => "asking the server what it saw of",
            Self::Session => "waiting for",
            Self::SideConnections => "dialling from other source ports:",
            Self::Control => "looking for the server's control service",
            Self::Reference => "waiting for the control port",
        }
    }
}

/// Returns the words with the ports that they are about.
fn named(words: &str, ports: &[u16]) -> String {
    let texts: Vec<String> = ports.iter().take(NAMED).map(u16::to_string).collect();
    if texts.is_empty() {
        return words.to_owned();
    }
    let left = ports.len() - texts.len();
    let more = if left > 0 {
        format!(" and {left} more")
    } else {
        String::new()
    };
    format!("{words} {}{more}", texts.join(", "))
}

/// What the user is told if nothing is sent because a limit of the network might count it.
const PAUSE: &str = "pausing, so that no limit counts what is sent next";

/// Number of ports that are named.
const NAMED: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_ports_are_counted() {
        assert_eq!(named("waiting for", &[80, 443]), "waiting for 80, 443");
        let many = named("waiting for", &[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(many, "waiting for 1, 2, 3, 4, 5 and 2 more");
        assert_eq!(named("searching", &[]), "searching");
    }

    #[test]
    fn a_question_is_about_all_its_ports() {
        let step = Step::Ask(vec![0, 2]);
        assert_eq!(Activity::of(&step), Some((Activity::Ask, &[0, 2][..])));
        assert_eq!(Activity::of(&Step::AtTheEnd), None);
    }
}
