//! Decides whether SYNs that are lost or rejected when many are sent together pass one at a time, and calculates the
//! odds that this is chance.

use std::net::SocketAddr;

use crate::measurement::{Flow, FlowRound, Measurement, Redial, Variation};
use crate::observation::Operation;
use crate::odds::{Trials, by_chance};

/// SYNs to one port at different paces, and how many of them were lost or rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Paces {
    /// SYNs of the probe's own session, dialled together with other ports, and of side connections opened together.
    pub at_once: Trials,
    /// SYNs sent one at a time, after a pause.
    pub slowly: Trials,
    /// SYNs sent slowly, while other connections were held open.
    pub held: Trials,
}

/// Returns the sessions of `probe` that were dialled slowly, each with the number of connections held open meanwhile.
pub(crate) fn paced(probe: &Measurement) -> impl Iterator<Item = (u8, &Measurement)> {
    probe.variations.iter().filter_map(|c| {
        let Variation::InPace { held } = c.variation else {
            return None;
        };
        Some((held, &c.measurement))
    })
}

/// Returns the addresses to which a connection is held open while one more is dialled: as many as the run dialled together
/// at the beginning, but at most [`MAX_HELD`].
pub fn to_hold<'a>(probes: impl Iterator<Item = &'a Measurement>) -> Vec<SocketAddr> {
    probes.filter_map(|p| p.address).take(MAX_HELD).collect()
}

/// Maximum number of connections held open. The server closes a connection that sends nothing for ten seconds, and this
/// number can be opened before it closes the first.
pub const MAX_HELD: usize = 7;

impl Paces {
    /// Counts the SYNs to `probe`'s own port; those to other ports say nothing about this one.
    pub fn of(probe: &Measurement) -> Self {
        let sessions = |held: &dyn Fn(u8) -> bool| {
            let all = paced(probe).filter(|(count, _)| held(*count));
            all.map(|(_, m)| syns(m))
                .fold(Trials::default(), Trials::and)
        };
        let flows = |rounds: [FlowRound; 2]| {
            let port = probe.port_dialled();
            let all = probe
                .flows
                .iter()
                .filter(|f| f.port == port && rounds.contains(&f.round));
            all.map(Flow::syns_not_let_in)
                .fold(Trials::default(), Trials::and)
        };
        Self {
            at_once: syns(probe).and(flows([FlowRound::AtOnce, FlowRound::Early])),
            slowly: sessions(&|held| held == 0).and(flows([FlowRound::Again, FlowRound::Fresh])),
            held: sessions(&|held| held > 0),
        }
    }

    /// Returns the odds that the difference between failed and passed SYNs is chance.
    ///
    /// The groups compared differ in pace or, if a session failed while connections were held open, in their number.
    pub fn odds(&self) -> f64 {
        if self.held.failed == 0 {
            by_chance(self.at_once, self.slowly.and(self.held))
        } else {
            by_chance(self.at_once.and(self.held), self.slowly)
        }
    }
}

/// Counts the SYNs of one session, and how many of them were not let in.
fn syns(session: &Measurement) -> Trials {
    let again = session.syns_sent_again();
    let again = usize::try_from(again).unwrap_or_default();
    if session.was_turned_away() {
        return Trials {
            failed: again + 1,
            all: again + 1,
        };
    }
    if session.met_silence() {
        let sent = session.syn_times().len();
        return Trials {
            failed: sent,
            all: sent,
        };
    }
    if session.succeeded(Operation::Connect) {
        // The first SYN, and its repetition after a second.
        let before = if session.redial == Some(Redial::SourcePort) {
            2
        } else {
            0
        };
        return Trials {
            failed: again + before,
            all: again + before + 1,
        };
    }
    Trials::default()
}
