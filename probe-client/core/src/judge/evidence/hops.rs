//! Answers questions about the path from surveys of hops.

use super::Evidence;
use crate::comparison::{Reach, reach};
use crate::observation::Operation;
use crate::survey::{HopAnswer, LastHop, PastLastHop, RelativeDistance, Survey};

impl<'a> Evidence<'a> {
    /// Returns the survey of the hops to this probe's port.
    pub fn survey(&self) -> Option<&'a Survey> {
        let same_port = self
            .same_server
            .iter()
            .filter(|m| m.address == self.probe.address);
        let own = std::iter::once(&self.probe);
        own.chain(same_port).find_map(|m| m.survey.as_ref())
    }

    /// Returns the two neighbouring hops between which a device acts on the first bytes.
    pub fn reach(&self) -> Option<Reach> {
        let known = self.known_distances();
        let server = self.survey()?.exact_server_distance(&known)?;
        reach(self.probe, server)
    }

    /// Returns how far away the server is, from each session that shows it.
    pub fn known_distances(&self) -> Vec<u8> {
        let all = self.same_server.iter();
        all.filter_map(|m| m.server_distance()).collect()
    }

    /// Returns the first hop that a device that redirects connections (DNAT) may hide from this port's survey, if SYNs
    /// to the port seem to end there or later.
    pub fn hidden_from(&self) -> Option<u8> {
        let survey = self.survey()?;
        let hop = survey.reference_translated_at(self.probe.server()?)?;
        let LastHop::Lost {
            lost_before: PastLastHop::Hop(next) | PastLastHop::Server(next),
            ..
        } = survey.last_hop()
        else {
            return None;
        };
        (next >= hop).then_some(hop)
    }

    /// Returns whether SYNs to this port are seen to end at a hop on the path, and no translation hides further hops.
    pub fn ends_on_the_way(&self) -> bool {
        let ends = self.survey().is_some_and(|survey| {
            matches!(
                survey.last_hop(),
                LastHop::Lost {
                    lost_before: PastLastHop::Hop(_),
                    ..
                }
            )
        });
        ends && self.hidden_from().is_none()
    }

    /// Returns whether SYNs to this port seem to end at a hop, and the next hops do not answer SYNs to a port that
    /// works either. A device may hold back the ICMP errors of those hops.
    pub fn hops_are_hidden(&self) -> bool {
        self.survey().is_some_and(|survey| match survey.last_hop() {
            LastHop::Lost {
                last,
                lost_before: PastLastHop::Hop(next) | PastLastHop::Server(next),
            } => last > 0 && next > last + 1,
            LastHop::Answered { .. } | LastHop::Unknown => false,
        })
    }

    /// Returns whether SYNs to this port passed the hop before the device that answers them, still on the way to the
    /// dialled address. If so, no device up to that hop redirects them.
    pub fn passed_unchanged(&self) -> bool {
        let (Some(survey), Some(dialled)) = (self.survey(), self.probe.server()) else {
            return false;
        };
        let Some(nearest) = survey.distance().map(|distance| distance.nearest) else {
            return false;
        };
        // An ICMP error whose quoted packet was translated matches no connection, or has the dialled address as its
        // source.
        let mut own = survey.of_port(survey.port);
        nearest == 1
            || own.any(|t| {
                t.hop_limit + 1 == nearest && t.expired_at().is_some_and(|name| name != dialled)
            })
    }

    /// Returns whether a SYN to this same port was accepted at another moment.
    pub fn accepted_meanwhile(&self) -> bool {
        let surveyed = self.survey().is_some_and(|survey| {
            let mut own = survey.of_port(survey.port);
            own.any(|t| t.answer == HopAnswer::SynAck)
        });
        let mut beside = self.probe.variations.iter();
        surveyed || beside.any(|c| c.measurement.succeeded(Operation::Connect))
    }

    /// Returns how far away the device is that answers on this port, compared with the server. The distances come from
    /// this port's survey and from all sessions with the server.
    pub fn answering(&self) -> RelativeDistance {
        let known = self.known_distances();
        self.survey()
            .map_or(RelativeDistance::Undecided, |survey| survey.compare(&known))
    }
}
