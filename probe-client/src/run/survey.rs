//! Runs the surveys that could not run earlier: a firewall that limits connections counts a survey's SYNs too.

use std::net::IpAddr;
use std::sync::Arc;

use probe_core::measurement::Measurement;
use probe_core::run::port_board::PortFailure;
use probe_core::run::survey_order::{self, SurveyOrder, SurveyStart, Surveyed};
use tokio::task::JoinSet;

use super::{Run, ServerRun};
use crate::progress::Progress;

mod driver;

pub(super) use driver::SurveyDriver;

/// Surveys the ports that still fail after all sessions, and compares them with a port that works.
pub(super) async fn afterwards(run: &Arc<Run>, servers: &mut [ServerRun], progress: &Progress) {
    for server in servers
        .iter_mut()
        .filter(|r| r.result.control.path.is_direct() && !r.result.is_gone)
    {
        let probes = &mut server.result.probes;
        let address = probes.iter().find_map(Measurement::server);
        if let Some(address) = address {
            still_failing(run, address, probes, progress).await;
        }
    }
}

async fn still_failing(
    run: &Arc<Run>,
    server: IpAddr,
    probes: &mut [Measurement],
    progress: &Progress,
) {
    let port_states = &run.context.options.port_states;
    let works = !port_states.references(server).is_empty();
    let wanted = survey_order::still_failing(probes, works);
    if wanted.is_empty() || run.context.cancelled.is_cancelled() {
        return;
    }
    progress.say("looking for the hop that stops the packets");
    let mut scheduler = SurveyScheduler::new(run, server);
    scheduler.found(&wanted);
    while !scheduler.is_idle() {
        scheduler.one_ended().await;
    }
    survey_order::attach(scheduler.done, probes);
}

/// The surveys of one server address.
struct SurveyScheduler<'a> {
    run: &'a Arc<Run>,
    server: IpAddr,
    order: SurveyOrder,
    running: JoinSet<Surveyed>,
    done: Vec<Surveyed>,
}

impl<'a> SurveyScheduler<'a> {
    fn new(run: &'a Arc<Run>, server: IpAddr) -> Self {
        Self {
            run,
            server,
            order: SurveyOrder::default(),
            running: JoinSet::new(),
            done: Vec::new(),
        }
    }

    /// Adds ports that fail. Each port counts once.
    fn found(&mut self, failing: &[(u16, PortFailure)]) {
        let starts = self.order.found(failing, self.run.context.clock.now());
        self.start(starts);
    }

    fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for the next survey to end; never returns if none is in progress.
    async fn one_ended(&mut self) {
        let Some(ended) = self.running.join_next().await else {
            return std::future::pending().await;
        };
        let Ok((failure, survey)) = ended else {
            return;
        };
        let now = self.run.context.clock.now();
        let starts = self.order.ended(failure, &survey, now);
        self.start(starts);
        self.done.push((failure, survey));
    }

    fn start(&mut self, starts: Vec<SurveyStart>) {
        for start in starts {
            let driver = SurveyDriver {
                run: Arc::clone(self.run),
                server: self.server,
                ends: self.run.context.clock.at(start.ends).into(),
                compares: true,
            };
            let (failure, surveyor) = (start.failure, start.surveyor);
            self.running
                .spawn(async move { (failure, driver.run(surveyor).await) });
        }
    }
}
