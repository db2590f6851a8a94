//! Finds the hop of a device that acts on the first bytes, by sessions whose packets reach only a limited number of
//! hops once the connection is open. This module decides which to run next, by bisection.

use crate::measurement::{Measurement, Variation};
use crate::observation::{FailureKind, Operation};

/// The hops between which the bytes meet a device: they pass hop `passes` (0: this host), but not hop `met`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reach {
    pub passes: u8,
    pub met: u8,
}

/// The result of the sessions of one reach.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ReachOutcome {
    /// The device acted as before.
    Met,
    /// The bytes did not reach the device.
    Short,
}

/// Returns the reach of the next [`AT_ONCE`] sessions. The server is `server` hops away.
///
/// `None` if further sessions would show nothing new, or if the session of `probe` did not fail at its first bytes.
pub fn next_reach(probe: &Measurement, server: u8) -> Option<u8> {
    if !died_of_first_bytes(probe) {
        return None;
    }
    let mut hops = 1..=server;
    if let Some(undecided) = hops.find(|hops| sessions(probe, *hops).is_undecided()) {
        return Some(undecided);
    }
    let Reach { passes, met } = bounds(probe, server)?;
    if met > passes + 1 {
        return Some(passes + (met - passes) / 2);
    }
    let last = met == server && nothing_arrived(probe) && !tried(probe, server);
    last.then_some(server)
}

/// Returns the two adjacent hops between which the device is.
///
/// If only bytes that reach the server meet it, the server's answer may be the cause instead. The result is then
/// `None`, unless the server reports that no bytes arrived.
pub fn reach(probe: &Measurement, server: u8) -> Option<Reach> {
    let found = bounds(probe, server)?;
    let before_the_server = found.met < server || (nothing_arrived(probe) && tried(probe, server));
    (before_the_server && found.met == found.passes + 1).then_some(found)
}

/// Returns whether the server has the connection but received nothing over it.
fn nothing_arrived(probe: &Measurement) -> bool {
    let exact = probe
        .sighting
        .iter()
        .flat_map(|a| a.of_address(probe.local));
    let mut own = exact.filter(|sighting| sighting.is_connection()).peekable();
    own.peek().is_some() && own.all(|connection| connection.bytes_received == 0)
}

fn tried(probe: &Measurement, hops: u8) -> bool {
    probe.compared(Variation::InReach { hops }).next().is_some()
}

/// Returns whether the session was cut off or met silence before anything came back, and again each time it was
/// repeated.
fn died_of_first_bytes(probe: &Measurement) -> bool {
    let nothing_came = probe.transport.is_some_and(|t| t.bytes_read == 0);
    let mut again = probe.compared(Variation::InNothing).peekable();
    let fails_again = again.peek().is_some() && again.all(|m| !m.ran_whole());
    let never_seen = probe
        .sighting
        .as_ref()
        .is_some_and(|answer| answer.connections().next().is_none() && !answer.unattributed);
    nothing_came && fails_again && !never_seen && ended(probe).is_some()
}

/// Returns the bounds known so far; `None` if the results contradict each other.
fn bounds(probe: &Measurement, server: u8) -> Option<Reach> {
    let (mut passes, mut met) = (0, server);
    for hops in (1..=server).filter(|hops| tried(probe, *hops)) {
        match sessions(probe, hops).outcome()? {
            ReachOutcome::Short => passes = passes.max(hops),
            ReachOutcome::Met => met = met.min(hops),
        }
    }
    (passes < met).then_some(Reach { passes, met })
}

/// Counts the sessions of one reach by their outcome.
#[derive(Clone, Copy, Debug, Default)]
struct Sessions {
    short: usize,
    met: usize,
    /// The sessions whose end fits neither outcome.
    other: usize,
    /// The sessions that were not connected, and show nothing.
    unconnected: usize,
}

impl Sessions {
    /// Returns the outcome on which the sessions agree: all of two or more, or all but one of four or more. The one
    /// that differs may have lost a packet, or its packet may have been sent again and passed a device that drops only
    /// first bytes.
    fn outcome(self) -> Option<ReachOutcome> {
        let connected = self.short + self.met + self.other;
        let agrees = |count: usize| count >= 2 && count + connected / AT_LEAST_FOR_ONE >= connected;
        if agrees(self.short) {
            return Some(ReachOutcome::Short);
        }
        agrees(self.met).then_some(ReachOutcome::Met)
    }

    fn is_undecided(self) -> bool {
        let all = self.short + self.met + self.other + self.unconnected;
        (1..AT_MOST).contains(&all) && self.outcome().is_none()
    }
}

fn sessions(probe: &Measurement, hops: u8) -> Sessions {
    let mut counted = Sessions::default();
    let Some(own) = ended(probe) else {
        return counted;
    };
    for session in probe.compared(Variation::InReach { hops }) {
        let count = match what(own, ended(session)) {
            _ if !session.succeeded(Operation::Connect) => &mut counted.unconnected,
            Some(ReachOutcome::Short) => &mut counted.short,
            Some(ReachOutcome::Met) => &mut counted.met,
            None => &mut counted.other,
        };
        *count += 1;
    }
    counted
}

/// Interprets the end of a session with a limited reach.
///
/// If the device resets, a silent session did not reach it, whether or not a router reported the used-up hop limit. If
/// the device swallows bytes, both cases are silent, so a router must have reported the used-up hop limit.
fn what(own: End, limited: Option<End>) -> Option<ReachOutcome> {
    match (own, limited?) {
        (_, End::UsedUp) | (End::Cut, End::Silence) => Some(ReachOutcome::Short),
        (End::Cut, End::Cut) | (End::Silence, End::Silence) => Some(ReachOutcome::Met),
        (End::Silence | End::UsedUp, End::Cut) | (End::UsedUp, End::Silence) => None,
    }
}

/// The end of a session after it was connected; `None` stands for any other end, or for no end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Cut,
    Silence,
    /// A router reported that the hop limit was used up.
    UsedUp,
}

fn ended(measurement: &Measurement) -> Option<End> {
    let (operation, failure) = measurement.failure()?;
    if operation <= Operation::Connect {
        return None;
    }
    let pending = measurement.transport.and_then(|t| t.pending_error);
    if pending == Some(FailureKind::HostUnreachable) || failure.kind == FailureKind::HostUnreachable
    {
        return Some(End::UsedUp);
    }
    if measurement.died_in_silence() {
        return Some(End::Silence);
    }
    matches!(failure.kind, FailureKind::Reset | FailureKind::Closed).then_some(End::Cut)
}

/// The number of sessions per reach that run at the same time. If they do not agree, as many follow.
pub const AT_ONCE: usize = 2;

/// Maximum number of sessions of one reach.
const AT_MOST: usize = 2 * AT_ONCE;

/// Number of connected sessions of which one may differ from the others.
const AT_LEAST_FOR_ONE: usize = 4;
