//! What surveys of hops show of the way.

use super::Evidence;
use crate::comparison::{Reach, reach};
use crate::survey::{HopAnswer, LastHop, PastLastHop, RelativeDistance, Survey};

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

    /// The hop from which on a device that sends connections elsewhere may hide this port's hops, if SYNs
    /// to it seem to end there.
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

    /// SYNs to this port are seen to end at a hop on the way, which no translation hides.
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

    /// SYNs to this port were seen to pass the hop before whoever answers there, still on the way to the
    /// dialled address: no device up to there sends them elsewhere.
    pub fn passed_unchanged(&self) -> bool {
        let (Some(survey), Some(dialled)) = (self.survey(), self.probe.server()) else {
            return false;
        };
        let Some(nearest) = survey.distance().map(|distance| distance.nearest) else {
            return false;
        };
        // An error of which the quote was translated is nobody's, or comes in the dialled address' name.
        let mut own = survey.of_port(survey.port);
        nearest == 1
            || own.any(|t| {
                t.hop_limit + 1 == nearest && t.expired_at().is_some_and(|name| name != dialled)
            })
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
    pub fn answering(&self) -> RelativeDistance {
        let known = self.known_distances();
        self.survey()
            .map_or(RelativeDistance::Undecided, |survey| survey.compare(&known))
    }
}
