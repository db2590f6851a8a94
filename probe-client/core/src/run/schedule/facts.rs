//! The steps of a run, what a schedule has to know of their results, and the questions that its rules ask.

use std::time::Duration;

use super::{MAX_ROUNDS, Schedule};
use crate::run::control_order::Lead;
use crate::run::port_board::PortFailure;

/// One thing that a run does. Probes are named by their index in the plan.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// Runs the session of a probe.
    Session(usize),
    /// Runs a session to the control port, for comparison.
    Reference,
    /// Opens side connections to the port of a probe that ran whole.
    OtherFlows(usize),
    /// Opens side connections to the port of a probe whose SYNs were not let in, and then one to a port that works.
    Beside(usize),
    /// Ends the session of a probe, because more SYNs would show nothing new. The end is reported as the end of
    /// [`Session`](Self::Session).
    GiveUp(usize),
    /// Ends the session to the control port, because no other session needs the comparison. The end is reported as the
    /// end of [`Reference`](Self::Reference).
    GiveUpReference,
    /// Tries the control service on a port.
    Control(u16),
    /// Asks the server what it saw of these probes, and of the session to the control port if that has ended.
    Ask(Vec<usize>),
    /// Asks the server what it saw of the variations of these probes that failed.
    AskVaried(Vec<usize>),
    /// Dials a probe alone.
    Slowly(usize),
    /// Surveys the port of a probe that fails in this way.
    Survey(usize, PortFailure),
    /// Runs a round of variations of a probe.
    Vary(usize, u8),
    /// Runs sessions of a probe with a limited reach.
    Reach(usize),
    /// Dials a port that worked once more.
    AtTheEnd,
}

impl Step {
    /// Returns whether this step gathers evidence about probe `index`.
    fn is_about(&self, index: usize) -> bool {
        match self {
            Self::Session(other)
            | Self::OtherFlows(other)
            | Self::Beside(other)
            | Self::GiveUp(other)
            | Self::Slowly(other)
            | Self::Survey(other, _)
            | Self::Vary(other, _)
            | Self::Reach(other) => *other == index,
            Self::Ask(about) | Self::AskVaried(about) => about.contains(&index),
            Self::Reference | Self::GiveUpReference | Self::Control(_) | Self::AtTheEnd => false,
        }
    }

    /// Returns whether this step sends packets that a limit of the network may count. A question to the server does: it
    /// may open further connections, to find other instances.
    pub(super) fn sends(&self) -> bool {
        !matches!(self, Self::GiveUp(_) | Self::GiveUpReference)
    }
}

/// What a schedule has to know of a step that ended.
#[derive(Clone, Copy, Debug)]
pub enum Done {
    Session(SessionEnd),
    Control(ControlEnd),
    /// Whether all side connections to a port that works were let in.
    OtherFlows {
        all_let_in: bool,
    },
    Beside(SideResult),
    /// Whether the survey showed where the port is stopped.
    Survey {
        shows_a_place: bool,
    },
    /// Whether the session ran whole.
    Slowly {
        passed: bool,
    },
    /// Whether another round of variations can show something.
    Varied {
        more: bool,
    },
    /// Only that the step ended.
    Other,
}

/// How a session ended.
#[derive(Clone, Copy, Debug)]
pub struct SessionEnd {
    /// Whether the session ran whole, so that other ports can be compared with this one.
    pub works: bool,
    /// Whether there is nothing left to ask the server about the session.
    pub complete: bool,
    /// How the session failed; `None` if it did not, or if its failure has no place on the path.
    pub failure: Option<PortFailure>,
    /// What the session shows about the control service on its port; `None` if the session was given up before it
    /// showed anything.
    pub lead: Option<Lead>,
    /// Whether variations of the session can show something.
    pub more_variations: bool,
}

/// How an attempt to reach the control service ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ControlEnd {
    Found,
    /// The genuine server refuses, as it would on every port.
    Refused,
    Failed,
}

/// The result of side connections to a port that lets no SYN in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SideResult {
    /// None of them was let in, but a connection to another port right after them was.
    Decided,
    /// Some were let in, or the connection to the other port was not.
    Undecided,
}

/// How far a run has come with one probe.
#[derive(Clone, Debug, Default)]
pub(super) struct PortProgress {
    /// When its session began, since the run's start.
    pub(super) dialled: Option<Duration>,
    /// Whether a SYN of its session was answered.
    pub(super) answered: bool,
    pub(super) ended: Option<SessionEnd>,
    pub(super) beside: Option<SideResult>,
    pub(super) asked: bool,
    pub(super) asked_varied: bool,
    pub(super) dialled_slowly: bool,
    pub(super) passes_slowly: bool,
    /// Rounds of variations that have begun.
    pub(super) rounds: u8,
    pub(super) more_variations: bool,
}

impl Schedule {
    /// Records that a SYN of the session of probe `index` was answered.
    pub fn answered(&mut self, index: usize) {
        self.ports[index].answered = true;
    }

    /// Records that a SYN of the session to the control port was answered.
    pub fn reference_answered(&mut self) {
        self.reference.answered = true;
    }

    /// Records the result of `step`, which ended at `now`, since the run's start.
    pub fn done(&mut self, step: &Step, result: Done, now: Duration) {
        self.now = now;
        self.running.remove(step);
        if step.sends() {
            self.last_sent = now;
        }
        match (step, result) {
            (Step::Session(index), Done::Session(ended)) => {
                let port = &mut self.ports[*index];
                port.more_variations = ended.more_variations;
                port.ended = Some(ended);
                self.last_end = now;
                self.heard(ended);
            }
            (Step::Reference, Done::Session(ended)) => {
                self.reference.ended = Some(ended);
                self.heard(ended);
            }
            (Step::Control(_), Done::Control(end)) => {
                self.control_found |= end == ControlEnd::Found;
                self.refused |= end == ControlEnd::Refused;
                self.control_over |= self.refused;
            }
            (Step::OtherFlows(_), Done::OtherFlows { all_let_in }) => {
                self.others_fail |= !all_let_in
            }
            (Step::Beside(index), Done::Beside(beside)) => self.ports[*index].beside = Some(beside),
            (Step::Survey(_, failure), Done::Survey { shows_a_place }) => {
                self.surveyed.push((*failure, shows_a_place));
            }
            (Step::Slowly(index), Done::Slowly { passed }) => {
                self.ports[*index].passes_slowly = passed;
            }
            (Step::Vary(index, _), Done::Varied { more }) => {
                self.ports[*index].more_variations = more;
            }
            (_, _) => {}
        }
    }

    /// Returns whether no step is in progress. If, in addition, [`next`](Self::next) returns no step and
    /// [`wakes`](Self::wakes) returns no time, the run is over.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Returns whether a port that lets no SYN in waits for its side connections.
    pub fn waits_for_side_connections(&self) -> bool {
        (0..self.ports.len()).any(|index| self.waits_for_others(index))
    }

    fn heard(&mut self, ended: SessionEnd) {
        let lead = ended.lead.and_then(|lead| self.control.found(lead));
        self.control_leads.extend(lead);
    }

    /// Adds `step` to the steps that begin, unless it has begun before.
    pub(super) fn once(&mut self, step: Step, begin: &mut Vec<Step>) {
        if !self.begun.insert(step.clone()) {
            return;
        }
        let now = self.now;
        if step.sends() {
            self.last_sent = now;
        }
        if let Step::Session(index) = &step {
            self.ports[*index].dialled = Some(now);
        } else if step == Step::Reference {
            self.reference.dialled = Some(now);
        } else if let Step::Slowly(index) = &step {
            self.ports[*index].dialled_slowly = true;
        } else if let Step::Vary(index, _) = &step {
            self.ports[*index].rounds += 1;
        }
        if !matches!(step, Step::GiveUp(_) | Step::GiveUpReference) {
            self.running.insert(step.clone());
        }
        begin.push(step);
    }

    pub(super) fn is_running(&self, which: impl Fn(&Step) -> bool) -> bool {
        self.running.iter().any(which)
    }

    /// Returns whether a question to the server is in progress.
    pub(super) fn is_asking(&self) -> bool {
        self.is_running(|step| matches!(step, Step::Ask(_) | Step::AskVaried(_)))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &PortProgress> {
        self.ports.iter().chain([&self.reference])
    }

    /// Returns whether a port works, so that others can be compared with it.
    pub(super) fn works(&self) -> bool {
        self.all().any(|p| p.ended.is_some_and(|e| e.works))
    }

    /// Returns whether no SYN of the session of probe `index` has been answered for a while.
    fn is_silent(&self, index: usize) -> bool {
        self.has_no_answer(&self.ports[index])
    }

    fn has_no_answer(&self, port: &PortProgress) -> bool {
        let silent = port.dialled.map(|at| at + self.settings.budget.unanswered);
        port.ended.is_none() && !port.answered && silent.is_some_and(|at| self.now >= at)
    }

    /// Returns whether the session of any probe is in progress, and not silent.
    pub(super) fn is_talking(&self) -> bool {
        let mut all = 0..self.ports.len();
        all.any(|index| self.ports[index].ended.is_none() && !self.is_silent(index))
    }

    /// Returns whether the session to the control port may still show that the server can be reached.
    pub(super) fn reference_may_work(&self) -> bool {
        self.reference.ended.is_none() && !self.has_no_answer(&self.reference)
    }

    /// Returns when the port of probe `index` gets its next SYN at the earliest, since the run's start.
    pub(super) fn may_be_dialled_again(&self, index: usize) -> Duration {
        let dialled = self.ports[index].dialled.unwrap_or_default();
        dialled + self.settings.budget.spacing
    }

    /// Returns whether side connections have shown that the pace does not explain why the port of probe `index` lets no
    /// SYN in.
    fn is_decided(&self, index: usize) -> bool {
        self.ports[index].beside == Some(SideResult::Decided) && !self.others_fail
    }

    /// Returns how the port of probe `index` fails, as far as is known by now.
    pub(super) fn failure(&self, index: usize) -> Option<PortFailure> {
        match self.ports[index].ended {
            Some(ended) => ended.failure,
            None => self.is_silent(index).then_some(PortFailure::Silent),
        }
    }

    /// Returns whether the port of probe `index` lets no SYN in, and side connections can show more about that.
    pub(super) fn gets_others(&self, index: usize) -> bool {
        match self.failure(index) {
            None | Some(PortFailure::Accepted) => false,
            Some(PortFailure::Silent) => true,
            Some(PortFailure::Refused | PortFailure::Prohibited) => self.settings.second_looks,
        }
    }

    /// Returns whether side connections to the port of probe `index`, which lets no SYN in, have yet to begin or to
    /// end. There are none if no port works.
    pub(super) fn waits_for_others(&self, index: usize) -> bool {
        self.gets_others(index)
            && self.settings.side_connections
            && self.works()
            && self.ports[index].beside.is_none()
    }

    /// Returns whether the server has told what it saw of probe `index`, or cannot be asked.
    pub(super) fn is_told(&self, index: usize) -> bool {
        let ended = self.ports[index].ended.is_some();
        let asking = self.is_running(|s| matches!(s, Step::Ask(about) if about.contains(&index)));
        ended && !asking && (self.ports[index].asked || self.control_over)
    }

    /// Returns whether, as far as is known by now, nothing is left to do for the verdict on probe `index`.
    pub fn is_settled(&self, index: usize) -> bool {
        let Some(ended) = self.ports[index].ended else {
            return false;
        };
        if self.is_running(|step| step.is_about(index)) {
            return false;
        }
        let surveyed = |s: &Step| matches!(s, Step::Survey(other, _) if *other == index);
        let is_surveyed = ended.failure.is_some_and(|failure| {
            self.settings.second_looks
                && self.is_worth_a_survey(index, failure)
                && !self.begun.iter().any(surveyed)
        });
        let told = ended.complete || self.is_told(index);
        told && !is_surveyed && !self.is_varying(index) && !self.waits_for_others(index)
    }

    /// Returns whether variations of probe `index` are in progress or still to come.
    pub(super) fn is_varying(&self, index: usize) -> bool {
        let port = &self.ports[index];
        let more = port.more_variations && port.rounds < MAX_ROUNDS;
        (more && !self.refused && self.settings.second_looks)
            || self.is_running(|s| matches!(s, Step::Vary(i, _) if *i == index))
    }

    /// Returns the pause before the next port is dialled alone.
    pub(super) fn pause(&self) -> Duration {
        if self.ports.iter().any(|p| p.dialled_slowly) {
            self.settings.budget.spacing
        } else {
            self.settings.budget.quiet
        }
    }

    /// Returns whether a port is being dialled alone.
    pub(super) fn is_slow_dialling(&self) -> bool {
        self.is_running(|step| matches!(step, Step::Slowly(_)))
    }

    /// Returns the probe to dial alone next; `None` if no failure can be due to the pace, or if enough ports failed at
    /// a slow pace too.
    pub(super) fn next_to_dial_slowly(&self) -> Option<usize> {
        let undecided = |index: &usize| {
            let failure = self.ports[*index].ended.and_then(|e| e.failure);
            let turned_away = failure.is_some_and(|f| f != PortFailure::Accepted);
            turned_away && !self.is_decided(*index)
        };
        let all = || (0..self.ports.len()).filter(undecided);
        let failed =
            all().filter(|i| self.ports[*i].dialled_slowly && !self.ports[*i].passes_slowly);
        let looks = self.works() && self.settings.second_looks;
        if !looks || failed.count() >= ENOUGH_SLOW_FAILURES {
            return None;
        }
        let mut all = all();
        all.find(|index| !self.ports[*index].dialled_slowly)
    }

    /// Returns whether a survey of the port of probe `index`, which fails in this way, can show something. It cannot if
    /// the port is blocked only at times. Of the ports that fail alike, the first is worth a survey, and the others if
    /// a survey showed something. A port that accepts is always worth one, since it may have a device of its own.
    pub(super) fn is_worth_a_survey(&self, index: usize, failure: PortFailure) -> bool {
        let mut begun = self.begun.iter();
        let begun = begun.any(|s| matches!(s, Step::Survey(_, other) if *other == failure));
        let mut surveyed = self.surveyed.iter();
        let shown = surveyed.any(|(other, shows)| *other == failure && *shows);
        let leads = failure == PortFailure::Accepted || !begun || shown;
        leads && !self.ports[index].passes_slowly
    }
}

/// Number of ports that fail at a slow pace too, after which no more ports are dialled slowly.
pub const ENOUGH_SLOW_FAILURES: usize = 2;
