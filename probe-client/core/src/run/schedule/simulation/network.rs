//! The network that a simulation plays, and the record of one run in it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::Step;
use super::SECOND;
use crate::survey::Survey;

/// What the network does with connections to one port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Fault {
    Open,
    /// SYNs are dropped at this hop.
    Dropped(u8),
    /// SYNs arrive, and the answers are lost.
    ReplyDropped,
    /// SYNs are answered by RST from this hop.
    Reset(u8),
    /// SYNs are answered by an ICMP error from this hop.
    Prohibited(u8),
    /// The session is reset when its first bytes arrive.
    ResetsData,
    /// This many SYNs a second are let in; the others are dropped.
    Limited(usize),
}

#[derive(Clone, Debug)]
pub(in super::super) struct Network {
    pub(in super::super) ports: Vec<Fault>,
    pub(in super::super) control_port: Fault,
    pub(in super::super) round_trip: Duration,
    /// The server's distance in hops.
    pub(in super::super) distance: u8,
    /// How many SYNs a second are let in, to all ports together; the others are reset.
    pub(in super::super) limit: Option<usize>,
    /// One SYN in this number is lost; 0 if none is lost.
    pub(in super::super) loss: u64,
    pub(in super::super) seed: u64,
}

/// What happened in one run.
#[derive(Debug)]
pub(in super::super) struct Played {
    pub(in super::super) took: Duration,
    /// When each step ended.
    pub(in super::super) ended: Vec<(Step, Duration)>,
    /// When each SYN was sent, and to which probe's port (`None`: to the control port).
    pub(in super::super) syns: Vec<(Duration, Option<usize>)>,
    pub(in super::super) surveys: BTreeMap<usize, Survey>,
}

impl Played {
    /// Returns the most SYNs within any second.
    pub(in super::super) fn most_in_a_second(&self) -> usize {
        let mut at: Vec<Duration> = self.syns.iter().map(|(at, _)| *at).collect();
        at.sort_unstable();
        let within = |from: &Duration| {
            at.iter()
                .filter(|t| **t >= *from && **t < *from + SECOND)
                .count()
        };
        at.iter().map(within).max().unwrap_or(0)
    }

    pub(in super::super) fn when(&self, which: impl Fn(&Step) -> bool) -> Option<Duration> {
        self.ended
            .iter()
            .find(|(step, _)| which(step))
            .map(|(_, at)| *at)
    }
}
