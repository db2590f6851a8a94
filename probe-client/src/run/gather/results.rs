//! Keeps the results of steps, and tells the schedule what it has to know about them.

use std::sync::Arc;

use probe_core::comparison::{loses_side_connections, next_round};
use probe_core::control_record::ControlOutcome;
use probe_core::measurement::{Flow, Measurement};
use probe_core::run::control_order::Lead;
use probe_core::run::port_board::PortFailure;
use probe_core::run::schedule::{ControlEnd, Done, SessionEnd, SideResult, Step};
use probe_core::run::server_result::{ServerResult, WatchingInstance};
use probe_core::run::survey_order;

use super::super::control_attempt::Attempt;
use super::super::{ServerRun, control_port, control_search, given_up};
use super::{Gathering, StepResult};

impl Gathering<'_> {
    /// Takes the channels to the server, and the measurements for a question: the probes `about`, the session to the
    /// control port, and all sessions that ran to their end, which show the instances that they met.
    pub(super) fn about(&mut self, about: &[usize]) -> ServerRun {
        self.told_observations = self.control.observations.len();
        let whole = |index: &usize| {
            self.probes[*index]
                .as_ref()
                .is_some_and(Measurement::is_complete)
        };
        let others = (0..self.probes.len()).filter(whole);
        let probes = about
            .iter()
            .copied()
            .chain(others)
            .filter_map(|index| self.with_flows(index))
            .collect();
        let reference = self.reference.clone().filter(|m| m.sighting.is_none());
        ServerRun {
            destination: Arc::clone(&self.destination),
            result: ServerResult {
                probes,
                reference_probe: reference.unwrap_or_else(|| self.no_reference()),
                control: self.control.clone(),
                instances: std::mem::take(&mut self.instances),
                is_gone: false,
            },
            channels: std::mem::take(&mut self.channels),
        }
    }

    /// Returns the probe `index` with its side connections, if its session has ended.
    pub(super) fn with_flows(&self, index: usize) -> Option<Measurement> {
        let mut probe = self.probes[index].clone()?;
        probe.flows.extend(self.flows[index].iter().copied());
        Some(probe)
    }

    /// Returns an empty measurement of the control port.
    pub(super) fn no_reference(&self) -> Measurement {
        control_port::not_measured(self.run, &self.destination)
    }

    pub(super) fn ended(&mut self, step: Step, result: StepResult) {
        self.running.remove(&step);
        let done = match (&step, result) {
            (Step::Session(index), StepResult::Session(session)) => {
                self.progress.one_done();
                let ended = self.session_ended(&session);
                self.probes[*index] = Some(*session);
                Done::Session(ended)
            }
            (_, StepResult::Session(session)) => {
                let ended = self.session_ended(&session);
                self.reference = Some(*session);
                Done::Session(ended)
            }
            (Step::Beside(index), StepResult::Flows(flows, beside)) => {
                Done::Beside(self.beside_ended(*index, flows, beside))
            }
            (Step::OtherFlows(index), StepResult::Flows(flows, _)) => {
                self.flows[*index].extend(flows);
                let probe = self.with_flows(*index);
                let loses = probe.is_some_and(|probe| loses_side_connections(&probe));
                Done::OtherFlows { all_let_in: !loses }
            }
            (_, StepResult::Attempt(attempt)) => Done::Control(self.attempt_ended(*attempt)),
            (Step::Ask(about), StepResult::Asked(asked)) => {
                self.told(about, *asked);
                Done::Other
            }
            (Step::AskVaried(about), StepResult::Asked(asked)) => {
                self.told_of_variations(about, *asked);
                Done::Other
            }
            (Step::Survey(_, failure), StepResult::Survey(survey)) => {
                let hops = survey_order::hops(&survey);
                let shows_a_place = hops.is_some();
                // Ports that accept may each have their own device.
                if let Some(hops) = hops.filter(|_| *failure != PortFailure::Accepted) {
                    self.hops.entry(*failure).or_insert(hops);
                }
                self.surveys.push((*failure, survey));
                Done::Survey { shows_a_place }
            }
            (Step::Vary(index, _), StepResult::Varied(sessions)) => {
                let probe = self.probes[*index].as_mut();
                let more = probe.is_some_and(|probe| {
                    probe.variations.extend(sessions);
                    !next_round(probe).is_empty()
                });
                Done::Varied { more }
            }
            (Step::Reach(index), StepResult::Varied(sessions)) => {
                let probe = self.probes[*index].iter_mut();
                probe.for_each(|probe| probe.variations.extend(sessions.iter().cloned()));
                Done::Other
            }
            (_, _) => Done::Other,
        };
        self.schedule
            .done(&step, done, self.run.context.clock.now());
    }

    fn beside_ended(&mut self, index: usize, flows: Vec<Flow>, beside: SideResult) -> SideResult {
        // If the session has connected in the meantime, it shows more than side connections that were opened because it
        // had not.
        let session = self.probes[index].as_ref();
        if session.is_some_and(Measurement::connected) {
            return SideResult::Undecided;
        }
        self.flows[index].extend(flows);
        beside
    }

    fn session_ended(&self, session: &Measurement) -> SessionEnd {
        self.run.note(session);
        let port_states = &self.run.context.options.port_states;
        let references = session.server().map(|s| port_states.references(s));
        let works = references.is_some_and(|all| {
            let port = session.port_dialled();
            all.iter().any(|(other, _)| *other == port)
        });
        SessionEnd {
            works,
            complete: session.is_complete(),
            failure: PortFailure::of(session),
            // A session that was given up says nothing about the server.
            lead: (!given_up(session)).then(|| Lead::of(session)),
            more_variations: !next_round(session).is_empty(),
        }
    }

    fn attempt_ended(&mut self, attempt: Attempt) -> ControlEnd {
        let since_us = attempt.observation.end_us();
        self.control.observations.push(attempt.observation);
        let is_first = matches!(self.control.outcome, ControlOutcome::NotReached);
        let port = attempt.port;
        match attempt.result {
            Ok((channel, description)) if is_first => {
                self.instances.push(WatchingInstance {
                    description: description.clone(),
                    since_us,
                    lost: None,
                });
                self.channels.push(channel);
                self.control.outcome = ControlOutcome::Reached { port, description };
                ControlEnd::Found
            }
            Ok(_) => ControlEnd::Found,
            Err(failure) => match control_search::answer_of_the_genuine(port, &failure) {
                Some(outcome) if is_first => {
                    self.control.outcome = outcome;
                    ControlEnd::Refused
                }
                Some(_) | None => ControlEnd::Failed,
            },
        }
    }

    /// Takes back the channels and what the server reported about the probes `about`.
    fn told(&mut self, about: &[usize], mut asked: ServerRun) {
        let result = &mut asked.result;
        for (index, probe) in about.iter().zip(&mut result.probes) {
            if let Some(own) = &mut self.probes[*index] {
                own.sighting = probe.sighting.take();
            }
        }
        if let Some(own) = &mut self.reference
            && own.sighting.is_none()
        {
            own.sighting = result.reference_probe.sighting.take();
        }
        self.take_back(asked);
    }

    /// Takes back the channels and what the server reported about the variations of the probes `about`.
    fn told_of_variations(&mut self, about: &[usize], mut asked: ServerRun) {
        for (index, probe) in about.iter().zip(&mut asked.result.probes) {
            let own = self.probes[*index]
                .iter_mut()
                .flat_map(|p| &mut p.variations);
            for (own, told) in own.zip(&mut probe.variations) {
                own.measurement.sighting = told.measurement.sighting.take();
            }
        }
        self.take_back(asked);
    }

    fn take_back(&mut self, asked: ServerRun) {
        let result = asked.result;
        let known = self.told_observations;
        let fresh = result.control.observations.into_iter().skip(known);
        self.control.observations.extend(fresh);
        self.control.others = result.control.others;
        self.control.unasked = result.control.unasked;
        self.instances = result.instances;
        self.channels = asked.channels;
    }
}
