//! Tests the search for a device by bisection, in networks that exist only as numbers.

use super::*;
use crate::comparison::{AT_ONCE, Reach, next_reach, reach};

/// Returns the end of a session whose packets travel `hops` hops, if a device past hop `behind` ends sessions with
/// `does`. If `tells` is set, routers report used-up hop limits.
fn fate(hops: u8, behind: u8, does: FailureKind, tells: bool) -> End {
    End::NoData(match (hops > behind, tells) {
        (true, _) => does,
        (false, true) => FailureKind::HostUnreachable,
        (false, false) => SILENCE,
    })
}

fn halved(behind: u8, server: u8, does: FailureKind, tells: bool) -> Measurement {
    let mut probe = no_data(does, &[(AGAIN, End::NoData(does)); 2]);
    let mut rounds = 0;
    while let Some(hops) = next_reach(&probe, server) {
        rounds += 1;
        assert!(rounds <= 6, "{hops} of {server}");
        let variation = Variation::InReach { hops };
        let end = fate(hops, behind, does, tells);
        let both = no_data(does, &[(variation, end); AT_ONCE]);
        probe.variations.extend(both.variations);
    }
    probe
}

fn no_data(does: FailureKind, variations: &[(Variation, End)]) -> Measurement {
    let mut probe = probe(SessionKind::Tls, End::NoData(does), variations);
    probe.transport.as_mut().unwrap().bytes_read = 0;
    probe.sighting = None;
    probe
}

#[test]
fn a_device_is_found_between_two_neighbouring_hops() {
    for server in 2..=30 {
        for behind in 0..server - 1 {
            let expected = Some(Reach {
                passes: behind,
                met: behind + 1,
            });
            for (does, tells) in [(RESET, true), (RESET, false), (SILENCE, true)] {
                let probe = halved(behind, server, does, tells);
                assert_eq!(
                    reach(&probe, server),
                    expected,
                    "{behind} {server} {does:?}"
                );
            }
        }
    }
}

#[test]
fn right_before_the_server_its_answer_may_be_the_cause() {
    for does in [RESET, SILENCE] {
        assert_eq!(reach(&halved(4, 5, does, true), 5), None);
    }
}

#[test]
fn what_never_arrives_at_the_server_is_stopped_before_it() {
    let halved = |bytes_received, peer| {
        let mut probe = halved(4, 5, RESET, true);
        probe.local = Some(([10, 0, 0, 1], 40_000).into());
        probe.sighting = Some(connection(bytes_received, peer));
        let last = Variation::InReach { hops: 5 };
        if let Some(hops) = next_reach(&probe, 5) {
            assert_eq!(Variation::InReach { hops }, last);
            let both = no_data(RESET, &[(last, End::NoData(RESET)); AT_ONCE]);
            probe.variations.extend(both.variations);
        }
        reach(&probe, 5)
    };
    let before = Reach { passes: 4, met: 5 };
    assert_eq!(halved(0, 40_000), Some(before));
    assert_eq!(halved(1, 40_000), None);
    // This connection has another source port, so it belongs to another session.
    assert_eq!(halved(0, 40_001), None);
}

fn connection(bytes_received: u64, port: u16) -> SightingAnswer {
    let peer = Some(([10, 0, 0, 1], port).into());
    let mut seen = sighting(peer, SightingEnd::PeerReset);
    seen.bytes_received = bytes_received;
    told(vec![seen])
}

#[test]
fn sessions_that_contradict_each_other_place_nothing() {
    let variation = Variation::InReach { hops: 2 };
    let (cut, silent) = (End::NoData(RESET), End::NoData(SILENCE));
    let of = |ends: &[End]| {
        let sessions = ends.iter().map(|end| (variation, *end));
        let all: Vec<_> = [(AGAIN, cut)].into_iter().chain(sessions).collect();
        let probe = no_data(RESET, &all);
        (next_reach(&probe, 4), reach(&probe, 4))
    };
    assert_eq!(of(&[cut, silent]), (Some(2), None), "they are repeated");
    assert_eq!(of(&[cut, silent, cut, silent]), (None, None));
    assert_eq!(of(&[cut, cut, silent]), (Some(2), None));
    // One of four may have lost a packet: the device is at one of the first two hops.
    assert_eq!(of(&[cut, silent, cut, cut]), (Some(1), None));
    let passes_one = Variation::InReach { hops: 1 };
    let met = [
        (variation, cut),
        (variation, silent),
        (variation, cut),
        (variation, cut),
    ];
    let short = [(passes_one, silent); 2];
    let all = [&[(AGAIN, cut)], &met[..], &short].concat();
    let found = Reach { passes: 1, met: 2 };
    assert_eq!(reach(&no_data(RESET, &all), 4), Some(found));
}

#[test]
fn a_session_that_is_not_connected_shows_nothing_about_a_device() {
    let variation = Variation::InReach { hops: 1 };
    let again = (AGAIN, End::NoData(RESET));
    let met = (variation, End::NoData(RESET));
    let mut probe = no_data(RESET, &[again, met, met]);
    let unconnected = &mut probe.variations[1].measurement.observations;
    let connect = unconnected
        .iter_mut()
        .find(|o| o.operation == Operation::Connect)
        .unwrap();
    connect.failure = Some(Failure::new(FailureKind::TimedOut, Origin::Unknown));
    assert_eq!(next_reach(&probe, 3), Some(1), "one alone decides nothing");
    let more = no_data(RESET, &[met, met]);
    probe.variations.extend(more.variations);
    assert_eq!(reach(&probe, 3), Some(Reach { passes: 0, met: 1 }));
}

#[test]
fn what_fails_by_chance_is_not_halved() {
    let probe = no_data(RESET, &[(AGAIN, End::NoData(RESET)), (AGAIN, End::Whole)]);
    assert_eq!(next_reach(&probe, 4), None);
}
