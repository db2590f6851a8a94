//! Tests the answers of a real kernel, on loopback and without privileges.

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::Duration;

use socket2::Type;

use super::option;
use crate::*;

mod error_queue;
mod half_open;
mod loopback;

use loopback::{FAMILIES, bound, connect, domain, listener};

/// No system starts at this hop limit, and no Ethernet link yields this MSS.
const MARK_HOP_LIMIT: u8 = 100;
const MARK_MSS: u16 = 1399;

/// The offsets of fields in an IP header without options and in the TCP header after it.
struct Layout {
    hop_limit: usize,
    tcp: usize,
}

fn layout(family: IpFamily) -> Layout {
    match family {
        IpFamily::V4 => Layout {
            hop_limit: 8,
            tcp: 20,
        },
        IpFamily::V6 => Layout {
            hop_limit: 7,
            tcp: 40,
        },
    }
}

#[test]
fn a_saved_syn_arrives_with_its_marks_and_once() {
    for family in FAMILIES {
        let Some((listener, address)) = listener(family) else {
            continue;
        };
        save_syn(&listener).unwrap();
        let (client, accepted) = connect(&listener, |client| {
            set_hop_limit(client, family, MARK_HOP_LIMIT).unwrap();
            set_mss(client, MARK_MSS).unwrap();
        });
        let syn = saved_syn(&accepted).unwrap().unwrap();
        let announced = tcp_facts(&client).unwrap().advertised_mss;
        assert_eq!(announced, Some(MARK_MSS.into()));
        let at = layout(family);
        assert_eq!(syn[at.hop_limit], MARK_HOP_LIMIT);
        assert_eq!(syn[at.tcp + 2..at.tcp + 4], address.port().to_be_bytes());
        let [high, low] = MARK_MSS.to_be_bytes();
        assert_eq!(syn[at.tcp + 20..at.tcp + 24], [2, 4, high, low]);
        assert_eq!(saved_syn(&accepted).unwrap(), None);
    }
}

#[test]
fn a_syn_that_was_not_to_be_kept_is_absent() {
    let (listener, _) = listener(IpFamily::V4).unwrap();
    let (_client, accepted) = connect(&listener, |_| {});
    assert_eq!(saved_syn(&accepted).unwrap(), None);
}

#[test]
fn a_hop_limit_of_zero_is_refused() {
    for family in FAMILIES {
        let Some((socket, _)) = bound(family, Type::STREAM) else {
            continue;
        };
        let refused = set_hop_limit(&socket, family, 0).unwrap_err();
        assert!(matches!(
            refused,
            FactError::Os { fact: Fact::HopLimit, source } if source.kind() == ErrorKind::InvalidInput
        ));
    }
}

#[test]
fn the_facts_follow_an_exchange() {
    for family in FAMILIES {
        let Some((listener, _)) = listener(family) else {
            continue;
        };
        let (mut client, mut server) = connect(&listener, |_| {});
        client.write_all(b"hello").unwrap();
        server.read_exact(&mut [0; 5]).unwrap();
        server.write_all(b"goodbye").unwrap();
        client.read_exact(&mut [0; 7]).unwrap();

        let facts = tcp_facts(&client).unwrap();
        assert_eq!(facts.state, Some(TcpState::Established));
        // These are five bytes and the SYN.
        assert_eq!(facts.bytes_acked, Some(6));
        assert_eq!(facts.bytes_received, Some(7));
        assert_eq!(facts.unacknowledged_segments, Some(0));
        assert_eq!(facts.unsent_bytes, Some(0));
        assert!(facts.rtt.unwrap() > Duration::ZERO);
        assert!(facts.rtt_variance.is_some());
        assert!(facts.total_retransmissions.is_some());
        assert!(facts.unanswered_timeouts.is_some());
        assert!(facts.path_mtu.unwrap() >= 1280);
        assert!(facts.send_mss.unwrap() < facts.path_mtu.unwrap());
        assert!(facts.receive_mss.is_some());

        assert_eq!(tcp_facts(&server).unwrap().bytes_received, Some(5));
    }
}

#[test]
fn a_lowered_mss_shows_in_the_facts_of_the_other_side() {
    let (listener, _) = listener(IpFamily::V4).unwrap();
    let (_client, server) = connect(&listener, |client| set_mss(client, MARK_MSS).unwrap());
    let send_mss = tcp_facts(&server).unwrap().send_mss.unwrap();
    assert!(send_mss <= MARK_MSS.into(), "{send_mss}");
}

#[test]
fn before_the_handshake_nothing_was_measured() {
    let (listener, _) = listener(IpFamily::V4).unwrap();
    let facts = tcp_facts(&listener).unwrap();
    assert_eq!(facts.state, Some(TcpState::Listen));
    assert_eq!((facts.rtt, facts.rtt_variance), (None, None));
    assert_eq!(facts.unacknowledged_segments, None);
}

#[test]
fn a_socket_without_tcp_has_no_facts() {
    let (socket, _) = bound(IpFamily::V4, Type::DGRAM).unwrap();
    assert!(matches!(
        tcp_facts(&socket),
        Err(FactError::NotAvailable(Fact::Tcp))
    ));
    assert!(matches!(
        save_syn(&socket),
        Err(FactError::NotAvailable(Fact::SavedSyn))
    ));
}
