//! Carries out the steps of the core's schedule for one server address on the direct path: sessions, side connections,
//! the control service, questions and surveys, all at the same time. It decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::panic;
use std::sync::Arc;

use probe_core::control_record::{ControlOutcome, ControlRecord};
use probe_core::measurement::{Flow, Measurement, VariedSession};
use probe_core::plan::PlannedProbe;
use probe_core::run::budget::BUDGET;
use probe_core::run::port_board::PortFailure;
use probe_core::run::schedule::{Schedule, Settings, SideResult, Step};
use probe_core::run::server_result::{ServerResult, WatchingInstance};
use probe_core::run::survey_order::{self, Surveyed};
use probe_core::survey::{Survey, Surveyor};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::control_attempt::Attempt;
use super::side_handshakes::SideHandshakeLog;
use super::survey::SurveyDriver;
use super::{
    Run, ServerRun, control_port, control_search, flows, follow_up, given_up, sightings, task,
};
use crate::control::{ControlChannel, ControlIdentity};
use crate::destination::Destination;
use crate::progress::Progress;

mod activity;
mod results;
mod so_far;

/// Runs everything that the schedule asks for, until only sessions are left that a later part of the run makes.
pub(super) async fn gather(
    run: &Arc<Run>,
    destination: Destination,
    side_connections: usize,
    progress: &Progress,
) -> ServerRun {
    let mut gathering = Gathering {
        count: side_connections,
        ..Gathering::new(run, Arc::new(destination), progress)
    };
    let mut board = run.context.options.port_states.watch();
    loop {
        board.mark_unchanged();
        gathering.note_answers();
        let now = run.context.clock.now();
        for step in gathering.schedule.next(now) {
            gathering.begin(step);
        }
        if gathering.is_over() {
            return gathering.finish();
        }
        gathering.show();
        let wakes = gathering.schedule.wakes();
        let wakes = wakes.map(|at| run.context.clock.at(at));
        let cancelled = run.context.cancelled.is_cancelled();
        let sleep = async {
            match wakes {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = gathering.tasks.join_next() => {
                match ended {
                    Ok((step, result)) => gathering.ended(step, result),
                    Err(error) => panic::resume_unwind(error.into_panic()),
                }
            }
            _ = board.changed() => {}
            () = sleep => {}
            () = run.context.cancelled.cancelled(), if !cancelled => {}
        }
    }
}

/// The result of a step.
enum StepResult {
    Session(Box<Measurement>),
    Flows(Vec<Flow>, SideResult),
    Attempt(Box<Attempt>),
    Asked(Box<ServerRun>),
    Survey(Survey),
    Varied(Vec<VariedSession>),
}

struct Gathering<'a> {
    run: &'a Arc<Run>,
    destination: Arc<Destination>,
    progress: &'a Progress,
    planned: Vec<PlannedProbe>,
    /// The address for the side connections of each probe; `None` if it has none of its own.
    side_ports: Vec<Option<SocketAddr>>,
    /// Number of side connections to each port that works.
    count: usize,
    side_handshakes: SideHandshakeLog,
    schedule: Schedule,
    tasks: JoinSet<(Step, StepResult)>,
    running: BTreeSet<Step>,
    /// Steps that a later part of the run carries out.
    left: BTreeSet<Step>,
    /// Probes that are varied, and the limit on their simultaneous sessions.
    varied: BTreeSet<usize>,
    in_flight: Arc<Semaphore>,
    probes: Vec<Option<Measurement>>,
    flows: Vec<Vec<Flow>>,
    reference: Option<Measurement>,
    /// Ends the session to the control port.
    reference_ends: CancellationToken,
    control: ControlRecord,
    instances: Vec<WatchingInstance>,
    channels: Vec<ControlChannel>,
    /// Number of attempts in the record when the server was asked last.
    told_observations: usize,
    surveys: Vec<Surveyed>,
    /// The hops at which the first survey for a kind of failure found something.
    hops: BTreeMap<PortFailure, RangeInclusive<u8>>,
    /// Probes whose rows are on the terminal.
    shown: BTreeSet<usize>,
}

impl<'a> Gathering<'a> {
    fn new(run: &'a Arc<Run>, destination: Arc<Destination>, progress: &'a Progress) -> Self {
        let path = destination.path();
        let planned: Vec<PlannedProbe> = run
            .config
            .plan
            .over(&path, &destination.host)
            .cloned()
            .collect();
        let mut ports = flows::Ports::default();
        let side_ports = planned.iter().map(|p| ports.of(p, &destination)).collect();
        let settings = Settings {
            budget: BUDGET,
            side_connections: true,
            is_only_path: run.config.plan.paths.len() == 1,
            second_looks: !run.config.quick,
        };
        Self {
            schedule: Schedule::new(settings, planned.len()),
            side_ports,
            count: 0,
            side_handshakes: SideHandshakeLog::default(),
            tasks: JoinSet::new(),
            running: BTreeSet::new(),
            left: BTreeSet::new(),
            varied: BTreeSet::new(),
            in_flight: follow_up::at_the_same_time(),
            probes: planned.iter().map(|_| None).collect(),
            flows: planned.iter().map(|_| Vec::new()).collect(),
            reference: None,
            reference_ends: run.context.cancelled.child_token(),
            control: ControlRecord {
                host: destination.host.clone(),
                address: destination.address,
                path,
                outcome: ControlOutcome::NotReached,
                others: Vec::new(),
                unasked: Vec::new(),
                observations: Vec::new(),
            },
            instances: Vec::new(),
            channels: Vec::new(),
            told_observations: 0,
            surveys: Vec::new(),
            hops: BTreeMap::new(),
            shown: BTreeSet::new(),
            planned,
            run,
            destination,
            progress,
        }
    }

    /// Tells the schedule which ports have answered.
    fn note_answers(&mut self) {
        let board = self.run.context.options.port_states.watch();
        let board = board.borrow();
        for (index, planned) in self.planned.iter().enumerate() {
            let address = self.destination.socket(planned.dialled.get());
            if address.is_some_and(|address| board.has_answered(address)) {
                self.schedule.answered(index);
            }
        }
        let control = self.destination.socket(control_port::dialled(self.run));
        if control.is_some_and(|address| board.has_answered(address)) {
            self.schedule.reference_answered();
        }
    }

    fn begin(&mut self, step: Step) {
        let run = Arc::clone(self.run);
        match &step {
            Step::Session(index) => {
                let planned = &self.planned[*index];
                let task = task::of(&run, planned, &self.destination);
                let handshakes = self.side_handshakes.of(&run, planned, &self.destination);
                self.spawn(step, async move {
                    let session = handshakes.beside(task, &run.context).await;
                    StepResult::Session(Box::new(session))
                });
            }
            Step::Reference => {
                let (destination, ends) =
                    (Arc::clone(&self.destination), self.reference_ends.clone());
                self.spawn(step, async move {
                    let session = control_port::measure(&run, &destination, ends).await;
                    StepResult::Session(Box::new(session))
                });
            }
            Step::OtherFlows(index) | Step::Beside(index) => self.side_connections(*index, step),
            Step::GiveUp(index) => {
                let port = self.planned[*index].dialled.get();
                if let Some(address) = self.destination.socket(port) {
                    run.context.options.port_states.give_up(address);
                }
            }
            Step::GiveUpReference => self.reference_ends.cancel(),
            Step::Control(port) => {
                let (destination, port) = (Arc::clone(&self.destination), *port);
                let identity = ControlIdentity::of(&run.config.connection, &destination.host);
                self.spawn(step, async move {
                    let context = &run.context;
                    let id = run.run_id;
                    let dialled =
                        control_search::attempt(&destination, port, &identity, context, id).await;
                    StepResult::Attempt(Box::new(dialled))
                });
            }
            Step::Ask(about) => {
                let mut asked = self.about(about);
                self.spawn(step, async move {
                    sightings::ask_one(&run, &mut asked).await;
                    StepResult::Asked(Box::new(asked))
                });
            }
            Step::AskVaried(about) => {
                let mut asked = self.about(about);
                self.spawn(step, async move {
                    sightings::ask_beside(&run, &mut asked).await;
                    StepResult::Asked(Box::new(asked))
                });
            }
            Step::Survey(index, failure) => self.survey(*index, *failure, step),
            Step::Vary(index, _) => self.vary(*index, step),
            Step::Reach(index) => self.reach(*index, step),
            Step::Slowly(_) | Step::AtTheEnd => {
                self.left.insert(step);
            }
        }
    }

    fn spawn(&mut self, step: Step, work: impl Future<Output = StepResult> + Send + 'static) {
        self.running.insert(step.clone());
        self.tasks.spawn(async move { (step, work.await) });
    }

    fn side_connections(&mut self, index: usize, step: Step) {
        let run = Arc::clone(self.run);
        let (planned, destination) = (self.planned[index].clone(), Arc::clone(&self.destination));
        let port = self.side_ports[index];
        let (session, count) = (self.probes[index].clone(), self.count);
        let is_beside = matches!(step, Step::Beside(_));
        self.spawn(step, async move {
            let Some(address) = port else {
                return StepResult::Flows(Vec::new(), SideResult::Undecided);
            };
            if is_beside {
                let (flows, beside) = flows::early(&run, address).await;
                return StepResult::Flows(flows, beside);
            }
            let Some(mut session) = session else {
                return StepResult::Flows(Vec::new(), SideResult::Undecided);
            };
            session.flows.clear();
            let bytes = || flows::first_bytes(&run, &planned, &destination);
            flows::beside(&run, address, count, bytes, &mut session).await;
            StepResult::Flows(session.flows, SideResult::Undecided)
        });
    }

    /// Runs a round of variations, if the server is known to answer and the line is good; otherwise that is left to a
    /// later part of the run.
    fn vary(&mut self, index: usize, step: Step) {
        let known = self.control.shows_server_alive()
            || self.probes.iter().flatten().any(Measurement::testified);
        self.varied.insert(index);
        let few = self.varied.len() <= follow_up::MAX_PROBES;
        let worth_it = known && few && !self.run.context.options.line.is_slow();
        let Some(probe) = self.probes[index].clone().filter(|_| worth_it) else {
            self.left.insert(step);
            return;
        };
        let (run, destination) = (Arc::clone(self.run), Arc::clone(&self.destination));
        let (planned, in_flight) = (self.planned[index].clone(), Arc::clone(&self.in_flight));
        self.spawn(step, async move {
            let round = follow_up::one_round(&run, &destination, in_flight, &planned, &probe);
            StepResult::Varied(round.await)
        });
    }

    /// Looks for the hop at which the sessions of a probe die, if the survey of its port shows how far away the server
    /// is.
    fn reach(&mut self, index: usize, step: Step) {
        let all = self.probes.iter().flatten().chain(&self.reference);
        let known: Vec<u8> = all.filter_map(Measurement::server_distance).collect();
        let port = self.planned[index].dialled.get();
        let mut surveys = self.surveys.iter().map(|(_, survey)| survey);
        let survey = surveys.find(|survey| survey.port == port);
        let server = survey.and_then(|survey| survey.exact_server_distance(&known));
        let probe = self.probes[index].clone();
        let (run, destination) = (Arc::clone(self.run), Arc::clone(&self.destination));
        let (planned, in_flight) = (self.planned[index].clone(), Arc::clone(&self.in_flight));
        self.spawn(step, async move {
            let (Some(server), Some(probe)) = (server, probe) else {
                return StepResult::Varied(Vec::new());
            };
            let reach = follow_up::reach(&run, &destination, in_flight, &planned, probe, server);
            StepResult::Varied(reach.await)
        });
    }

    fn survey(&mut self, index: usize, failure: PortFailure, step: Step) {
        let port = self.planned[index].dialled.get();
        // On a slow line, the sessions that were too slow are run again first.
        let slow = self.run.context.options.line.is_slow();
        let Some(server) = self.destination.surveyed().filter(|_| !slow) else {
            self.left.insert(step);
            return;
        };
        let port_states = &self.run.context.options.port_states;
        let nothing_works = port_states.references(server).is_empty();
        let compares = !nothing_works || !port_states.relayed(server).is_empty();
        let follows = self.hops.get(&failure);
        let lasts = if follows.is_some() {
            BUDGET.survey_following
        } else {
            BUDGET.survey
        };
        let surveyor = Surveyor::new(port, survey_order::answers(failure));
        let surveyor = match follows {
            Some(hops) => surveyor.looking_at(hops.clone()),
            None => surveyor,
        };
        let clock = self.run.context.clock;
        let driver = SurveyDriver {
            run: Arc::clone(self.run),
            server,
            ends: clock.at(clock.now() + lasts).into(),
            compares,
        };
        self.spawn(step, async move {
            StepResult::Survey(driver.run(surveyor).await)
        });
    }

    /// Returns whether nothing is in progress that the run has to wait for.
    fn is_over(&self) -> bool {
        if self.run.context.cancelled.is_cancelled() {
            return self
                .running
                .iter()
                .all(|s| !matches!(s, Step::Session(_) | Step::Reference));
        }
        let found = !matches!(self.control.outcome, ControlOutcome::NotReached);
        let needless = |step: &Step| matches!(step, Step::Control(_)) && (found || self.is_clean());
        let busy = self.running.iter().any(|step| !needless(step));
        !busy && !self.schedule.waits_for_side_connections()
    }

    /// Returns whether every session ran to its end, and no other path may need the control service.
    fn is_clean(&self) -> bool {
        let complete = |m: &Option<Measurement>| m.as_ref().is_some_and(Measurement::is_complete);
        let reference = self
            .reference
            .as_ref()
            .is_none_or(|m| m.is_complete() || given_up(m));
        let only = self.run.config.plan.paths.len() == 1;
        only && reference && self.probes.iter().all(complete)
    }

    fn finish(mut self) -> ServerRun {
        if self.is_clean() && matches!(self.control.outcome, ControlOutcome::NotReached) {
            self.control.outcome = ControlOutcome::NotNeeded;
        }
        // An attempt that is dropped midway would look to the server like a stranger's connection.
        if !self.is_clean() {
            self.tasks.detach_all();
        }
        let reference_probe = self.reference.take().unwrap_or_else(|| self.no_reference());
        let mut probes: Vec<Measurement> = Vec::new();
        for (probe, flows) in self.probes.into_iter().zip(self.flows) {
            // Every session has ended by now.
            if let Some(mut probe) = probe {
                probe.flows.extend(flows);
                probes.push(probe);
            }
        }
        survey_order::attach(self.surveys, &mut probes);
        ServerRun {
            destination: self.destination,
            result: ServerResult {
                probes,
                reference_probe,
                control: self.control,
                instances: self.instances,
                is_gone: false,
            },
            channels: self.channels,
        }
    }
}
