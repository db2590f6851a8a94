//! Hop surveys: SYNs with a hop limit too small for the whole path, sent to a failing port and, between them, to a
//! working one. The answers from each hop show where the cause is.

use std::collections::BTreeSet;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod distance;
mod last_hop;
mod surveyor;

pub use distance::{Distance, RelativeDistance};
pub use last_hop::{LastHop, PastLastHop};
pub use surveyor::{SurveySyn, Surveyor};

/// All SYNs that were sent for one failing port.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Survey {
    /// The failing port that was dialled.
    pub port: u16,
    /// A port of the same server on which a session ran whole. Absent: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<u16>,
    /// Whether a device opens connections to the working port anew, or sets their hop limit. If so, they do not show
    /// how far away the server is, but hops that answer are on the path.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reference_is_relayed: bool,
    /// The SYNs of the survey, in the order in which they ended.
    pub tries: Vec<HopTry>,
}

/// One SYN with a hop limit of its own, from a source port of its own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct HopTry {
    /// The port that was dialled.
    pub port: u16,
    pub source_port: u16,
    pub hop_limit: u8,
    /// The time at which the SYN was sent, in microseconds since the run's start.
    pub start_us: u64,
    /// How long the try took, in microseconds.
    pub duration_us: u64,
    pub answer: HopAnswer,
}

/// The answer to the SYN. An ICMP error counts only if the kernel has matched the packet that it quotes with this very
/// connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum HopAnswer {
    /// The server, or a device in its place, accepted the connection.
    SynAck,
    /// RST.
    Reset,
    /// ICMP time exceeded: the SYN reached this hop and no further.
    Expired { from: IpAddr },
    /// Another ICMP error.
    Unreachable {
        from: IpAddr,
        #[serde(rename = "type")]
        icmp_type: u8,
        code: u8,
    },
    /// No answer came in time.
    Silence,
    /// This host did not send the SYN.
    NotSent,
}

impl HopAnswer {
    /// Returns whether the server answered for the port, or a device in its place.
    pub fn is_end(self) -> bool {
        matches!(self, Self::SynAck | Self::Reset | Self::Unreachable { .. })
    }

    /// Returns whether anything answered.
    pub fn is_answer(self) -> bool {
        self.is_end() || matches!(self, Self::Expired { .. })
    }

    /// Returns whether the SYN was sent but reached nothing that answers for the port, or the answer was lost.
    pub fn is_short(self) -> bool {
        matches!(self, Self::Expired { .. } | Self::Silence)
    }
}

impl Survey {
    pub fn new(port: u16) -> Self {
        Self {
            port,
            reference: None,
            reference_is_relayed: false,
            tries: Vec::new(),
        }
    }

    pub fn of_port(&self, port: u16) -> impl Iterator<Item = &HopTry> + Clone {
        self.tries.iter().filter(move |t| t.port == port)
    }

    pub fn of_reference(&self) -> impl Iterator<Item = &HopTry> + Clone {
        let reference = self.reference;
        self.tries.iter().filter(move |t| Some(t.port) == reference)
    }

    /// Returns the distance to the peer that answers on the failing port.
    pub fn distance(&self) -> Option<Distance> {
        Distance::of(self.of_port(self.port), &[])
    }

    /// Returns the distance to the server.
    ///
    /// It follows from the working port and from `known`, the exact distances of other connections to the server.
    pub fn server_distance(&self, known: &[u8]) -> Option<Distance> {
        let own = self.of_reference().filter(|_| !self.reference_is_relayed);
        Distance::of(own, known)
    }

    /// Returns the server's distance, if all paths to it are equally long.
    pub fn exact_server_distance(&self, known: &[u8]) -> Option<u8> {
        let distance = self.server_distance(known)?;
        (distance.nearest == distance.farthest).then_some(distance.nearest)
    }

    /// Compares the distance to the peer that answers on the failing port with the distance to the server.
    pub fn compare(&self, known: &[u8]) -> RelativeDistance {
        match (self.distance(), self.server_distance(known)) {
            (Some(failing), Some(server)) => failing.compare(server),
            (None, _) | (_, None) => RelativeDistance::Undecided,
        }
    }

    /// Returns the furthest hop that the failing port's SYNs reach, and the next one that only the working port's SYNs
    /// reach.
    pub fn last_hop(&self) -> LastHop {
        LastHop::of(self)
    }

    /// Returns the address that reported a hop limit of `hop` as used up. If several did, it is the smallest of them.
    ///
    /// Answers on the working port come first: a device that redirects the failing port may have translated the errors
    /// there.
    pub fn address_of(&self, hop: u8) -> Option<IpAddr> {
        let of = |failing: bool| {
            let there = self
                .tries
                .iter()
                .filter(move |t| t.hop_limit == hop && (t.port == self.port) == failing);
            there.filter_map(HopTry::expired_at).min()
        };
        of(false).or_else(|| of(true))
    }

    /// Returns the nearest hop at which `address` reported the hop limit as used up.
    pub fn hop_of(&self, address: IpAddr) -> Option<u8> {
        let there = self
            .tries
            .iter()
            .filter(|t| t.expired_at() == Some(address));
        there.map(|t| t.hop_limit).min()
    }

    /// Returns the nearest hop whose address also answered from a later hop, on the failing port.
    pub fn same_name_from(&self) -> Option<u8> {
        let named = || {
            let own = self.of_port(self.port);
            own.filter_map(|t| Some((t.hop_limit, t.expired_at()?)))
        };
        let again = |(hop, name): &(u8, IpAddr)| named().any(|(h, n)| h > *hop && n == *name);
        named().filter(again).map(|(hop, _)| hop).min()
    }

    /// Returns the nearest hop that answered SYNs to the working port from the address `dialled` itself.
    ///
    /// A device at or before that hop sends connections to another destination and translates the errors back. If it
    /// also does so for another port, but without translating errors back, that port's hops seem silent from there on.
    pub fn reference_translated_at(&self, dialled: IpAddr) -> Option<u8> {
        let there = self.of_reference();
        let translated = there.filter(|t| t.expired_at() == Some(dialled));
        translated.map(|t| t.hop_limit).min()
    }

    /// Returns the nearest hop on the failing port's path that answered from the address `dialled` itself.
    ///
    /// A device there sends the connection elsewhere, and translates the errors back. `None` if the working port's
    /// errors are translated too: then the device does this for all of the server's ports.
    pub fn translated_at(&self, dialled: IpAddr) -> Option<u8> {
        let at = |failing: bool| {
            let there = self.tries.iter();
            let there = there.filter(move |t| (t.port == self.port) == failing);
            let translated = there.filter(move |t| t.expired_at() == Some(dialled));
            translated.map(|t| t.hop_limit).min()
        };
        at(true).filter(|_| at(false).is_none())
    }
}

impl HopTry {
    /// Returns the address that reported the hop limit as used up.
    pub fn expired_at(&self) -> Option<IpAddr> {
        let HopAnswer::Expired { from } = self.answer else {
            return None;
        };
        Some(from)
    }
}

/// Counts the different source ports in `tries`. Routers choose among several paths by source port.
fn sources<'a>(tries: impl Iterator<Item = &'a HopTry>) -> usize {
    tries.map(|t| t.source_port).collect::<BTreeSet<_>>().len()
}

/// The number of connections from different source ports that must agree before anything is claimed.
///
/// One lost packet, or one unusual path of several, decides nothing.
pub const AGREEING: usize = 3;

#[cfg(test)]
mod tests;
