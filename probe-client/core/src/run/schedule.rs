//! Decides what a run to one server address does next, on the direct path: which port is dialled, which is surveyed, and
//! when the server is asked. It knows no clock and sends nothing: the caller begins the steps of [`Schedule::next`], and
//! reports the result of each to [`Schedule::done`].
//!
//! [`Schedule::next`] is the whole algorithm, one rule after another. Each rule adds the steps that may begin by now; a
//! step begins once. Steps run at the same time as far as their evidence allows:
//!
//! - A lost SYN says something about a port only if no limit on connections can have dropped it. Some rules therefore
//!   wait until no other connection is open.
//! - By their source ports, the server distinguishes a survey's connections from those that it is asked about.

use std::collections::BTreeSet;
use std::time::Duration;

use super::budget::Budget;
use super::control_order::ControlOrder;
use super::port_board::PortFailure;

mod facts;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use facts::PortProgress;
pub use facts::{ControlEnd, Done, ENOUGH_SLOW_FAILURES, SessionEnd, SideResult, Step};

/// What a run may do, and how long it waits.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub budget: Budget,
    /// Whether ports get side connections.
    pub side_connections: bool,
    /// Whether the run has no other path to the server. If it has one, the server may have to be asked about sessions
    /// on it.
    pub is_only_path: bool,
    /// Whether further connections look for the place of a fault, for limits, and for faults of single flows. If not,
    /// only silent ports get side connections: without those it would prove nothing that the server saw no SYN.
    pub second_looks: bool,
}

/// The state of a run to one server address.
#[derive(Clone, Debug)]
pub struct Schedule {
    settings: Settings,
    /// The time since the run's start, as the caller gave it last.
    now: Duration,
    ports: Vec<PortProgress>,
    reference: PortProgress,
    control: ControlOrder,
    /// Ports on which the control service is to be tried at once.
    control_leads: Vec<u16>,
    control_found: bool,
    control_over: bool,
    /// Whether the genuine server refuses, as it would refuse every session.
    refused: bool,
    begun: BTreeSet<Step>,
    running: BTreeSet<Step>,
    /// When the last packet was sent that a limit of the network may count.
    last_sent: Duration,
    /// When the last session of a probe ended.
    last_end: Duration,
    /// Whether side connections to a port that works were not let in.
    others_fail: bool,
    /// Surveys that have ended: how their port fails, and whether the survey showed where the port is blocked.
    surveyed: Vec<(PortFailure, bool)>,
}

impl Schedule {
    /// Returns the schedule of a run with `probes` probes.
    pub fn new(settings: Settings, probes: usize) -> Self {
        Self {
            settings,
            now: Duration::ZERO,
            ports: vec![PortProgress::default(); probes],
            reference: PortProgress::default(),
            control: ControlOrder::default(),
            control_leads: Vec::new(),
            control_found: false,
            control_over: false,
            refused: false,
            begun: BTreeSet::new(),
            running: BTreeSet::new(),
            last_sent: Duration::ZERO,
            last_end: Duration::ZERO,
            others_fail: false,
            surveyed: Vec::new(),
        }
    }

    /// Returns the steps that begin at `now`, since the run's start.
    pub fn next(&mut self, now: Duration) -> Vec<Step> {
        self.now = now;
        let mut begin = Vec::new();
        self.dial_all_ports(&mut begin);
        self.try_other_flows_of_what_works(&mut begin);
        self.try_other_flows_of_what_fails(&mut begin);
        self.give_up_what_is_silent(&mut begin);
        self.give_up_the_control_port(&mut begin);
        self.search_for_the_control_service(&mut begin);
        self.ask_the_server(&mut begin);
        if self.settings.second_looks {
            self.dial_slowly_what_a_limit_may_have_lost(&mut begin);
            self.survey_what_fails(&mut begin);
            self.vary_sessions_that_died(&mut begin);
            self.ask_about_variations(&mut begin);
            self.find_how_far_sessions_reach(&mut begin);
            self.dial_what_worked_at_the_end(&mut begin);
        }
        begin
    }

    /// Returns when the next step may begin if no running step ends before; `None` if there is no such time.
    pub fn wakes(&self) -> Option<Duration> {
        let budget = &self.settings.budget;
        let waiting = self.all().filter(|p| p.ended.is_none());
        let dialled = waiting.filter_map(|p| p.dialled);
        let silences = dialled.map(|at| at + budget.unanswered);
        let quiet = self.last_sent + self.pause();
        let quiet = self.next_to_dial_slowly().map(|_| quiet);
        let failing = (0..self.ports.len()).filter(|i| self.waits_for_others(*i));
        let again = failing.map(|index| self.may_be_dialled_again(index));
        let grace = self.last_end * 2 + budget.grace;
        let grace = self.reference.ended.is_none().then_some(grace);
        let lead = self.reference.dialled.map(|at| at + budget.lead);
        silences
            .chain(lead)
            .chain(quiet)
            .chain(again)
            .chain(grace)
            .filter(|at| *at > self.now)
            .min()
    }

    /// Dials the control port first and then all others at once, so that ports do not wait for each other. Under a
    /// limit on new connections only the first SYN of each burst passes. If that SYN went to a blocked port, nothing
    /// would answer.
    fn dial_all_ports(&mut self, begin: &mut Vec<Step>) {
        self.once(Step::Reference, begin);
        let first = self.reference.dialled.unwrap_or_default();
        if self.reference.ended.is_some() || self.now >= first + self.settings.budget.lead {
            for index in 0..self.ports.len() {
                self.once(Step::Session(index), begin);
            }
        }
    }

    /// Opens side connections to ports whose session ran whole, from other source ports, to find faults of single
    /// flows.
    fn try_other_flows_of_what_works(&mut self, begin: &mut Vec<Step>) {
        let looks = self.settings.side_connections && self.settings.second_looks;
        for index in 0..self.ports.len() {
            let works = self.ports[index].ended.is_some_and(|e| e.works);
            if looks && works {
                self.once(Step::OtherFlows(index), begin);
            }
        }
    }

    /// Opens side connections to a port that lets no SYN in while another port works, and then one to the port that
    /// works. If only the latter is answered, at the same time and pace, the cause is not a limit on the pace. Nothing
    /// else is open at that time, and a limit on each port has had a second to recover.
    fn try_other_flows_of_what_fails(&mut self, begin: &mut Vec<Step>) {
        let others = self.is_running(|step| matches!(step, Step::OtherFlows(_)));
        if !self.settings.side_connections || !self.works() || self.is_talking() || others {
            return;
        }
        for index in 0..self.ports.len() {
            let gets_others = self.gets_others(index);
            if gets_others && self.may_be_dialled_again(index) <= self.now {
                self.once(Step::Beside(index), begin);
            }
        }
    }

    /// Ends a session whose SYNs are not answered, once side connections have shown that more SYNs would show nothing
    /// new. Firewalls that ban a source count SYNs.
    fn give_up_what_is_silent(&mut self, begin: &mut Vec<Step>) {
        for index in 0..self.ports.len() {
            let port = &self.ports[index];
            if port.ended.is_none() && port.beside == Some(SideResult::Decided) {
                self.once(Step::GiveUp(index), begin);
            }
        }
    }

    /// Ends the session to the control port, which serves only as a reference, if all other sessions have ended and it has
    /// taken twice as long as they did.
    fn give_up_the_control_port(&mut self, begin: &mut Vec<Step>) {
        let mut all = self.ports.iter();
        let complete = all.all(|p| p.ended.is_some_and(|e| e.complete));
        let enough = self.now >= self.last_end * 2 + self.settings.budget.grace;
        if complete && enough && self.settings.is_only_path && self.reference.ended.is_none() {
            self.once(Step::GiveUpReference, begin);
        }
    }

    /// Tries the control service on a port that works as soon as there is one, and on other ports once no session and
    /// no attempt is in progress.
    fn search_for_the_control_service(&mut self, begin: &mut Vec<Step>) {
        let mut ports = std::mem::take(&mut self.control_leads);
        let ended = self.all().all(|p| p.ended.is_some());
        let attempts = self.is_running(|step| matches!(step, Step::Control(_)));
        if self.control_found || self.control_over {
            return;
        }
        if ports.is_empty() && ended && !attempts {
            if !self.control.all_complete() {
                ports = self.control.next_group();
            }
            self.control_over = ports.is_empty();
        }
        for port in ports {
            self.once(Step::Control(port), begin);
        }
    }

    /// Asks the server about every session that did not run whole, including the one to the control port, one question at
    /// a time. A session is asked about once it has sent its last SYN, so that the server counts all of them.
    fn ask_the_server(&mut self, begin: &mut Vec<Step>) {
        if !self.control_found || self.is_asking() {
            return;
        }
        let open = |index: &usize| {
            let port = &self.ports[*index];
            let sending = self.running.contains(&Step::Beside(*index));
            port.ended.is_some_and(|e| !e.complete) && !port.asked && !sending
        };
        let about: Vec<usize> = (0..self.ports.len()).filter(open).collect();
        if !about.is_empty() {
            about
                .iter()
                .for_each(|index| self.ports[*index].asked = true);
            self.once(Step::Ask(about), begin);
        }
    }

    /// Dials ports alone whose SYNs were not let in, if side connections do not exclude a limit. The first port is
    /// dialled after a quiet time in which a limit recovers, the others one at a time. Nothing else sends meanwhile.
    fn dial_slowly_what_a_limit_may_have_lost(&mut self, begin: &mut Vec<Step>) {
        let busy = self.is_running(Step::sends);
        let recovered = self.now >= self.last_sent + self.pause();
        if let Some(index) = self.next_to_dial_slowly()
            && !busy
            && recovered
        {
            self.once(Step::Slowly(index), begin);
        }
    }

    /// Surveys ports that fail, once the server was asked about them and nothing else can be disturbed: a firewall may
    /// ban a source that sends this many SYNs. If no port works, the server cannot be asked, and the ports are surveyed
    /// while their sessions wait. Of the ports that fail alike, one is surveyed first, and the others only if its
    /// survey showed something. Ports that accept come before all others, because the steps after their surveys take
    /// longest.
    fn survey_what_fails(&mut self, begin: &mut Vec<Step>) {
        let others = self.is_running(|s| matches!(s, Step::OtherFlows(_) | Step::Beside(_)));
        if self.is_talking()
            || others
            || self.next_to_dial_slowly().is_some()
            || self.is_slow_dialling()
        {
            return;
        }
        let accepting = |index: &usize| self.failure(*index) == Some(PortFailure::Accepted);
        let (first, later): (Vec<usize>, Vec<usize>) = (0..self.ports.len()).partition(accepting);
        for index in first.into_iter().chain(later) {
            let Some(failure) = self.failure(index) else {
                continue;
            };
            let before = self.is_running(|s| matches!(s, Step::Survey(_, PortFailure::Accepted)));
            if before && failure != PortFailure::Accepted && self.works() {
                return;
            }
            let nothing_works = !self.works() && !self.reference_may_work();
            let alone = nothing_works && failure != PortFailure::Accepted;
            let told = self.is_told(index) && !self.is_varying(index);
            // If a SYN was answered late, a survey that assumed another failure of this port may still be running.
            let again = self.is_running(|s| matches!(s, Step::Survey(i, _) if *i == index));
            if (alone || told) && !again && self.is_worth_a_survey(index, failure) {
                self.once(Step::Survey(index, failure), begin);
            }
        }
    }

    /// Repeats and varies sessions that died, one round at a time. It waits until the server has said what it saw of
    /// them, and until no port is left that a limit may have blocked. A server that refuses would do so in every
    /// variation.
    fn vary_sessions_that_died(&mut self, begin: &mut Vec<Step>) {
        if self.refused || self.next_to_dial_slowly().is_some() || self.is_slow_dialling() {
            return;
        }
        for index in 0..self.ports.len() {
            let (port, told) = (&self.ports[index], self.is_told(index));
            let running = self.is_running(|s| matches!(s, Step::Vary(i, _) if *i == index));
            if told && !running && port.more_variations && port.rounds < MAX_ROUNDS {
                self.once(Step::Vary(index, port.rounds), begin);
            }
        }
    }

    /// Asks the server about failed variations once no more variations of their port follow. One question may be about
    /// several ports.
    fn ask_about_variations(&mut self, begin: &mut Vec<Step>) {
        if !self.control_found || self.is_asking() {
            return;
        }
        let varied = |index: &usize| {
            let port = &self.ports[*index];
            port.rounds > 0 && !port.asked_varied && !self.is_varying(*index)
        };
        let about: Vec<usize> = (0..self.ports.len()).filter(varied).collect();
        if !about.is_empty() {
            about
                .iter()
                .for_each(|index| self.ports[*index].asked_varied = true);
            self.once(Step::AskVaried(about), begin);
        }
    }

    /// Looks for the hop of a device that acts on bytes, once the survey of its port has shown the distance of the
    /// server, and variations have shown that sessions to this port die each time.
    fn find_how_far_sessions_reach(&mut self, begin: &mut Vec<Step>) {
        for index in 0..self.ports.len() {
            let of_port = |step: &Step| matches!(step, Step::Survey(other, _) if *other == index);
            let surveyed = self.begun.iter().any(of_port) && !self.is_running(of_port);
            if surveyed && self.ports[index].rounds > 0 && !self.is_varying(index) {
                self.once(Step::Reach(index), begin);
            }
        }
    }

    /// Dials a port that worked once more if others were silent, because the run itself may have made a device block
    /// this host.
    fn dial_what_worked_at_the_end(&mut self, begin: &mut Vec<Step>) {
        let over = begin.is_empty() && self.running.is_empty();
        let silent = (0..self.ports.len()).any(|i| self.failure(i) == Some(PortFailure::Silent));
        if over && self.next_to_dial_slowly().is_none() && self.works() && silent {
            self.once(Step::AtTheEnd, begin);
        }
    }
}

/// Maximum number of rounds of variations: a repetition, then sizes or shapes, then a last look.
pub const MAX_ROUNDS: u8 = 4;
