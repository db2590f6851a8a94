//! A network and a server in virtual time, to try schedules on: what each port does, round trips, lost SYNs, limits.

mod network;
mod surveys;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

pub(super) use self::network::{Fault, Network, Played};
use self::surveys::RunningSurvey;
use super::{ControlEnd, Done, Schedule, SessionEnd, Settings, SideResult, Step};
use crate::run::budget::BUDGET;
use crate::run::control_order::Lead;
use crate::run::port_board::PortFailure;
use crate::run::rate::Rate;
use crate::survey::{HopTry, SurveySyn};

struct Simulation<'a> {
    network: &'a Network,
    now: Duration,
    random: u64,
    /// The events to come, in order of time.
    events: BTreeMap<(Duration, u64), Event>,
    number: u64,
    survey_rate: Rate,
    side_rate: Rate,
    /// The hops at which the first survey of each kind of failure found something.
    hops: BTreeMap<PortFailure, RangeInclusive<u8>>,
    surveys: BTreeMap<usize, RunningSurvey>,
    played: Played,
}

enum Event {
    Answered(Option<usize>),
    /// A survey sends a SYN.
    Sends(usize, SurveySyn),
    HopTried(usize, HopTry),
    Ended(Step, Done),
}

/// Plays a whole run. Fails if it does not end.
pub(super) fn play(network: &Network) -> Played {
    play_with(network, true)
}

/// Plays a whole run, with or without second looks.
pub(super) fn play_with(network: &Network, second_looks: bool) -> Played {
    let settings = Settings {
        budget: BUDGET,
        side_connections: true,
        is_only_path: true,
        second_looks,
    };
    let mut schedule = Schedule::new(settings, network.ports.len());
    let mut simulation = Simulation::new(network);
    for _ in 0..MOST_TURNS {
        for step in schedule.next(simulation.now) {
            simulation.begin(step);
        }
        let event = simulation.events.first_key_value().map(|((at, _), _)| *at);
        let wakes = schedule.wakes();
        let Some(next) = [event, wakes].into_iter().flatten().min() else {
            assert!(schedule.is_idle());
            simulation.played.took = simulation.now;
            return simulation.played;
        };
        simulation.now = next.max(simulation.now);
        while let Some(entry) = simulation.events.first_entry()
            && entry.key().0 <= simulation.now
        {
            match entry.remove() {
                Event::Answered(Some(index)) => schedule.answered(index),
                Event::Answered(None) => schedule.reference_answered(),
                Event::Sends(index, syn) => simulation.send_of_survey(index, syn),
                Event::HopTried(index, hop_try) => simulation.hop_tried(index, hop_try),
                Event::Ended(step, done) => {
                    schedule.done(&step, done, simulation.now);
                    simulation.played.ended.push((step, simulation.now));
                }
            }
        }
    }
    panic!("a run without an end: {network:?}");
}

impl<'a> Simulation<'a> {
    fn new(network: &'a Network) -> Self {
        Self {
            network,
            now: Duration::ZERO,
            random: network.seed | 1,
            events: BTreeMap::new(),
            number: 0,
            survey_rate: Rate::OF_SURVEYS,
            side_rate: Rate::OF_SIDE_CONNECTIONS,
            hops: BTreeMap::new(),
            surveys: BTreeMap::new(),
            played: Played {
                took: Duration::ZERO,
                ended: Vec::new(),
                syns: Vec::new(),
                surveys: BTreeMap::new(),
            },
        }
    }

    fn begin(&mut self, step: Step) {
        let round_trip = self.network.round_trip;
        match &step {
            Step::Session(index) => self.session(Some(*index), step.clone()),
            Step::Reference => self.session(None, step.clone()),
            Step::GiveUp(index) => self.cut_short(&Step::Session(*index)),
            Step::GiveUpReference => self.cut_short(&Step::Reference),
            Step::OtherFlows(index) => {
                self.side_connections(*index, SIDE_CONNECTIONS, step.clone())
            }
            Step::Beside(index) => self.side_connections(*index, EARLY, step.clone()),
            Step::Control(_) => {
                self.ends_after(round_trip * 5, step, Done::Control(ControlEnd::Found));
            }
            Step::Ask(about) => {
                let accept = |i: &usize| self.network.ports[*i] == Fault::ResetsData;
                let follow = if about.iter().any(accept) {
                    BUDGET.follow
                } else {
                    Duration::ZERO
                };
                self.ends_after(round_trip + ANSWERING + follow, step, Done::Other);
            }
            Step::AskVaried(_) => {
                self.ends_after(round_trip + ANSWERING + BUDGET.follow, step, Done::Other);
            }
            Step::Slowly(index) => self.slowly(*index, step.clone()),
            Step::Survey(index, failure) => self.survey(*index, *failure, step.clone()),
            Step::Vary(_, round) => {
                let more = *round < 2;
                self.ends_after(round_trip * 4, step, Done::Varied { more });
            }
            Step::Reach(_) => self.ends_after(round_trip * 8, step, Done::Other),
            Step::AtTheEnd => self.ends_after(round_trip * 2, step, Done::Other),
        }
    }

    fn session(&mut self, index: Option<usize>, step: Step) {
        let (round_trip, fault) = (self.network.round_trip, self.fault(index));
        let mut waited = Duration::ZERO;
        loop {
            let arrives = self.syn(self.now + waited, index);
            if let Some(answered) = arrives
                .then(|| self.answer(fault, self.now + waited, index))
                .flatten()
            {
                let at = waited + round_trip;
                if matches!(answered, PortAnswer::Accepted) {
                    self.event(at, Event::Answered(index));
                }
                let (more, ended) = self.end_of(index, answered, fault);
                self.ends_after(at + round_trip * more, step, Done::Session(ended));
                return;
            }
            waited += SECOND;
            if waited > IDLE_TIMEOUT {
                break;
            }
        }
        let (_, ended) = self.end_of(index, PortAnswer::None, fault);
        self.ends_after(IDLE_TIMEOUT, step, Done::Session(ended));
    }

    /// Returns how many round trips a session lasts after its handshake, and how it ends.
    fn end_of(&self, index: Option<usize>, answer: PortAnswer, fault: Fault) -> (u32, SessionEnd) {
        let dies = fault == Fault::ResetsData;
        let (rounds, failure) = match answer {
            PortAnswer::Accepted if dies => (1, Some(PortFailure::Accepted)),
            PortAnswer::Accepted => (11, None),
            PortAnswer::None => (0, Some(PortFailure::Silent)),
            PortAnswer::Reset => (0, Some(PortFailure::Refused)),
            PortAnswer::Icmp => (0, Some(PortFailure::Prohibited)),
        };
        let whole = failure.is_none();
        let ended = SessionEnd {
            works: whole,
            complete: whole,
            failure,
            lead: Some(Lead::new(
                index.map_or(CONTROL_PORT, port),
                answer == PortAnswer::Accepted,
                whole,
            )),
            more_variations: dies,
        };
        (rounds, ended)
    }

    /// Ends a session now, although it would go on waiting.
    fn cut_short(&mut self, step: &Step) {
        let pending = self.events.iter();
        let mut pending = pending.filter(|(_, e)| matches!(e, Event::Ended(s, _) if s == step));
        let key = *pending.next().expect("a session in progress").0;
        let event = self.events.remove(&key).expect("a known key");
        let now = self.now;
        // SYNs that were due later are not sent.
        let index = if let Step::Session(index) = step {
            Some(*index)
        } else {
            None
        };
        self.played
            .syns
            .retain(|(at, to)| *to != index || *at <= now);
        self.event(Duration::ZERO, event);
    }

    fn side_connections(&mut self, index: usize, count: usize, step: Step) {
        let (fault, round_trip) = (self.fault(Some(index)), self.network.round_trip);
        let mut let_in = 0;
        let mut last = self.now;
        for _ in 0..count {
            let turn = self.side_rate.next(self.now);
            let arrives = self.syn(turn, Some(index));
            let answer = arrives
                .then(|| self.answer(fault, turn, Some(index)))
                .flatten();
            let_in += usize::from(answer == Some(PortAnswer::Accepted));
            let waits = if answer.is_some() {
                round_trip
            } else {
                BUDGET.for_one_syn(round_trip)
            };
            last = last.max(turn + waits);
        }
        // A connection to a port that works follows.
        self.played.syns.push((last, None));
        let works = self.answer(Fault::Open, last, None) == Some(PortAnswer::Accepted);
        let beside = if let_in == 0 && works {
            SideResult::Decided
        } else {
            SideResult::Undecided
        };
        let all_let_in = let_in == count;
        let done = if matches!(step, Step::OtherFlows(_)) {
            Done::OtherFlows { all_let_in }
        } else {
            Done::Beside(beside)
        };
        self.ends_after(last + round_trip - self.now, step, done);
    }

    fn slowly(&mut self, index: usize, step: Step) {
        let (fault, round_trip) = (self.fault(Some(index)), self.network.round_trip);
        let arrives = self.syn(self.now, Some(index));
        let answer = arrives
            .then(|| self.answer(fault, self.now, Some(index)))
            .flatten();
        let passed = answer == Some(PortAnswer::Accepted);
        let waits = if answer.is_some() {
            round_trip * 12
        } else {
            BUDGET.dialled_again
        };
        self.ends_after(waits, step, Done::Slowly { passed });
    }

    fn fault(&self, index: Option<usize>) -> Fault {
        index.map_or(self.network.control_port, |index| self.network.ports[index])
    }

    /// Sends a SYN, and returns whether it gets as far as the device.
    fn syn(&mut self, at: Duration, to: Option<usize>) -> bool {
        self.played.syns.push((at, to));
        // xorshift64 (Marsaglia 2003).
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.network.loss == 0 || !self.random.is_multiple_of(self.network.loss)
    }

    fn answer(&self, fault: Fault, at: Duration, to: Option<usize>) -> Option<PortAnswer> {
        let within = |t: Duration| t <= at && t + SECOND > at;
        let recent = self.played.syns.iter().filter(|(t, _)| within(*t));
        let limit = self.network.limit;
        if limit.is_some_and(|limit| recent.clone().count() > limit) {
            return Some(PortAnswer::Reset);
        }
        match fault {
            Fault::Open | Fault::ResetsData => Some(PortAnswer::Accepted),
            Fault::Dropped(_) | Fault::ReplyDropped => None,
            Fault::Reset(_) => Some(PortAnswer::Reset),
            Fault::Prohibited(_) => Some(PortAnswer::Icmp),
            Fault::Limited(most) => {
                let count = recent.filter(|(_, port)| *port == to).count();
                (count <= most).then_some(PortAnswer::Accepted)
            }
        }
    }

    fn ends_after(&mut self, wait: Duration, step: Step, done: Done) {
        self.event(wait, Event::Ended(step, done));
    }

    fn event(&mut self, wait: Duration, event: Event) {
        self.number += 1;
        self.events.insert((self.now + wait, self.number), event);
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum PortAnswer {
    Accepted,
    Reset,
    Icmp,
    None,
}

/// Returns the port of a probe.
fn port(index: usize) -> u16 {
    1_000 + u16::try_from(index).unwrap()
}

const CONTROL_PORT: u16 = 8_443;
/// The time that the server takes to answer a question.
const ANSWERING: Duration = Duration::from_millis(1);

const SECOND: Duration = Duration::from_secs(1);

/// The default idle timeout of a session.
const IDLE_TIMEOUT: Duration = Duration::from_millis(3_500);

const SIDE_CONNECTIONS: usize = 11;
const EARLY: usize = 4;
const MOST_TURNS: usize = 100_000;
