//! What surveys of hops show of the way.

use super::Evidence;
use crate::comparison::{Reach, reach};
use crate::survey::{Comparison, HopAnswer, Survey};

impl<'a> Evidence<'a> {
    /// The survey of the hops to this probe's port.
    pub fn survey(&self) -> Option<&'a Survey> {
        let same_port = self
            .same_server
            .iter()
            .filter(|m| m.address == self.probe.address);
        let own = std::iter::once(&self.probe);
        own.chain(same_port).find_map(|m| m.survey.as_ref())
    }

    /// The two neighbouring hops between which a device acts on the first bytes.
    pub fn reach(&self) -> Option<Reach> {
        let known = self.known_distances();
        let server = self.survey()?.exact_server_distance(&known)?;
        reach(self.probe, server)
    }

    /// How far away the server is, where sessions with it show that.
    pub fn known_distances(&self) -> Vec<u8> {
        let all = self.same_server.iter();
        all.filter_map(|m| m.server_distance()).collect()
    }

    /// At another moment a SYN to this very port was accepted.
    pub fn accepted_meanwhile(&self) -> bool {
        self.survey().is_some_and(|survey| {
            let mut own = survey.of_port(survey.port);
            own.any(|t| t.answer == HopAnswer::SynAck)
        })
    }

    /// Whoever answers on this port, against the server's distance as this port's survey and all
    /// sessions with the server show it.
    pub fn answering(&self) -> Comparison {
        let known = self.known_distances();
        self.survey()
            .map_or(Comparison::Undecided, |survey| survey.compare(&known))
    }
}
