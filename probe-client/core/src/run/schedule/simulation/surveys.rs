//! The surveys of a simulated run: the SYNs with small hop limits that they send, and what comes back for each.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::super::{Done, Step};
use super::{CONTROL_PORT, Event, Fault, Simulation, port};
use crate::run::budget::BUDGET;
use crate::run::port_board::PortFailure;
use crate::run::survey_order::hops;
use crate::survey::{HopAnswer, HopTry, LastHop, SurveySyn, Surveyor};

/// A survey in progress.
pub(super) struct RunningSurvey {
    surveyor: Surveyor,
    failure: PortFailure,
    step: Step,
    /// Whether it waits for its turn to send.
    sending: bool,
    /// SYNs that are not answered yet.
    under_way: usize,
}

impl Simulation<'_> {
    /// Begins a real survey of simulated hops.
    pub(super) fn survey(&mut self, index: usize, failure: PortFailure, step: Step) {
        let known = vec![self.network.distance; 3];
        let answers = failure != PortFailure::Silent;
        let mut surveyor = Surveyor::new(port(index), answers).comparing_with(CONTROL_PORT, known);
        if let Some(hops) = self.hops.get(&failure) {
            surveyor = surveyor.looking_at(hops.clone());
        }
        let survey = RunningSurvey {
            surveyor,
            failure,
            step,
            sending: false,
            under_way: 0,
        };
        self.surveys.insert(index, survey);
        self.go_on_with(index);
    }

    /// Records the answer to a SYN of a survey.
    pub(super) fn hop_tried(&mut self, index: usize, hop_try: HopTry) {
        let survey = self.surveys.get_mut(&index).expect("a survey in progress");
        survey.under_way -= 1;
        survey.surveyor.ended(hop_try);
        self.go_on_with(index);
    }

    /// Takes a turn for the next SYN of a survey, or ends the survey.
    fn go_on_with(&mut self, index: usize) {
        let survey = self.surveys.get_mut(&index).expect("a survey in progress");
        if survey.sending {
            return;
        }
        if let Some(syn) = survey.surveyor.next_syn() {
            survey.sending = true;
            let turn = self.survey_rate.next(self.now);
            self.event(turn - self.now, Event::Sends(index, syn));
        } else if survey.under_way == 0 {
            let ended = self.surveys.remove(&index).expect("a survey in progress");
            let survey = ended.surveyor.finish();
            let stopped = matches!(survey.last_hop(), LastHop::Lost { .. });
            let shows_a_place = stopped || survey.distance().is_some();
            if let Some(hops) = hops(&survey).filter(|_| ended.failure != PortFailure::Accepted) {
                self.hops.entry(ended.failure).or_insert(hops);
            }
            self.played.surveys.insert(index, survey);
            let done = Done::Survey { shows_a_place };
            self.ends_after(Duration::ZERO, ended.step, done);
        }
    }

    pub(super) fn send_of_survey(&mut self, index: usize, syn: SurveySyn) {
        let to = (syn.port == port(index)).then_some(index);
        self.played.syns.push((self.now, to));
        let answer = self.hop(to, syn.hop_limit);
        let wait = if answer == HopAnswer::Silence {
            BUDGET.for_a_hop(Some(self.network.round_trip))
        } else {
            self.network.round_trip
        };
        let hop_try = HopTry {
            port: syn.port,
            source_port: 10_000 + u16::try_from(self.number % 50_000).unwrap(),
            hop_limit: syn.hop_limit,
            start_us: 0,
            duration_us: 0,
            answer,
        };
        self.event(wait, Event::HopTried(index, hop_try));
        let survey = self.surveys.get_mut(&index).expect("a survey in progress");
        survey.sending = false;
        survey.under_way += 1;
        self.go_on_with(index);
    }

    /// Returns what comes back for a SYN with this hop limit.
    fn hop(&self, to: Option<usize>, hop_limit: u8) -> HopAnswer {
        let from = IpAddr::from(Ipv4Addr::new(192, 0, 2, hop_limit));
        let expired = HopAnswer::Expired { from };
        let server = self.network.distance;
        match to.map_or(Fault::Open, |index| self.network.ports[index]) {
            Fault::Dropped(hop) if hop_limit > hop => HopAnswer::Silence,
            Fault::ReplyDropped if hop_limit >= server => HopAnswer::Silence,
            Fault::Reset(hop) if hop_limit > hop => HopAnswer::Reset,
            Fault::Prohibited(hop) if hop_limit > hop => HopAnswer::Unreachable {
                from: IpAddr::from(Ipv4Addr::new(192, 0, 2, hop)),
                icmp_type: 3,
                code: 13,
            },
            Fault::Open
            | Fault::Dropped(_)
            | Fault::ReplyDropped
            | Fault::Reset(_)
            | Fault::Prohibited(_)
            | Fault::ResetsData
            | Fault::Limited(_) => {
                if hop_limit >= server {
                    HopAnswer::SynAck
                } else {
                    expired
                }
            }
        }
    }
}
