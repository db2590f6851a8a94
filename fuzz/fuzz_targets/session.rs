//! Checks the echo server against a stranger with unlimited time and recorded greetings: nothing panics, and
//! no more bytes come out than went in.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use echo_core::admission::{Admission, AdmissionLimits};
use echo_core::identity::{Key, Keyring};
use echo_core::nonces::Nonces;
use echo_core::session::{
    Action, ConnectionFacts, ConnectionId, Env, KernelFacts, Limits, Session, TlsFacts,
};
use echo_core::time::UnixMillis;
use libfuzzer_sys::fuzz_target;
use proto::first_bytes::MAGIC;
use proto::frame::{FrameType, seal};
use proto::key::Secret;
use proto::transcript::Transcript;
use proto::wire::Greeting;

/// A stranger's connection, with the counts of bytes that are compared.
struct Stranger {
    session: Session,
    now: Duration,
    random: u8,
    inside_tls: bool,
    sent: usize,
    received: Vec<u8>,
}

impl Stranger {
    fn new(admission: &Admission) -> Self {
        let facts = ConnectionFacts {
            connection_id: ConnectionId([7; 8]),
            local: ([192, 0, 2, 1], 443).into(),
            public_port: None,
            peer: ([198, 51, 100, 7], 40000).into(),
            agreed_options: None,
            syn: Some([0x45; 60].into()),
        };
        let permit = admission.accept().expect("it is empty");
        let limits = Arc::new(Limits::default());
        Self {
            session: Session::new(facts, permit, limits, Duration::ZERO),
            now: Duration::ZERO,
            random: 0,
            inside_tls: false,
            sent: 0,
            received: Vec::new(),
        }
    }

    fn with_env<T>(
        &mut self,
        tables: &Tables,
        act: impl FnOnce(&mut Session, &mut Env<'_>) -> T,
    ) -> T {
        let random = &mut self.random;
        let env = &mut Env {
            now: self.now,
            wall: UnixMillis(1_700_000_000_000),
            rng: &mut |bytes: &mut [u8]| {
                *random = random.wrapping_add(1);
                bytes.fill(*random);
            },
            transport: &mut KernelFacts::default,
            keyring: &tables.keyring,
            nonces: &tables.nonces,
            instance: "fuzz",
        };
        act(&mut self.session, env)
    }

    fn send(&mut self, tables: &Tables, bytes: &[u8]) -> Action {
        let action = self.with_env(tables, |session, env| session.receive(env, bytes));
        self.sent += bytes.len();
        if let Action::StartTls { leftover } = &action {
            // `leftover` is the beginning of the TLS handshake. The session never reads it, so it must not allow any
            // bytes in answer.
            self.sent -= leftover.len();
            self.inside_tls = true;
        }
        action
    }

    fn read(&mut self, limit: usize) -> usize {
        let moved = self.session.transmit(self.now, &mut self.received, limit);
        assert!(self.received.len() <= self.sent);
        moved
    }
}

struct Tables {
    keyring: Keyring,
    nonces: Nonces,
    admission: Admission,
    recorded: Vec<u8>,
}

impl Tables {
    fn new() -> Self {
        let key = Key {
            id: "k1".parse().expect("an id"),
            secret: Secret::new([1; 32]),
            label: String::new(),
            revoked: false,
            admin: false,
        };
        let greeting = Greeting {
            key_id: key.id.to_string(),
            run_id: vec![1; 16],
            session_id: vec![2; 16],
            nonce: vec![3; 32],
            server_nonce: vec![4; 32],
            hold_seconds: 600,
            padding: vec![0; 700],
            ..Greeting::default()
        };
        let mut recorded = MAGIC.to_vec();
        let keys = key.secret.for_greeting();
        let transcript = &mut Transcript::new();
        seal(
            &mut recorded,
            FrameType::Greeting,
            &greeting,
            &keys,
            transcript,
        );
        Self {
            keyring: Keyring::new([key]).expect("one key"),
            nonces: Nonces::new(4, Duration::from_secs(60)),
            admission: Admission::new(AdmissionLimits::default()),
            recorded,
        }
    }
}

fn handshake(stranger: &mut Stranger, how: u8) -> Action {
    if !std::mem::take(&mut stranger.inside_tls) {
        return Action::Continue;
    }
    let alpn: [Option<&[u8]>; 3] = [None, Some(b"http/1.1"), Some(b"h2")];
    stranger.session.tls_established(TlsFacts {
        version: 0x0304,
        cipher_suite: 0x1301,
        group: None,
        server_name: Some("s".repeat(how.into())),
        alpn: alpn[usize::from(how) % 3].map(Into::into),
        exporter: Some([5; 32]),
        client_certificate_sha256: None,
    })
}

/// Performs one step: a byte selects the action, the next is its argument, and the bytes to send follow.
fn step(stranger: &mut Stranger, tables: &Tables, input: &mut &[u8]) -> Option<Action> {
    let (&[what, measure], rest) = input.split_first_chunk()?;
    *input = rest;
    Some(match what % 8 {
        0..=2 => {
            let (bytes, rest) = rest.split_at(usize::from(measure).min(rest.len()));
            *input = rest;
            stranger.send(tables, bytes)
        }
        3 => stranger.send(tables, &tables.recorded),
        4 => {
            let from = usize::from(measure) * 4;
            stranger.send(tables, tables.recorded.get(from..).unwrap_or_default())
        }
        5 => handshake(stranger, measure),
        6 => {
            stranger.read(usize::from(measure) * 8);
            Action::Continue
        }
        _ => {
            stranger.now += Duration::from_millis(u64::from(measure) * 50);
            let action = stranger.with_env(tables, |session, env| session.on_deadline(env));
            let deadline = stranger.session.deadline();
            assert!(
                deadline.is_none_or(|at| at > stranger.now) || matches!(action, Action::Abort(_))
            );
            action
        }
    })
}

fuzz_target!(|bytes: &[u8]| {
    let tables = Tables::new();
    let mut stranger = Stranger::new(&tables.admission);
    let mut input = bytes;
    while let Some(action) = step(&mut stranger, &tables, &mut input) {
        if let Action::HandToControl | Action::Abort(_) = action {
            break;
        }
    }
    while stranger.read(1000) > 0 {}
    assert_eq!(tables.admission.load().sessions, 0);
    assert!(stranger.session.notice().prefixes.len() <= 5);
});
