//! Surveys of hops: SYNs whose hop limit is too small for the whole way, to a port that fails and,
//! between them, to one that works. Which answers come back from how far says where the cause lies.

use std::collections::BTreeSet;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod distance;
mod last_hop;
mod surveyor;

pub use distance::{Distance, RelativeDistance};
pub use last_hop::{LastHop, PastLastHop};
pub use surveyor::{Surveyor, Wanted};

/// Everything that was tried for one failing port.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Survey {
    /// The failing port, as dialled.
    pub port: u16,
    /// A port of the same server on which a session ran whole. Absent: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<u16>,
    /// A device opens connections to the port that works anew, or sets their hop limit: how far away the server is,
    /// is not seen there, but hops that answer are on the way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reference_is_relayed: bool,
    /// In the order in which they ended.
    pub tries: Vec<HopTry>,
}

/// One SYN with a hop limit of its own, from a source port of its own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct HopTry {
    /// As dialled.
    pub port: u16,
    pub source_port: u16,
    pub hop_limit: u8,
    /// Since the run's start, in microseconds.
    pub start_us: u64,
    /// In microseconds.
    pub duration_us: u64,
    pub answer: HopAnswer,
}

/// What came back. ICMP errors count only where the kernel has matched what they quote with the very
/// connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum HopAnswer {
    /// Somebody accepted the connection.
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
    /// Nothing in time.
    Silence,
    /// This host did not send it.
    NotSent,
}

impl HopAnswer {
    /// It came from whoever speaks for the port: the server, or a device in its place.
    pub fn is_end(self) -> bool {
        matches!(self, Self::SynAck | Self::Reset | Self::Unreachable { .. })
    }

    /// Somebody answered.
    pub fn is_answer(self) -> bool {
        self.is_end() || matches!(self, Self::Expired { .. })
    }

    /// The SYN was sent and did not get as far as whoever speaks for the port, or an answer was lost.
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

    /// How far away whoever answers on the failing port is.
    pub fn distance(&self) -> Option<Distance> {
        Distance::of(self.of_port(self.port), &[])
    }

    /// How far away the server is, by the port that works and by `known` distances of other
    /// connections to it.
    pub fn server_distance(&self, known: &[u8]) -> Option<Distance> {
        let own = self.of_reference().filter(|_| !self.reference_is_relayed);
        Distance::of(own, known)
    }

    /// The server's distance, if every way to it is as long.
    pub fn exact_server_distance(&self, known: &[u8]) -> Option<u8> {
        let distance = self.server_distance(known)?;
        (distance.nearest == distance.farthest).then_some(distance.nearest)
    }

    /// Whether whoever answers on the failing port is nearer than the server.
    pub fn compare(&self, known: &[u8]) -> RelativeDistance {
        match (self.distance(), self.server_distance(known)) {
            (Some(failing), Some(server)) => failing.compare(server),
            (None, _) | (_, None) => RelativeDistance::Undecided,
        }
    }

    /// The furthest hop that the failing port's SYNs reach, and the next one that is reached by the
    /// other port's alone.
    pub fn last_hop(&self) -> LastHop {
        LastHop::of(self)
    }

    /// Who answered that hop limit `hop` was used up, on the port that works before the failing one, whose
    /// errors a device that sends it elsewhere may have translated; the least of several.
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

    /// Where `address` answered that a hop limit was used up; the nearest of several.
    pub fn hop_of(&self, address: IpAddr) -> Option<u8> {
        let there = self
            .tries
            .iter()
            .filter(|t| t.expired_at() == Some(address));
        there.map(|t| t.hop_limit).min()
    }

    /// The nearest hop whose address answered from behind it as well, on the failing port.
    pub fn same_name_from(&self) -> Option<u8> {
        let named = || {
            let own = self.of_port(self.port);
            own.filter_map(|t| Some((t.hop_limit, t.expired_at()?)))
        };
        let again = |(hop, name): &(u8, IpAddr)| named().any(|(h, n)| h > *hop && n == *name);
        named().filter(again).map(|(hop, _)| hop).min()
    }

    /// The nearest hop that answered SYNs of the port that works in the name of `dialled` itself: a device up to there
    /// sends connections to another destination. Where it does so for another port without translating errors back, that
    /// one's hops seem silent from there on.
    pub fn reference_translated_at(&self, dialled: IpAddr) -> Option<u8> {
        let there = self.of_reference();
        let translated = there.filter(|t| t.expired_at() == Some(dialled));
        translated.map(|t| t.hop_limit).min()
    }

    /// A hop of the failing port's path that answered in the name of `dialled` itself: a device there
    /// sends the connection elsewhere, and translates the errors back. Absent where those of the port that works
    /// are translated as well: then all of the server's ports are.
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
    /// Who answered that the hop limit was used up.
    pub fn expired_at(&self) -> Option<IpAddr> {
        match self.answer {
            HopAnswer::Expired { from } => Some(from),
            HopAnswer::SynAck
            | HopAnswer::Reset
            | HopAnswer::Unreachable { .. }
            | HopAnswer::Silence
            | HopAnswer::NotSent => None,
        }
    }
}

/// How many different source ports `tries` used: routers choose among several ways by them.
fn sources<'a>(tries: impl Iterator<Item = &'a HopTry>) -> usize {
    tries.map(|t| t.source_port).collect::<BTreeSet<_>>().len()
}

/// So many connections from different source ports must agree before anything is claimed: one lost
/// packet, or one odd way of several, decides nothing.
pub const AGREEING: usize = 3;

#[cfg(test)]
mod tests;
