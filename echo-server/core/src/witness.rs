//! The SYNs that reached this host's network interface, even if its own firewall dropped them, for clients with an open
//! run. The table has a fixed size, and a query removes the entries that it returns.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use proto::limits::HOP_LIMIT_MARK;
use proto::syn::{InvalidSyn, SynHeader, is_marked};

use crate::time::UnixMillis;

/// Both ends of a connection: the peer's, then the local one.
pub type Ends = (SocketAddr, SocketAddr);

/// One SYN, and whether this host answered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessedSyn {
    pub peer: SocketAddr,
    pub local: SocketAddr,
    /// The time at which the SYN was first seen.
    pub seen: UnixMillis,
    /// A SYN-ACK has left the host, so its firewall let both packets through.
    pub answered: bool,
    /// IP and TCP header; `None` if only the answer was seen.
    pub header: Option<Box<[u8]>>,
}

/// The table of SYNs.
#[derive(Debug)]
pub struct Witness {
    capacity: usize,
    watched: BTreeMap<IpAddr, Watched>,
    syns: BTreeMap<Ends, WitnessedSyn>,
    /// The number of `syns` from addresses that no client watches.
    strangers: usize,
    /// The last time at which a SYN may have been missed.
    missed: Option<Duration>,
}

/// An address whose client has a run open.
#[derive(Clone, Copy, Debug)]
struct Watched {
    watchers: usize,
    since: Duration,
}

/// The fields of a packet that the witness needs.
struct HandshakePacket {
    peer: SocketAddr,
    local: SocketAddr,
    is_answer: bool,
    marked: bool,
}

impl Witness {
    /// Creates a table of at most `capacity` SYNs.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            watched: BTreeMap::new(),
            syns: BTreeMap::new(),
            strangers: 0,
            missed: None,
        }
    }

    /// Starts watching for SYNs from `address`. Each call needs one call of [`leave`](Self::leave) later.
    pub fn watch(&mut self, address: IpAddr, now: Duration) {
        let watched = self.watched.entry(address.to_canonical());
        let watched = watched.or_insert(Watched {
            watchers: 0,
            since: now,
        });
        watched.watchers += 1;
    }

    /// Ends one [`watch`](Self::watch).
    pub fn leave(&mut self, address: IpAddr) {
        let address = address.to_canonical();
        if let Some(watched) = self.watched.get_mut(&address) {
            watched.watchers = watched.watchers.saturating_sub(1);
            if watched.watchers == 0 {
                self.watched.remove(&address);
            }
        }
        if self.watched.is_empty() {
            self.syns.clear();
            self.strangers = 0;
        }
    }

    /// Returns whether no client has a run open.
    pub fn is_idle(&self) -> bool {
        self.watched.is_empty()
    }

    /// Records a packet if it is a SYN to this server or the answer to one. `packet` is its beginning, from the IP
    /// header on. `listens` returns whether this server listens at an address.
    pub fn take(
        &mut self,
        packet: &[u8],
        listens: impl FnOnce(SocketAddr) -> bool,
        now: Duration,
        wall: UnixMillis,
    ) {
        let Some(found) = HandshakePacket::parse(packet) else {
            return;
        };
        let ends = (found.peer, found.local);
        if let Some(known) = self.syns.get_mut(&ends) {
            known.answered |= found.is_answer;
            return;
        }
        let watched = self.watched.contains_key(&found.peer.ip());
        // A client may have several addresses, and its probe may come from an address other than that of its control
        // connection. A SYN with the clients' mark is therefore kept whatever its source address is.
        if !(watched || found.marked) || !listens(found.local) {
            return;
        }
        let full = self.syns.len() >= self.capacity;
        if full || (!watched && self.strangers >= MAX_STRANGERS) {
            self.missed(now);
            return;
        }
        self.strangers += usize::from(!watched);
        let syn = WitnessedSyn {
            peer: found.peer,
            local: found.local,
            seen: wall,
            answered: found.is_answer,
            header: (!found.is_answer).then(|| packet[..packet.len().min(MAX_HEADER)].into()),
        };
        self.syns.insert(ends, syn);
    }

    /// Records that SYNs may have gone unseen until `now`.
    pub fn missed(&mut self, now: Duration) {
        self.missed = self.missed.max(Some(now));
    }

    /// Removes and returns the SYNs from `address`, and those from addresses that no client watches.
    pub fn hand_over(&mut self, address: IpAddr) -> Vec<WitnessedSyn> {
        let address = address.to_canonical();
        let watched = &self.watched;
        let wanted = |ends: &Ends, _: &mut WitnessedSyn| {
            ends.0.ip() == address || !watched.contains_key(&ends.0.ip())
        };
        self.strangers = 0;
        self.syns.extract_if(.., wanted).map(|(_, s)| s).collect()
    }

    /// Returns whether every SYN from `address` since `begun` was seen.
    pub fn saw_all(&self, address: IpAddr, begun: Duration) -> bool {
        let watched = self.watched.get(&address.to_canonical());
        watched.is_some_and(|watched| watched.since <= begun)
            && self.missed.is_none_or(|missed| missed < begun)
    }

    pub fn len(&self) -> usize {
        self.syns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.syns.is_empty()
    }
}

impl HandshakePacket {
    /// Parses a packet. Returns `None` if it is neither a SYN nor the answer to one.
    fn parse(packet: &[u8]) -> Option<Self> {
        match SynHeader::parse(packet) {
            Ok(syn) => Some(Self {
                peer: syn.source,
                local: syn.destination,
                is_answer: false,
                marked: is_marked(syn.hop_limit, HOP_LIMIT_MARK),
            }),
            Err(InvalidSyn::NotSyn) => {
                let answer = SynHeader::parse_answer(packet).ok()?;
                Some(Self {
                    peer: answer.destination,
                    local: answer.source,
                    is_answer: true,
                    marked: false,
                })
            }
            Err(_) => None,
        }
    }
}

/// The length of the longest IPv4 header and the longest TCP header.
const MAX_HEADER: usize = 60 + 60;

/// The default size of the table: more than the runs of several clients send between two looks, some 2 MiB when full.
pub const DEFAULT_CAPACITY: usize = 4096;

/// The maximum number of SYNs from unwatched addresses between two looks. One for each port would be enough.
const MAX_STRANGERS: usize = 256;

#[cfg(test)]
mod tests;
