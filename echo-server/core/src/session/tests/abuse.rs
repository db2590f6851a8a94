//! Tests that a session never sends more than it received, never panics, and stores little, whatever a stranger sends,
//! in whatever pieces, and whatever was recorded from others.

use std::time::Duration;

use proptest::prelude::*;
use proto::nmf::Upgrade;
use proto::session_kind::SessionKind;
use proto::x224::Protocols;

use super::bench::{Bench, tls_facts};
use super::client::{Client, HELLO, connection_request, preamble, wrap};
use crate::session::{Action, End};

/// Generates pieces that lead deep into the state machine, and some that lead nowhere.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let replayed = Client::new("k1").greeting();
    let enveloped = wrap(SessionKind::Nettcp, &replayed);
    let length = replayed.len();
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    let posted = [&head[..], &replayed].concat();
    prop_oneof![
        Just(replayed.clone()),
        Just(replayed[8..].to_vec()),
        Just(enveloped),
        Just(posted),
        Just(head),
        Just(b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        Just(connection_request(Some(Protocols::SSL))),
        Just(connection_request(None)),
        Just(preamble(Some(Upgrade::SslTls))),
        Just(preamble(None)),
        Just(HELLO.to_vec()),
        Just(vec![0x0c]),
        Just(vec![0x07]),
        Just(vec![0x06, 0x80, 0x08]),
        prop::collection::vec(any::<u8>(), 0..300),
    ]
}

#[test]
fn recorded_requests_are_answered_only_as_far_as_the_answers_are_read() {
    let greeting = Client::new("k1").greeting();
    let length = greeting.len();
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
    let request = [head.as_bytes(), &greeting].concat();
    let mut bench = Bench::new();
    let mut line = bench.accept();
    for _ in 0..200 {
        let action = bench.with_env(|env| line.session.receive(env, &request));
        assert_eq!(action, Action::Continue);
    }
    while line
        .session
        .transmit(bench.now, &mut line.from_server, 5000)
        > 0
    {}
    let answers = line.from_server.windows(9);
    assert_eq!(answers.filter(|w| w == b"HTTP/1.1 ").count(), 32);
    assert_eq!(line.wait(&mut bench), Action::Close(End::OverLimit));
}

#[test]
fn bytes_after_the_answer_to_a_stranger_count_as_well() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    line.send(&mut bench, b"GET / HTTP/1.1\r\n\r\n", usize::MAX);
    assert_eq!(line.last, Action::Close(End::NotAuthenticated));
    line.send(&mut bench, &[0; 5000], usize::MAX);
    assert_eq!(line.session.summary().received, 18 + 5000);
}

proptest! {
    #[test]
    fn no_stranger_gets_more_than_he_sent(
        pieces in prop::collection::vec(piece(), 1..8),
        cuts in prop::collection::vec(1usize..3000, 1..6),
        alpn in prop::option::of(Just(b"http/1.1".as_slice())),
        pause in 0u64..4,
    ) {
        let mut bench = Bench::new();
        let mut line = bench.accept();
        let stream = pieces.concat();
        let (mut rest, mut sent) = (stream.as_slice(), 0);
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (bytes, after) = rest.split_at((*cut).min(rest.len()));
            rest = after;
            sent += bytes.len();
            let mut action = bench.with_env(|env| line.session.receive(env, bytes));
            while line.session.transmit(bench.now, &mut line.from_server, 500) > 0 {}
            prop_assert!(line.from_server.len() <= sent);
            if let Action::StartTls { leftover } = &action {
                sent -= leftover.len();
                action = line.session.tls_established(tls_facts(alpn));
            }
            bench.now += Duration::from_secs(pause);
            let timed = bench.with_env(|env| line.session.on_deadline(env));
            let held = line.session.held.capacity();
            prop_assert!(held <= 2 * proto::http_head::MAX_HEAD, "{}", held);
            if !matches!((action, timed), (Action::Continue, Action::Continue)) {
                break;
            }
        }
        while line.session.transmit(bench.now, &mut line.from_server, 500) > 0 {}
        prop_assert!(line.from_server.len() <= sent);
        prop_assert_eq!(bench.admission.load().sessions, 0);
        line.session.peer_reset(bench.now);
        prop_assert!(line.session.notice().prefixes.len() <= 5);
    }

    #[test]
    fn a_session_ends_at_a_deadline_without_help(bytes in piece()) {
        let mut bench = Bench::new();
        let mut line = bench.accept();
        line.send(&mut bench, &bytes, 100);
        let accepted = bench.now;
        prop_assert!(!matches!(line.wait(&mut bench), Action::Continue));
        prop_assert!(bench.now - accepted <= Duration::from_secs(10));
    }
}
