//! Tests each deadline, and what the peer receives at it.

use std::time::Duration;

use super::bench::{Bench, Line};
use super::client::{Client, KINDS_ON_A_STREAM, open, unwrap, wrap};
use crate::session::layer::Layer;
use crate::session::{Action, End};

const SECOND: Duration = Duration::from_secs(1);

/// Returns a raw session in which one stage has been exchanged.
fn fresh(bench: &mut Bench, hold_seconds: u32) -> (Line, Client, proto::key::KeySchedule) {
    let (mut line, mut client) = (bench.accept(), Client::new("k1"));
    client.hold_seconds = hold_seconds;
    let greeting = client.greeting();
    line.send(bench, &greeting, usize::MAX);
    let testimony = client.take_testimony(&mut line.from_server.as_slice());
    let keys = client.keys(&testimony.server_nonce);
    let stage = client.stage(&keys, 1, 1, 1);
    line.from_server.clear();
    line.send(bench, &stage, usize::MAX);
    client.take_stage(&keys, &mut line.from_server.as_slice(), (1, 1, 1));
    line.from_server.clear();
    (line, client, keys)
}

#[test]
fn strangers_are_closed_in_silence_at_the_same_deadline_whatever_they_send() {
    let garbage = [0xAA; 3000];
    let half = Client::new("k1").greeting()[..500].to_vec();
    let huge = [&proto::first_bytes::MAGIC[..], &[1, 0x80, 0, 0, 0]].concat();
    let head = b"POST / HTTP/1.1\r\nHost: h\r\n".to_vec();
    let hello = [0x16, 0x03, 0x01];
    for bytes in [&garbage[..], &half, &huge, &head, &hello, &[]] {
        let mut bench = Bench::new();
        let (mut line, accepted) = (bench.accept(), bench.now);
        line.send(&mut bench, bytes, 100);
        bench.now += 3 * SECOND;
        // Sending more makes no difference.
        line.send(&mut bench, &bytes[..bytes.len().min(1)], 1);
        let action = line.wait(&mut bench);
        assert!(matches!(action, Action::Close(_)), "{action:?}");
        assert_eq!(bench.now, accepted + 10 * SECOND);
        assert!(line.from_server.is_empty());
        assert!(line.session.held.capacity() < 600);
    }
}

#[test]
fn a_slow_stage_is_confirmed_as_far_as_it_came() {
    for kind in KINDS_ON_A_STREAM {
        let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
        let mut line = bench.accept();
        open(&mut bench, &mut line, kind, usize::MAX);
        let greeting = wrap(kind, &client.greeting());
        line.send(&mut bench, &greeting, usize::MAX);
        let answer = unwrap(kind, &line.from_server);
        let testimony = client.take_testimony(&mut answer.as_slice());
        let keys = client.keys(&testimony.server_nonce);
        let mut stage = client.stage(&keys, 1, 1000, 1000);
        stage.truncate(stage.len() - 400);
        line.from_server.clear();
        line.send(&mut bench, &wrap(kind, &stage), usize::MAX);
        assert_eq!(line.session.deadline(), Some(bench.now + 10 * SECOND));
        assert_eq!(line.wait(&mut bench), Action::Close(End::Deadline));
        let answer = unwrap(kind, &line.from_server);
        let mut rest = answer.as_slice();
        let received = client.take_confirmation(&keys, &mut rest).received.unwrap();
        assert_eq!(received.bytes, 600);
        assert!(rest.is_empty());
    }
}

#[test]
fn every_piece_of_a_stage_gains_time() {
    let mut bench = Bench::new();
    let (mut line, mut client, keys) = fresh(&mut bench, 0);
    let stage = client.stage(&keys, 2, 100, 100);
    for piece in stage.chunks(50) {
        line.send(&mut bench, piece, usize::MAX);
        bench.now += 9 * SECOND;
        let action = bench.with_env(|env| line.session.on_deadline(env));
        assert_eq!(action, Action::Continue);
    }
    client.take_stage(&keys, &mut line.from_server.as_slice(), (2, 100, 100));
}

#[test]
fn a_hold_is_waited_for_up_to_its_limit() {
    for (hold, waited) in [(0, 15), (600, 615), (1_000_000, 35 * 60 + 15)] {
        let mut bench = Bench::new();
        let (mut line, ..) = fresh(&mut bench, hold);
        let since = bench.now;
        assert_eq!(line.wait(&mut bench), Action::Close(End::Deadline));
        assert_eq!(bench.now - since, waited * SECOND);
    }
}

#[test]
fn nobody_stays_longer_than_a_lifetime() {
    let mut bench = Bench::new();
    let accepted = bench.now;
    let (mut line, mut client, keys) = fresh(&mut bench, 35 * 60);
    bench.now += 30 * 60 * SECOND;
    let stage = client.stage(&keys, 2, 1, 1);
    line.send(&mut bench, &stage, usize::MAX);
    assert_eq!(line.wait(&mut bench), Action::Close(End::Deadline));
    assert_eq!(bench.now - accepted, 45 * 60 * SECOND);
}

#[test]
fn a_peer_that_does_not_read_is_dropped_with_what_it_asked_for() {
    let mut bench = Bench::new();
    let (mut line, mut client, keys) = fresh(&mut bench, 600);
    bench.now += 300 * SECOND;
    let stage = client.stage(&keys, 2, 1, 100_000);
    let action = bench.with_env(|env| line.session.receive(env, &stage));
    assert_eq!(action, Action::Continue);
    let since = bench.now;
    // Sending more instead of reading gains nothing.
    let next = client.stage(&keys, 3, 100, 1);
    bench.now += 19 * SECOND;
    let action = bench.with_env(|env| line.session.receive(env, &next[..50]));
    assert_eq!(action, Action::Continue);
    bench.now = line.session.deadline().unwrap();
    let action = bench.with_env(|env| line.session.on_deadline(env));
    assert_eq!(action, Action::Abort(End::Deadline));
    assert_eq!(bench.now - since, 20 * SECOND);
}

#[test]
fn a_peer_that_reads_slowly_is_waited_for() {
    let mut bench = Bench::new();
    let (mut line, mut client, keys) = fresh(&mut bench, 0);
    let stage = client.stage(&keys, 2, 1, 10_000);
    bench.with_env(|env| line.session.receive(env, &stage));
    for _ in 0..5 {
        bench.now += 19 * SECOND;
        assert_eq!(
            line.session
                .transmit(bench.now, &mut line.from_server, 1000),
            1000
        );
        let action = bench.with_env(|env| line.session.on_deadline(env));
        assert_eq!(action, Action::Continue);
    }
}

#[test]
fn unsent_bytes_of_a_closing_session_are_given_up_in_the_end() {
    let mut bench = Bench::new();
    let (mut line, mut client, keys) = fresh(&mut bench, 0);
    let receipt = client.receipt(&keys);
    let action = bench.with_env(|env| line.session.receive(env, &receipt));
    assert_eq!(action, Action::Close(End::Completed));
    assert!(!line.session.link.outbox.is_empty());
    assert_eq!(line.session.deadline(), Some(bench.now + 5 * SECOND));
    bench.now += 5 * SECOND;
    let action = bench.with_env(|env| line.session.on_deadline(env));
    assert_eq!(action, Action::Abort(End::Completed));
}

#[test]
fn how_the_peer_left_is_told_apart() {
    let mut bench = Bench::new();
    let (mut line, ..) = fresh(&mut bench, 0);
    assert_eq!(
        line.session.peer_closed(bench.now),
        Action::Close(End::PeerClosed)
    );
    let (mut line, ..) = fresh(&mut bench, 0);
    assert_eq!(
        line.session.peer_reset(bench.now),
        Action::Abort(End::PeerReset)
    );
    let mut line = bench.accept();
    line.send(&mut bench, &[0xAA], 1);
    assert_eq!(
        line.session.peer_closed(bench.now),
        Action::Close(End::NotRecognised)
    );
    let mut line = bench.accept();
    let failed = line.session.tls_failed(bench.now, "no shared version");
    assert_eq!(failed, Action::Close(End::TlsFailed));
    assert_eq!(
        line.session.notice().tls_error.as_deref(),
        Some("no shared version")
    );
}

#[test]
fn an_idle_session_holds_little() {
    let mut bench = Bench::new();
    let (line, ..) = fresh(&mut bench, 600);
    let session = &line.session;
    let Layer::Raw(dialogue) = &session.layer else {
        panic!("{:?}", session.layer);
    };
    assert!(line.session.link.outbox.is_empty());
    let held = session.held.capacity() + session.link.preface.bytes.capacity();
    assert_eq!(held, 0);
    let fixed = size_of_val(session) + size_of_val(&**dialogue);
    assert!(fixed <= 2048, "{fixed} bytes");
}
