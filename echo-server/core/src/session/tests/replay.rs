//! Tests that recorded bytes prove nothing later, and that a wrong key is treated like no key.

use proto::frame::{FrameType, seal};
use proto::limits::{MAX_STAGE_BYTES, MAX_STAGES};
use proto::session_kind::SessionKind;
use proto::wire::KeepAlive;

use super::bench::{Bench, Line};
use super::client::{Client, KINDS_ON_A_STREAM, open, unwrap, wrap};
use crate::session::{Action, End};

/// Returns the client's bytes of a session that ran to its farewell, without the preface.
fn recorded(bench: &mut Bench, kind: SessionKind) -> Vec<u8> {
    let (mut line, mut client) = (bench.accept(), Client::new("k1"));
    open(bench, &mut line, kind, usize::MAX);
    let before = line.from_client.len();
    let greeting = wrap(kind, &client.greeting());
    line.send(bench, &greeting, usize::MAX);
    let answer = unwrap(kind, &line.from_server);
    let testimony = client.take_testimony(&mut answer.as_slice());
    let keys = client.keys(&testimony.server_nonce);
    line.from_server.clear();
    let stage = client.stage(&keys, 1, 1000, 1000);
    line.send(bench, &wrap(kind, &stage), usize::MAX);
    let answer = unwrap(kind, &line.from_server);
    client.take_stage(&keys, &mut answer.as_slice(), (1, 1000, 1000));
    let receipt = client.receipt(&keys);
    line.send(bench, &wrap(kind, &receipt), usize::MAX);
    assert!(line.session.link.completed);
    line.from_client.split_off(before)
}

#[test]
fn a_replayed_stream_earns_one_testimony_and_nothing_more() {
    for kind in KINDS_ON_A_STREAM {
        let mut bench = Bench::new();
        let stream = recorded(&mut bench, kind);
        for cut in [usize::MAX, 1] {
            let mut line = bench.accept();
            open(&mut bench, &mut line, kind, usize::MAX);
            line.send(&mut bench, &stream, cut);
            let answer = unwrap(kind, &line.from_server);
            let (mut rest, mut client) = (answer.as_slice(), Client::new("k1"));
            client.greeting();
            client.take_testimony(&mut rest);
            assert!(rest.is_empty(), "{kind:?}");
            assert_eq!(line.end(), None);
            assert_eq!(bench.admission.load().sessions, 0);
            assert_eq!(line.wait(&mut bench), Action::Close(End::NotAuthenticated));
            assert!(unwrap(kind, &line.from_server).len() == answer.len());
        }
    }
}

#[test]
fn a_replayed_greeting_with_a_hold_is_not_waited_for() {
    let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
    client.hold_seconds = 2000;
    let greeting = client.greeting();
    let mut line = bench.accept();
    line.send(&mut bench, &greeting, usize::MAX);
    assert_eq!(
        line.session.deadline(),
        Some(bench.now + bench.limits.answer)
    );
    assert_eq!(line.wait(&mut bench), Action::Close(End::Deadline));
}

/// Returns everything about a connection that its peer can see.
fn visible(bench: &mut Bench, mut line: Line) -> (Vec<u8>, Vec<Action>, std::time::Duration) {
    let mut actions = vec![line.last.clone()];
    let accepted = bench.now;
    actions.push(line.wait(bench));
    (line.from_server, actions, bench.now - accepted)
}

#[test]
fn unknown_revoked_and_wrong_keys_look_the_same() {
    for kind in KINDS_ON_A_STREAM {
        let mut seen = Vec::new();
        for case in ["unknown", "revoked", "wrong", "bad id"] {
            let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
            let mut greeting = match case {
                "wrong" | "bad id" => client.greeting(),
                other => Client::new(other).greeting(),
            };
            match case {
                "wrong" => *greeting.last_mut().unwrap() ^= 1,
                "bad id" => greeting[8 + 5 + 2 + 2] = b'?',
                _ => {}
            }
            let mut line = bench.accept();
            open(&mut bench, &mut line, kind, usize::MAX);
            line.send(&mut bench, &wrap(kind, &greeting), 100);
            line.send(&mut bench, &wrap(kind, &[0; 5000]), 1000);
            seen.push(visible(&mut bench, line));
        }
        assert!(seen[0].0.is_empty());
        assert!(
            seen.windows(2).all(|pair| pair[0] == pair[1]),
            "{kind:?}: {seen:?}"
        );
    }
}

#[test]
fn over_limit_stages_end_the_session() {
    let cases: [&[(u32, u32)]; 3] = [
        &[(1, 1); MAX_STAGES + 1],
        &[(MAX_STAGE_BYTES + 1, 1)],
        &[(1, MAX_STAGE_BYTES + 1)],
    ];
    for stages in cases {
        let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
        let mut line = bench.accept();
        let greeting = client.greeting();
        line.send(&mut bench, &greeting, usize::MAX);
        let testimony = client.take_testimony(&mut line.from_server.as_slice());
        let keys = client.keys(&testimony.server_nonce);
        line.from_server.clear();
        let (last, granted) = stages.split_last().unwrap();
        for (n, (up, down)) in (1..).zip(granted) {
            let stage = client.stage(&keys, n, *up, *down);
            line.send(&mut bench, &stage, usize::MAX);
            let mut answer = line.from_server.as_slice();
            client.take_stage(&keys, &mut answer, (n, *up, *down));
            line.from_server.clear();
        }
        let stage = client.stage(&keys, 99, last.0, last.1);
        line.send(&mut bench, &stage, usize::MAX);
        assert_eq!(line.last, Action::Close(End::OverLimit));
        assert!(line.from_server.is_empty());
    }
}

#[test]
fn keep_alives_that_nobody_reads_the_answers_to_end_the_session() {
    let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
    let mut line = bench.accept();
    let greeting = client.greeting();
    line.send(&mut bench, &greeting, usize::MAX);
    let testimony = client.take_testimony(&mut line.from_server.as_slice());
    let keys = client.keys(&testimony.server_nonce);
    let mut beat = Vec::new();
    let message = KeepAlive { sequence: 1 };
    let transcript = &mut client.transcript;
    seal(
        &mut beat,
        FrameType::KeepAliveUp,
        &message,
        &keys,
        transcript,
    );
    let mut receive = |bytes: &[u8]| bench.with_env(|env| line.session.receive(env, bytes));
    for _ in 0..32 {
        assert_eq!(receive(&beat), Action::Continue);
    }
    assert_eq!(receive(&beat), Action::Close(End::OverLimit));
}

#[test]
fn a_permit_changes_hands_at_the_proof_and_comes_back_at_the_end() {
    let (mut bench, mut client) = (Bench::new(), Client::new("k1"));
    let mut line = bench.accept();
    let greeting = client.greeting();
    line.send(&mut bench, &greeting, usize::MAX);
    assert_eq!(bench.admission.load().strangers, 1);
    let testimony = client.take_testimony(&mut line.from_server.as_slice());
    let keys = client.keys(&testimony.server_nonce);
    let stage = client.stage(&keys, 1, 1, 1);
    line.send(&mut bench, &stage, usize::MAX);
    assert_eq!(bench.admission.load().strangers, 0);
    assert_eq!(bench.admission.load().sessions, 1);
    drop(line);
    assert_eq!(bench.admission.load().sessions, 0);
}
