//! Tests every session kind from its first byte to the farewell, and the contents of a testimony.

use proto::frame::{FrameType, seal};
use proto::nmf::Upgrade;
use proto::session_kind::SessionKind;
use proto::wire;
use proto::wire::KeepAlive;
use proto::x224::Protocols;

use super::bench::{Bench, Line, PEER, SYN, TRANSPORT, WALL, tls_facts};
use super::client::{
    Client, HELLO, KINDS_ON_A_STREAM, STAGES, connection_request, open, preamble, take, unwrap,
    wrap,
};
use crate::session::{Action, End};

/// Sends the greeting, all stages at once and the receipt. Returns everything that the server sent.
fn whole_session(kind: SessionKind, cut: usize) -> Vec<u8> {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    let mut transmitted = open(&mut bench, &mut line, kind, cut);
    let mut client = Client::new("k1");
    let greeting = wrap(kind, &client.greeting());
    line.send(&mut bench, &greeting, cut);
    let answer = unwrap(kind, &line.from_server);
    let testimony = client.take_testimony(&mut answer.as_slice());
    assert_eq!(testimony.kind(), kind.into());

    let keys = client.keys(&testimony.server_nonce);
    let mut stages = Vec::new();
    for (stage, up, down) in STAGES {
        stages.extend(client.stage(&keys, stage, up, down));
    }
    transmitted.append(&mut line.from_server);
    line.send(&mut bench, &wrap(kind, &stages), cut);
    let answer = unwrap(kind, &line.from_server);
    let mut rest = answer.as_slice();
    for stage in STAGES {
        client.take_stage(&keys, &mut rest, stage);
    }
    assert!(rest.is_empty());

    transmitted.append(&mut line.from_server);
    let receipt = client.receipt(&keys);
    line.send(&mut bench, &wrap(kind, &receipt), cut);
    let answer = unwrap(kind, &line.from_server);
    let farewell = client.take_farewell(&keys, &mut answer.as_slice());
    assert_eq!(farewell.rtt_us, TRANSPORT.rtt_us);
    assert_eq!(farewell.retransmissions, None);
    transmitted.append(&mut line.from_server);
    finish(&mut bench, &mut line, kind);
    transmitted.append(&mut line.from_server);
    transmitted
}

fn finish(bench: &mut Bench, line: &mut Line, kind: SessionKind) {
    if kind == SessionKind::Nettcp {
        assert_eq!(line.end(), None);
        line.send(bench, &[0x07], 1);
        assert_eq!(line.from_server, [0x07]);
    }
    assert_eq!(line.last, Action::Close(End::Completed));
    assert_eq!(line.session.summary().kind, Some(kind));
}

#[test]
fn every_kind_on_a_stream_runs_to_its_farewell_however_it_is_cut() {
    for kind in KINDS_ON_A_STREAM {
        let at_once = whole_session(kind, usize::MAX);
        for cut in [1, 2, 1000] {
            assert!(whole_session(kind, cut) == at_once, "{kind:?} cut at {cut}");
        }
    }
}

#[test]
fn a_testimony_says_what_reached_the_server_and_is_no_longer_than_the_greeting() {
    for kind in KINDS_ON_A_STREAM {
        let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
        let mut line = bench.accept();
        open(&mut bench, &mut line, kind, usize::MAX);
        let greeting = wrap(kind, &client.greeting());
        line.send(&mut bench, &greeting, usize::MAX);
        assert!(line.from_server.len() <= greeting.len());
        let answer = unwrap(kind, &line.from_server);
        let testimony = client.take_testimony(&mut answer.as_slice());
        assert_eq!(testimony.instance, "bench");
        assert_eq!(testimony.syn, SYN);
        assert_eq!(testimony.time_unix_ms, WALL.0);
        assert_eq!(testimony.connection_id, [0, 0, 0, 0, 0, 0, 0, 1]);
        let peer = testimony.peer.unwrap();
        assert_eq!(
            (peer.ip, peer.port),
            (vec![198, 51, 100, 7], PEER.port().into())
        );
        let preface = match kind {
            SessionKind::Rdp => connection_request(Some(Protocols::SSL)),
            SessionKind::Nettcp => preamble(Some(Upgrade::SslTls)),
            SessionKind::Tcp | SessionKind::Tls | SessionKind::Http | SessionKind::Https => {
                Vec::new()
            }
        };
        assert_eq!(testimony.preface, preface);
        assert!(!testimony.truncated);
        assert_eq!(testimony.tls.is_some(), kind != SessionKind::Tcp);
        if let Some(tls) = testimony.tls {
            assert_eq!(tls.exporter, [0xEE; 32]);
            assert_eq!(
                (tls.version, tls.cipher_suite, tls.group),
                (0x0304, 0x1301, 29)
            );
            assert_eq!(tls.server_name, "echo.example");
        }
    }
}

#[test]
fn a_short_greeting_gets_a_shorter_testimony_or_none() {
    for (frame_bytes, answered) in [(250, true), (180, false)] {
        let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
        let mut line = bench.accept();
        open(&mut bench, &mut line, SessionKind::Nettcp, usize::MAX);
        let greeting = client.greeting_of(frame_bytes, Vec::new(), Vec::new());
        line.send(
            &mut bench,
            &wrap(SessionKind::Nettcp, &greeting),
            usize::MAX,
        );
        let answer = unwrap(SessionKind::Nettcp, &line.from_server);
        if answered {
            assert!(answer.len() <= frame_bytes);
            let testimony = client.take_testimony(&mut answer.as_slice());
            assert!(testimony.truncated);
            assert!(testimony.syn.is_empty());
        } else {
            assert!(answer.is_empty());
        }
    }
}

#[test]
fn nothing_but_the_end_record_follows_a_farewell_in_envelopes() {
    let kind = SessionKind::Nettcp;
    let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
    let mut line = bench.accept();
    open(&mut bench, &mut line, kind, usize::MAX);
    line.send(&mut bench, &wrap(kind, &client.greeting()), usize::MAX);
    let answer = unwrap(kind, &line.from_server);
    let testimony = client.take_testimony(&mut answer.as_slice());
    let receipt = client.receipt(&client.keys(&testimony.server_nonce));
    line.send(&mut bench, &wrap(kind, &receipt), usize::MAX);
    assert_eq!(line.last, Action::Continue);
    line.send(&mut bench, &wrap(kind, b"x"), usize::MAX);
    assert_eq!(line.last, Action::Close(End::Violation));
}

#[test]
fn an_end_record_of_a_stranger_in_envelopes_is_met_with_silence() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    open(&mut bench, &mut line, SessionKind::Nettcp, usize::MAX);
    let accepted = bench.now;
    line.send(&mut bench, &[0x07], 1);
    assert_eq!(line.last, Action::Continue);
    assert_eq!(line.wait(&mut bench), Action::Close(End::PeerClosed));
    assert_eq!(bench.now - accepted, bench.limits.greeting);
    assert!(line.from_server.is_empty());
}

#[test]
fn rdp_without_tls_on_offer_is_told_so_and_a_request_too_short_for_that_is_not() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    line.send(&mut bench, &connection_request(Some(Protocols::HYBRID)), 1);
    assert_eq!(line.from_server[11..], [3, 0, 8, 0, 1, 0, 0, 0]);
    let mut line = bench.accept();
    line.send(&mut bench, &connection_request(None), 1);
    assert!(line.from_server.is_empty());
    assert_eq!(line.wait(&mut bench), Action::Close(End::NotRecognised));
}

#[test]
fn the_preface_answers_are_the_protocols_own_bytes() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    let confirm = open(&mut bench, &mut line, SessionKind::Rdp, 1);
    let expected = [
        3, 0, 0, 0x13, 0x0e, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 1, 0, 0, 0,
    ];
    assert_eq!(confirm, expected);
    let mut line = bench.accept();
    assert_eq!(
        open(&mut bench, &mut line, SessionKind::Nettcp, 1),
        [0x0a, 0x0b]
    );
    for upgrade in [None, Some(Upgrade::Negotiate)] {
        let mut line = bench.accept();
        line.send(&mut bench, &preamble(upgrade), 1);
        assert!(line.from_server.is_empty());
    }
}

#[test]
fn bytes_of_tls_that_come_with_the_preface_go_to_tls() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    let mut bytes = preamble(Some(Upgrade::SslTls));
    bytes.extend_from_slice(HELLO);
    line.send(&mut bench, &bytes, usize::MAX);
    assert_eq!(
        line.last,
        Action::StartTls {
            leftover: HELLO.to_vec()
        }
    );
    assert_eq!(line.from_server, [0x0a]);
}

#[test]
fn http2_inside_plain_tls_and_only_there_is_the_control_service() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    line.send(&mut bench, HELLO, usize::MAX);
    line.handshake(&bench, b"", tls_facts(Some(b"h2")));
    assert_eq!(line.last, Action::HandToControl);
    assert_eq!(line.session.deadline(), None);
    let mut line = bench.accept();
    line.send(
        &mut bench,
        &connection_request(Some(Protocols::SSL)),
        usize::MAX,
    );
    line.handshake(&bench, HELLO, tls_facts(Some(b"h2")));
    assert_eq!(line.last, Action::Continue);
}

#[test]
fn keep_alives_are_answered_in_kind_between_stages() {
    let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
    let mut line = bench.accept();
    let greeting = client.greeting();
    line.send(&mut bench, &greeting, usize::MAX);
    let testimony = client.take_testimony(&mut line.from_server.as_slice());
    let keys = client.keys(&testimony.server_nonce);
    for sequence in [1, 2] {
        line.from_server.clear();
        let mut beat = Vec::new();
        let up = FrameType::KeepAliveUp;
        seal(
            &mut beat,
            up,
            &KeepAlive { sequence },
            &keys,
            &mut client.transcript,
        );
        line.send(&mut bench, &beat, usize::MAX);
        let mut answer = line.from_server.as_slice();
        let down = FrameType::KeepAliveDown;
        let echoed: KeepAlive = take(&mut answer, down, &keys, &mut client.transcript);
        assert_eq!(echoed.sequence, sequence);
        line.from_server.clear();
        let stage = client.stage(&keys, sequence, 10, 10);
        line.send(&mut bench, &stage, usize::MAX);
        let mut answer = line.from_server.as_slice();
        client.take_stage(&keys, &mut answer, (sequence, 10, 10));
    }
}

#[test]
fn altered_payload_is_reported_with_its_offset() {
    let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
    let mut line = bench.accept();
    let greeting = client.greeting();
    line.send(&mut bench, &greeting, usize::MAX);
    let testimony = client.take_testimony(&mut line.from_server.as_slice());
    let keys = client.keys(&testimony.server_nonce);
    line.from_server.clear();
    let mut stage = client.stage(&keys, 1, 100, 0);
    let last = stage.len() - 1;
    stage[last] ^= 1;
    line.send(&mut bench, &stage, usize::MAX);
    let confirmation = client.take_confirmation(&keys, &mut line.from_server.as_slice());
    assert_eq!(confirmation.received.unwrap().altered_at, Some(99));
}

#[test]
fn a_full_server_refuses_authenticated_clients_in_words() {
    for kind in KINDS_ON_A_STREAM {
        let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
        bench.admission.drain();
        let mut line = bench.accept();
        open(&mut bench, &mut line, kind, usize::MAX);
        let greeting = wrap(kind, &client.greeting());
        line.send(&mut bench, &greeting, usize::MAX);
        let answer = unwrap(kind, &line.from_server);
        let keys = client.answer_keys();
        let transcript = &mut client.transcript;
        let refusal: wire::Refusal = take(
            &mut answer.as_slice(),
            FrameType::Refusal,
            &keys,
            transcript,
        );
        assert_eq!(refusal.reason(), wire::refusal::Reason::Draining);
        assert_eq!(line.last, Action::Close(End::Refused));
    }
}
