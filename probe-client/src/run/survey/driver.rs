//! Sends the SYNs that a survey asks for, at the pace of the run, until nothing is left to ask or time is up.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use probe_core::run::budget::BUDGET;
use probe_core::run::port_board::Reference;
use probe_core::survey::{HopTry, Survey, SurveySyn, Surveyor};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::Run;
use crate::hop;

/// Carries out one survey.
pub(in super::super) struct SurveyDriver {
    pub(in super::super) run: Arc<Run>,
    pub(in super::super) server: IpAddr,
    pub(in super::super) ends: Instant,
    /// Whether to compare with ports that work.
    pub(in super::super) compares: bool,
}

impl SurveyDriver {
    /// Carries out `surveyor`'s survey. Anything that is not known when time is up stays unknown.
    pub(in super::super) async fn run(mut self, surveyor: Surveyor) -> Survey {
        let mut surveyor = self.beside_what_works(surveyor);
        self.drive(&mut surveyor).await;
        surveyor.finish()
    }

    fn beside_what_works(&mut self, surveyor: Surveyor) -> Surveyor {
        let references = self.references();
        let relayed = self.run.context.options.port_states.relayed(self.server);
        let Some((port, _)) = references
            .first()
            .or_else(|| relayed.first())
            .filter(|_| self.compares)
        else {
            return surveyor;
        };
        self.ends = self.ends.max(Instant::now() + BUDGET.survey_comparing);
        if references.is_empty() {
            return surveyor.comparing_with_relayed(*port);
        }
        let known = references.iter().filter_map(|(_, r)| r.distance);
        surveyor.comparing_with(*port, known.collect())
    }

    async fn drive(&self, surveyor: &mut Surveyor) {
        let mut tries = JoinSet::new();
        loop {
            let idle_timeout = self.idle_timeout();
            let cancelled = self.run.context.cancelled.is_cancelled();
            // Every SYN must have the time to be answered.
            let goes_on = !cancelled && Instant::now() + idle_timeout < self.ends;
            if let Some(syn) = goes_on.then(|| surveyor.next_syn()).flatten() {
                let clock = self.run.context.clock;
                self.run.survey_rate.turn(clock).await;
                tries.spawn(self.send(syn, idle_timeout));
                while let Some(ended) = tries.try_join_next() {
                    ended.into_iter().for_each(|t| surveyor.ended(t));
                }
            } else if let Some(ended) = tries.join_next().await {
                ended.into_iter().for_each(|t| surveyor.ended(t));
            } else {
                return;
            }
        }
    }

    fn references(&self) -> Vec<(u16, Reference)> {
        self.run.context.options.port_states.references(self.server)
    }

    /// Returns how long to wait for an answer.
    fn idle_timeout(&self) -> Duration {
        let references = self.references();
        let slowest = references.iter().map(|(_, r)| r.round_trip).max();
        BUDGET.for_a_hop(slowest)
    }

    fn send(&self, syn: SurveySyn, idle_timeout: Duration) -> impl Future<Output = HopTry> + use<> {
        let address = SocketAddr::new(self.server, syn.port);
        let context = &self.run.context;
        let (bind, clock) = (context.options.bind, context.clock);
        async move { hop::send(address, syn.hop_limit, bind, idle_timeout, clock).await }
    }
}
