//! At which hop a device stands that acts on the first bytes: sessions whose packets, once the
//! connection is open, get only so far. Which to run next is decided here, by halving.

use super::Variation;
use crate::measurement::Measurement;
use crate::observation::{FailureKind, Operation};

/// The bytes get past hop `passes` (0: this host) and do not get past `met` as they should.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reach {
    pub passes: u8,
    pub met: u8,
}

/// What sessions of one reach showed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ReachOutcome {
    /// The device did what it does.
    Met,
    /// The bytes did not get as far as to it.
    Short,
}

/// How far the next sessions are to get, [`AT_ONCE`] of them; none where all is known that they can
/// tell, or `probe` did not die of its first bytes. The server is `server` hops away.
pub fn next_reach(probe: &Measurement, server: u8) -> Option<u8> {
    if !died_of_first_bytes(probe) {
        return None;
    }
    let Reach { passes, met } = bounds(probe, server)?;
    if met > passes + 1 {
        return Some(passes + (met - passes) / 2);
    }
    let last = met == server && nothing_arrived(probe) && !tried(probe, server);
    last.then_some(server)
}

/// The two neighbouring hops between which the device is. What happens to bytes that get as far as to the server
/// may be about the server's answer, unless it says that none arrived.
pub fn reach(probe: &Measurement, server: u8) -> Option<Reach> {
    let found = bounds(probe, server)?;
    let before_the_server = found.met < server || (nothing_arrived(probe) && tried(probe, server));
    (before_the_server && found.met == found.passes + 1).then_some(found)
}

/// The server has the connection, and got nothing over it.
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

/// It was cut off or met silence before anything came back, and again when it was run once more.
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

/// Absent where what was seen contradicts itself.
fn bounds(probe: &Measurement, server: u8) -> Option<Reach> {
    let (mut passes, mut met) = (0, server);
    for hops in (1..=server).filter(|hops| tried(probe, *hops)) {
        match seen(probe, hops)? {
            ReachOutcome::Short => passes = passes.max(hops),
            ReachOutcome::Met => met = met.min(hops),
        }
    }
    (passes < met).then_some(Reach { passes, met })
}

/// Absent unless all sessions of that reach agree.
fn seen(probe: &Measurement, hops: u8) -> Option<ReachOutcome> {
    let own = ended(probe)?;
    let mut all = probe
        .compared(Variation::InReach { hops })
        .map(|m| what(own, ended(m)));
    let first = all.next()??;
    all.all(|other| other == Some(first)).then_some(first)
}

/// A device that resets must be seen to; without that the bytes were used up before it, whether or not
/// a router said so. Of one that swallows there is only silence, so there a router must have said so.
fn what(own: End, limited: Option<End>) -> Option<ReachOutcome> {
    match (own, limited?) {
        (_, End::UsedUp) | (End::Cut, End::Silence) => Some(ReachOutcome::Short),
        (End::Cut, End::Cut) | (End::Silence, End::Silence) => Some(ReachOutcome::Met),
        (End::Silence | End::UsedUp, End::Cut) | (End::UsedUp, End::Silence) => None,
    }
}

/// How a session ended once it was connected; absent: in another way, or not at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Cut,
    Silence,
    /// A router said that the hop limit was used up.
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

/// Two that agree: one may have lost a packet.
pub const AT_ONCE: usize = 2;
