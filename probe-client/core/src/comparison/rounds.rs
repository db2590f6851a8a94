//! Decides, round by round, which variations are worth their time: only those that can distinguish one cause from
//! another.

use crate::measurement::{Measurement, SentName, Variation, VariedSession};
use crate::observation::{FailureKind, Operation};
use crate::odds::{self, Trials};
use crate::session_kind::SessionKind;

/// Returns the variations to run next, given those already in `probe`; empty if sessions can show nothing more.
///
/// The sessions of one round may run in parallel.
pub fn next_round(probe: &Measurement) -> Vec<Variation> {
    let wanted = match class(probe) {
        class if !probe.path.is_direct() => through_a_proxy(probe, &class),
        Class::Died { silently } => after_death(probe, silently),
        Class::DiedOfSilence if ran(probe, Variation::InSilence) == 0 => {
            vec![Variation::InSilence; AFTER_SILENCE]
        }
        Class::Lossy | Class::HelloLost if ran(probe, Variation::InNothing) == 0 => {
            let fresh = [Variation::InNothing; FRESH];
            fresh.into_iter().chain(lost_hellos(probe)).collect()
        }
        Class::DiedOfSilence | Class::Lossy | Class::HelloLost | Class::NotWorthIt => Vec::new(),
    };
    let room = MAX_SESSIONS.saturating_sub(probe.variations.len());
    wanted.into_iter().take(room).collect()
}

/// The question about a probe that variations could answer.
enum Class {
    /// The session connected, and was then cut off or never got an answer.
    Died {
        silently: bool,
    },
    /// The session was verified, then stayed silent, and was dead afterwards.
    DiedOfSilence,
    /// The session ran whole, but segments had to be sent again.
    Lossy,
    /// The session ran whole, but another ClientHello failed each time. If fresh sessions die as well, that is chance.
    HelloLost,
    NotWorthIt,
}

fn class(probe: &Measurement) -> Class {
    let Some((operation, failure)) = probe.failure() else {
        let loses = probe.syns_sent_again() > 0 || probe.loses_segments();
        return match (probe.ran_whole(), lost_hellos(probe).next()) {
            (true, _) if loses => Class::Lossy,
            (true, Some(_)) => Class::HelloLost,
            (true, None) | (false, _) => Class::NotWorthIt,
        };
    };
    // A peer with another certificate is a stranger; variations explain nothing about it.
    let stranger = probe.certificate.as_ref().is_some_and(|c| !c.pinned);
    // Variations also explain nothing about a connection that the server certainly never saw: a device accepted it
    // without regard to its content. A proxy is different, because it may inspect the content before it connects at
    // all.
    let never_seen = probe.path.is_direct()
        && probe
            .sighting
            .as_ref()
            .is_some_and(|answer| answer.connections().next().is_none() && answer.is_complete());
    if operation <= Operation::Connect || stranger || never_seen || !probe.connected() {
        return Class::NotWorthIt;
    }
    let ended = matches!(
        failure.kind,
        FailureKind::TimedOut | FailureKind::Reset | FailureKind::Closed
    );
    if ended && matches!(operation, Operation::Hold | Operation::Resume) {
        Class::DiedOfSilence
    } else if ended {
        let silently = probe.died_in_silence();
        Class::Died { silently }
    } else {
        Class::NotWorthIt
    }
}

fn after_death(probe: &Measurement, silently: bool) -> Vec<Variation> {
    let again = ran(probe, Variation::InNothing);
    if again == 0 {
        let mut round = vec![Variation::InNothing; AGAIN];
        // A reset is an answer; only silence can depend on packet size.
        if silently {
            round.push(SMALL);
        }
        return round;
    }
    if passed(probe, Variation::InNothing) > 0 {
        return vec![Variation::InNothing; FRESH.saturating_sub(again)];
    }
    if passed(probe, SMALL) > 0 {
        let once = ran(probe, SMALL) == 1;
        return if once { sizes(probe) } else { Vec::new() };
    }
    let shapes = shapes(probe.session_kind());
    let tried = shapes.first().is_some_and(|shape| ran(probe, *shape) > 0);
    if tried {
        return confirming(probe);
    }
    // Each shape and name runs twice, because one that passes once may do so by chance.
    [shapes.clone(), shapes, names(probe), names(probe)].concat()
}

/// Returns one round through a proxy: it shows whether the session fails again, and which shapes pass.
///
/// The proxy opens its own connections, so segment sizes and loss would describe two paths together.
fn through_a_proxy(probe: &Measurement, class: &Class) -> Vec<Variation> {
    let testified = probe
        .session
        .as_ref()
        .is_some_and(|session| session.testimony.is_some());
    let once = matches!(class, Class::Died { .. }) && !testified && probe.variations.is_empty();
    if !once {
        return confirming(probe);
    }
    let shapes = shapes(probe.session_kind());
    [vec![Variation::InNothing; AGAIN], shapes.clone(), shapes].concat()
}

/// Returns the variations that passed, to run again until chance no longer explains it.
fn confirming(probe: &Measurement) -> Vec<Variation> {
    let mut passing = Vec::new();
    for VariedSession { variation, .. } in &probe.variations {
        let other = matches!(
            variation,
            Variation::InShape { .. } | Variation::InServerName { .. }
        );
        let all = ran(probe, *variation);
        if other && all > 1 && passed(probe, *variation) == all && !passing.contains(variation) {
            passing.push(*variation);
        }
    }
    let again = ran(probe, Variation::InNothing);
    let fails = again > 1 && passed(probe, Variation::InNothing) == 0;
    let (failed, whole) = (1 + again, passing.iter().map(|v| ran(probe, *v)).sum());
    let by_chance = odds::by_chance(
        Trials {
            failed,
            all: failed,
        },
        Trials {
            failed: 0,
            all: whole,
        },
    );
    if !fails || passing.is_empty() || by_chance < odds::THRESHOLD {
        return Vec::new();
    }
    [passing.clone(), passing].concat()
}

/// Returns the smallest segment size twice more, sizes between it and a full segment, and full-size sessions in
/// addition.
///
/// If a fault stops some flows, the first sessions may all have met it by chance, and a later one then passes.
fn sizes(probe: &Measurement) -> Vec<Variation> {
    let headers = match probe.server() {
        Some(ip) if ip.is_ipv6() => IPV6_HEADERS,
        Some(_) | None => IPV4_HEADERS,
    };
    let between = PACKET_SIZES.iter().map(|packet| Variation::InSegmentSize {
        at_most: packet - headers,
    });
    let full = [Variation::InNothing; BESIDE_SIZES];
    [SMALL; 2].into_iter().chain(between).chain(full).collect()
}

fn shapes(own: SessionKind) -> Vec<Variation> {
    OTHER_SHAPES
        .into_iter()
        .filter(|session| *session != own)
        .map(|session| Variation::InShape { session })
        .collect()
}

/// Returns the variations of the server's name. A ClientHello carries none if the server is known only by its address
/// (RFC 6066 section 3).
fn names(probe: &Measurement) -> Vec<Variation> {
    let Some(tls) = probe.session_kind().shape().tls else {
        return Vec::new();
    };
    let named = tls.sni && probe.host.parse::<std::net::IpAddr>().is_err();
    let mut sent = vec![SentName::Other];
    if named {
        sent.push(SentName::None);
    }
    sent.into_iter()
        .map(|sent| Variation::InServerName { sent })
        .collect()
}

/// Returns the ClientHello variations that failed each time they were sent, and more than once.
fn lost_hellos(probe: &Measurement) -> impl Iterator<Item = Variation> {
    let hellos = [Variation::InHelloSize, Variation::InHelloAge];
    hellos.into_iter().filter(|hello| {
        let fails = |m: &Measurement| m.failure().is_some();
        ran(probe, *hello) > 1 && probe.compared(*hello).all(fails)
    })
}

fn ran(probe: &Measurement, variation: Variation) -> usize {
    probe.compared(variation).count()
}

fn passed(probe: &Measurement, variation: Variation) -> usize {
    probe.compared(variation).filter(|m| m.ran_whole()).count()
}

/// The smallest segment that any IPv4 host must accept (RFC 9293 section 3.7.1), smaller than any tunnel's.
pub(crate) const SMALLEST: u16 = 536;
const SMALL: Variation = Variation::InSegmentSize { at_most: SMALLEST };

/// The largest packets of known tunnels, in bytes: GRE and PPPoE, Azure's virtual networks, common VPN settings, the
/// IPv6 minimum, and two smaller sizes.
const PACKET_SIZES: [u16; 6] = [1476, 1400, 1340, 1280, 1180, 900];

/// Bytes of the IP and TCP headers without options, which the maximum segment size excludes (RFC 6691).
pub(crate) const IPV4_HEADERS: u16 = 40;
pub(crate) const IPV6_HEADERS: u16 = 60;

/// Opaque bytes, TLS and clear HTTP, which devices distinguish first.
const OTHER_SHAPES: [SessionKind; 3] = [SessionKind::Tcp, SessionKind::Tls, SessionKind::Http];

/// The number of repetitions of a session that died. If five sessions fail and four of another shape pass, chance
/// explains that in 1 of 126 cases.
const AGAIN: usize = 4;

/// The number of full-size sessions that run at the same time as the small ones. The odds that a fault of one flow in
/// four stops the first five sessions and these two, but none of four small ones, are 1 in 50,000.
const BESIDE_SIZES: usize = 2;

/// Sessions that show whether the port still works.
const AFTER_SILENCE: usize = 2;

/// Sessions that distinguish loss, and the failure of a ClientHello, from chance.
const FRESH: usize = 3;

/// The maximum number of variations of one probe, even if the rounds ask for more.
pub const MAX_SESSIONS: usize = 24;
