//! Tests what a session reports about its connection to the sightings and to logs.

use std::net::IpAddr;

use proto::limits::SIGHTING_PREFIXES;
use proto::nmf::Upgrade;
use proto::session_kind::SessionKind;
use proto::x224::Protocols;
use sha2::{Digest as _, Sha256};

use super::bench::{Bench, Line, PEER, WALL, tls_facts};
use super::client::{Client, HELLO, connection_request, open, preamble};
use crate::session::{Action, ConnectionFacts, ConnectionId, End, SessionId};
use crate::sightings::{Attribution, Fate, Match, PrefixDigest, Released, Sent, Sightings, Viewer};
use crate::time::UnixMillis;

/// Returns the digests by which a client names a stream that it sent.
fn prefixes(stream: &[u8]) -> Vec<PrefixDigest> {
    SIGHTING_PREFIXES
        .iter()
        .filter_map(|&n| {
            Some(PrefixDigest {
                bytes: n as u32,
                sha256: Sha256::digest(stream.get(..n)?).into(),
            })
        })
        .collect()
}

/// Returns what a client at another address is told about its `stream`, if `line` is the only connection.
fn released(line: &Line, stream: &[u8]) -> Released {
    let sightings = Sightings::new(4, UnixMillis(0));
    let facts = ConnectionFacts {
        connection_id: ConnectionId([1; 8]),
        local: "192.0.2.1:443".parse().unwrap(),
        public_port: None,
        peer: PEER,
        agreed_options: None,
        syn: None,
    };
    let id = sightings.accepted(&facts, WALL);
    sightings.update(id, line.session.notice());
    let viewer = Viewer {
        key: "k1".parse().unwrap(),
        address: Some(IpAddr::from([203, 0, 113, 9])),
    };
    let sent = Sent {
        tag: 1,
        port: 443,
        prefixes: prefixes(stream),
        window: WALL..=WALL,
        session: None,
        source_port: None,
        same_ip_version: false,
    };
    sightings.release(&viewer, &[sent]).remove(0)
}

fn by_digest(line: &Line, stream: &[u8]) -> bool {
    matches!(released(line, stream).sighting, Some((Match::Digest, _)))
}

/// Returns a ClientHello's record up to and into its random, whose bytes are all `random`.
fn hello(random: u8) -> Vec<u8> {
    let mut bytes = vec![
        0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03,
    ];
    bytes.resize(400, random);
    bytes
}

#[test]
fn every_shape_is_known_by_its_own_bytes_and_not_by_its_preface() {
    let post = |body: &[u8]| {
        let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let rdp = connection_request(Some(Protocols::SSL));
    let nettcp = preamble(Some(Upgrade::SslTls));
    let greeting = Client::new("k1").greeting();
    let cases = [
        (greeting.clone(), 103),
        (post(&greeting), 43 + 103),
        (hello(7), 19),
        ([&rdp[..], &hello(7)].concat(), rdp.len() + 19),
        ([&nettcp[..], &hello(7)].concat(), nettcp.len() + 19),
    ];
    for (stream, unique) in cases {
        // All bytes that came are a prefix too. It is recognised once it includes the first byte that only this stream
        // has.
        for (came, known) in [(600, true), (unique - 1, false), (16, false)] {
            let mut bench = Bench::new();
            let mut line = bench.accept();
            let came = &stream[..came.min(stream.len())];
            line.send(&mut bench, came, usize::MAX);
            assert_eq!(by_digest(&line, &stream), known, "{} bytes", came.len());
        }
    }
}

#[test]
fn a_stream_that_was_altered_on_the_way_is_not_known_by_its_digest() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    line.send(&mut bench, &hello(7), usize::MAX);
    assert!(!by_digest(&line, &hello(8)));
    assert!(released(&line, &hello(8)).unattributed);
}

#[test]
fn bytes_of_the_tls_stream_count_and_those_inside_do_not() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    let (early, late) = (hello(7)[..100].to_vec(), hello(7)[100..].to_vec());
    line.send(&mut bench, &early, usize::MAX);
    line.handshake(&bench, &late, tls_facts(None));
    line.session.tls_sent(bench.now, 3000);
    line.send(&mut bench, &Client::new("k1").greeting(), usize::MAX);
    let notice = line.session.notice();
    assert_eq!((notice.received, notice.sent), (400, 3000));
    assert_eq!(notice.prefixes.len(), 4);
    assert!(by_digest(&line, &hello(7)));
}

#[test]
fn a_whole_client_hello_leaves_its_digest() {
    let hello = [&[0x16, 3, 1, 0, 42, 1, 0, 0, 38, 3, 3][..], &[5; 36]].concat();
    for (kind, preface) in [
        (SessionKind::Tls, Vec::new()),
        (SessionKind::Rdp, connection_request(Some(Protocols::SSL))),
    ] {
        for cut in [usize::MAX, 1] {
            let mut bench = Bench::new();
            let mut line = bench.accept();
            let (first, rest) = hello.split_at(10);
            line.send(&mut bench, &preface, cut);
            if kind == SessionKind::Tls {
                line.send(&mut bench, first, usize::MAX);
            } else {
                line.session.tls_received(bench.now, first);
            }
            for piece in rest.chunks(cut) {
                line.session.tls_received(bench.now, piece);
            }
            let expected: [u8; 32] = Sha256::digest(&hello[5..]).into();
            assert_eq!(line.session.notice().client_hello_sha256, Some(expected));
            line.session.tls_established(tls_facts(None));
            line.from_server.clear();
            let mut client = Client::new("k1");
            let greeting = client.greeting();
            line.send(&mut bench, &greeting, usize::MAX);
            let testimony = client.take_testimony(&mut line.from_server.as_slice());
            assert_eq!(testimony.tls.unwrap().client_hello_sha256, expected);
        }
    }
}

#[test]
fn a_session_says_whose_it_is_once_it_is_greeted() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    assert_eq!(line.session.notice().attribution, Attribution::Nobody);
    line.send(&mut bench, &Client::new("k2").greeting(), usize::MAX);
    let notice = line.session.notice();
    let key = "k2".parse().unwrap();
    assert_eq!(notice.attribution, Attribution::Key(key));
    assert_eq!(notice.session, Some(SessionId([0x51; 16])));
    assert_eq!(notice.fate, Fate::Open);
    let action = line.session.peer_closed(bench.now);
    assert_eq!(action, Action::Close(End::PeerClosed));
    assert_eq!(line.session.notice().fate, Fate::Ended(End::PeerClosed));
    let summary = line.session.summary();
    assert_eq!(summary.kind, Some(SessionKind::Tcp));
    assert_eq!(summary.received, line.from_client.len() as u64);
    assert_eq!(summary.sent, line.from_server.len() as u64);
    assert_eq!(summary.greeted.unwrap().run.0, [0x52; 16]);
}

#[test]
fn a_control_connection_says_so() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    line.send(&mut bench, HELLO, usize::MAX);
    line.handshake(&bench, b"", tls_facts(Some(b"h2")));
    assert_eq!(line.session.notice().fate, Fate::Control);
    let mut line = bench.accept();
    open(&mut bench, &mut line, SessionKind::Tls, 1);
    assert_eq!(line.session.notice().fate, Fate::Open);
}
