//! Sends what a survey asks for, at the pace of the run, until nothing is left to ask or time is up.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use probe_core::survey::{HopTry, Survey, Surveyor, Wanted};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::Campaign;
use crate::hop;
use crate::lookout::Reference;

/// One survey's way through the network.
pub(super) struct Walk {
    pub(super) campaign: Arc<Campaign>,
    pub(super) server: IpAddr,
    pub(super) ends: Instant,
    /// Whether to compare with ports that work.
    pub(super) compares: bool,
}

impl Walk {
    /// Carries out `surveyor`'s survey; what is not known when time is up stays so.
    pub(super) async fn run(mut self, surveyor: Surveyor) -> Survey {
        let mut surveyor = self.beside_what_works(surveyor);
        self.walk(&mut surveyor).await;
        surveyor.finish()
    }

    fn beside_what_works(&mut self, surveyor: Surveyor) -> Surveyor {
        let references = self.references();
        let relayed = self.campaign.context.options.lookout.relayed(self.server);
        let Some((port, _)) = references
            .first()
            .or_else(|| relayed.first())
            .filter(|_| self.compares)
        else {
            return surveyor;
        };
        self.ends = self.ends.max(Instant::now() + TIME_TO_COMPARE);
        if references.is_empty() {
            return surveyor.comparing_with_relayed(*port);
        }
        let known = references.iter().filter_map(|(_, r)| r.distance);
        surveyor.comparing_with(*port, known.collect())
    }

    async fn walk(&self, surveyor: &mut Surveyor) {
        let mut tries = JoinSet::new();
        loop {
            let patience = self.patience();
            let cancelled = self.campaign.context.cancelled.is_cancelled();
            // Whatever is sent must have its time to be answered.
            let goes_on = !cancelled && Instant::now() + patience < self.ends;
            if let Some(wanted) = goes_on.then(|| surveyor.next_syn()).flatten() {
                self.campaign.pace.turn().await;
                tries.spawn(self.send(wanted, patience));
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
        self.campaign
            .context
            .options
            .lookout
            .references(self.server)
    }

    /// How long answers can take.
    fn patience(&self) -> Duration {
        let references = self.references();
        let slowest = references.iter().map(|(_, r)| r.round_trip).max();
        slowest.map_or(UNKNOWN_PATIENCE, |round_trip| {
            (round_trip * 4).clamp(LEAST_PATIENCE, MOST_PATIENCE)
        })
    }

    fn send(&self, wanted: Wanted, patience: Duration) -> impl Future<Output = HopTry> + use<> {
        let address = SocketAddr::new(self.server, wanted.port);
        let context = &self.campaign.context;
        let (bind, clock) = (context.options.bind, context.clock);
        async move { hop::send(address, wanted.hop_limit, bind, patience, clock).await }
    }
}

/// Once there is a port to compare with.
const TIME_TO_COMPARE: Duration = Duration::from_secs(4);

/// Where no round trip has been measured. ICMP errors come later than TCP's answers.
const UNKNOWN_PATIENCE: Duration = Duration::from_millis(600);
const LEAST_PATIENCE: Duration = Duration::from_millis(250);

/// Less than the second after which the system would repeat the SYN.
const MOST_PATIENCE: Duration = Duration::from_millis(900);
