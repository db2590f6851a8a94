//! Sends what a survey asks for, at the pace of the run, until nothing is left to ask or time is up.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use probe_core::survey::{HopTry, Survey, Surveyor, Wanted};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::Campaign;
use crate::hop;

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
    pub(super) async fn run(mut self, mut surveyor: Surveyor) -> Survey {
        self.walk(&mut surveyor).await;
        surveyor.finish()
    }

    async fn walk(&mut self, surveyor: &mut Surveyor) {
        let mut tries = JoinSet::new();
        loop {
            let patience = self.compare(surveyor);
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

    /// Tells `surveyor` of ports that work, and says how long answers can take.
    fn compare(&mut self, surveyor: &mut Surveyor) -> Duration {
        let lookout = &self.campaign.context.options.lookout;
        let references = lookout.references(self.server);
        if let Some((port, _)) = references.first()
            && self.compares
            && !surveyor.compares()
        {
            let known: Vec<u8> = references.iter().filter_map(|(_, r)| r.distance).collect();
            surveyor.compare_with(*port, &known);
            self.ends = self.ends.max(Instant::now() + TIME_TO_COMPARE);
        }
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
