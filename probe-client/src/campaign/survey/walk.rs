//! Sends what a survey asks for, at the pace of the run, until nothing is left to ask or time is up.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use probe_core::survey::{HopTry, Survey, Surveyor, Wanted};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::Campaign;
use crate::hop;

/// One survey's way through the network.
pub(super) struct Walk {
    pub(super) campaign: Arc<Campaign>,
    pub(super) server: IpAddr,
    pub(super) ends: Instant,
    /// No further port will turn out to work.
    pub(super) measured: CancellationToken,
}

impl Walk {
    /// Carries out `surveyor`'s survey; what is not known when time is up stays so.
    pub(super) async fn run(mut self, mut surveyor: Surveyor) -> Survey {
        self.walk(&mut surveyor).await;
        // A session that runs whole may do so only after this; then there is something to compare with.
        if !surveyor.compares() && self.reference_appears().await {
            self.walk(&mut surveyor).await;
        }
        surveyor.finish()
    }

    async fn walk(&mut self, surveyor: &mut Surveyor) {
        let mut tries = JoinSet::new();
        loop {
            let patience = self.compare(surveyor);
            let cancelled = self.campaign.context.cancelled.is_cancelled();
            // Whatever is sent must have its time to be answered.
            let in_time = Instant::now() + patience < self.ends;
            // While sessions run, a survey that compares with them lengthens nothing.
            let for_nothing = surveyor.compares() && !self.measured.is_cancelled();
            let goes_on = !cancelled && (in_time || for_nothing);
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

    /// Waits for a port that works; false: there will be none.
    async fn reference_appears(&self) -> bool {
        let lookout = &self.campaign.context.options.lookout;
        let mut board = lookout.watch();
        loop {
            board.mark_unchanged();
            // Asked first: with the last probe's end there may be one, too.
            let no_more = self.measured.is_cancelled();
            if !lookout.references(self.server).is_empty() {
                return true;
            }
            if no_more {
                return false;
            }
            tokio::select! {
                _ = board.changed() => {}
                () = self.measured.cancelled() => {}
            }
        }
    }

    /// Tells `surveyor` of ports that work, and says how long answers can take.
    fn compare(&mut self, surveyor: &mut Surveyor) -> Duration {
        let lookout = &self.campaign.context.options.lookout;
        let references = lookout.references(self.server);
        if let (Some((port, _)), false) = (references.first(), surveyor.compares()) {
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
