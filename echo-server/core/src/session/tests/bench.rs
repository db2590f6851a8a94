//! A server without sockets: keys, tables and a clock that only the test moves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use proto::key::{KeyId, Secret};

use crate::admission::{Admission, AdmissionLimits};
use crate::identity::{Key, Keyring};
use crate::nonces::Nonces;
use crate::session::{
    Action, ConnectionFacts, ConnectionId, End, Env, KernelFacts, Limits, Session, TlsFacts,
};
use crate::time::UnixMillis;

pub(super) struct Bench {
    pub(super) keyring: Keyring,
    pub(super) nonces: Nonces,
    pub(super) admission: Admission,
    pub(super) limits: Arc<Limits>,
    pub(super) now: Duration,
    random: u8,
    connections: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        let key = |id: &str, byte, revoked| Key {
            id: id.parse().unwrap(),
            secret: Secret::new([byte; 32]),
            label: String::new(),
            revoked,
            admin: false,
        };
        let keys = [
            key("k1", 1, false),
            key("k2", 2, false),
            key("revoked", 3, true),
        ];
        Self {
            keyring: Keyring::new(keys).unwrap(),
            nonces: Nonces::new(64, Duration::from_secs(60)),
            admission: Admission::new(AdmissionLimits::default()),
            limits: Arc::new(Limits::default()),
            now: Duration::from_secs(1000),
            random: 0,
            connections: 0,
        }
    }

    pub(super) fn secret_of(id: &str) -> (KeyId, Secret) {
        let byte = match id {
            "k1" => 1,
            "k2" => 2,
            "revoked" => 3,
            _ => 99,
        };
        (id.parse().unwrap(), Secret::new([byte; 32]))
    }

    /// Returns a connection accepted now.
    pub(super) fn accept(&mut self) -> Line {
        self.connections += 1;
        let facts = ConnectionFacts {
            connection_id: ConnectionId(self.connections.to_be_bytes()),
            local: "192.0.2.1:443".parse().unwrap(),
            public_port: None,
            peer: PEER,
            agreed_options: None,
            syn: Some(SYN.into()),
        };
        let permit = self.admission.accept().unwrap();
        Line {
            session: Session::new(facts, permit, self.limits.clone(), self.now),
            from_client: Vec::new(),
            from_server: Vec::new(),
            last: Action::Continue,
        }
    }

    pub(super) fn with_env<T>(&mut self, act: impl FnOnce(&mut Env<'_>) -> T) -> T {
        let random = &mut self.random;
        act(&mut Env {
            now: self.now,
            wall: WALL,
            rng: &mut |bytes: &mut [u8]| {
                *random += 1;
                bytes.fill(*random);
            },
            transport: &mut || TRANSPORT,
            keyring: &self.keyring,
            nonces: &self.nonces,
            instance: "bench",
        })
    }
}

/// One connection, with all bytes that went over it, as they are inside TLS.
pub(super) struct Line {
    pub(super) session: Session,
    pub(super) from_client: Vec<u8>,
    pub(super) from_server: Vec<u8>,
    /// The session's last action other than [`Action::Continue`].
    pub(super) last: Action,
}

impl Line {
    /// Sends bytes in pieces of at most `cut`, and reads everything that comes back.
    pub(super) fn send(&mut self, bench: &mut Bench, bytes: &[u8], cut: usize) {
        for piece in bytes.chunks(cut) {
            let action = bench.with_env(|env| self.session.receive(env, piece));
            self.from_client.extend_from_slice(piece);
            self.note(action);
            self.drain(bench.now);
        }
    }

    /// Runs a TLS handshake that needs no bytes other than `hello`.
    pub(super) fn handshake(&mut self, bench: &Bench, hello: &[u8], facts: TlsFacts) {
        assert!(
            matches!(self.last, Action::StartTls { .. }),
            "{:?}",
            self.last
        );
        self.session.tls_received(bench.now, hello);
        let action = self.session.tls_established(facts);
        self.last = Action::Continue;
        self.note(action);
    }

    /// Lets time pass until the session's next deadline, and returns its action.
    pub(super) fn wait(&mut self, bench: &mut Bench) -> Action {
        bench.now = self.session.deadline().unwrap();
        let action = bench.with_env(|env| self.session.on_deadline(env));
        self.drain(bench.now);
        action
    }

    pub(super) fn end(&self) -> Option<End> {
        self.session.summary().end
    }

    fn note(&mut self, action: Action) {
        if action != Action::Continue {
            self.last = action;
        }
    }

    fn drain(&mut self, now: Duration) {
        while self.session.transmit(now, &mut self.from_server, 700) > 0 {}
    }
}

pub(super) fn tls_facts(alpn: Option<&[u8]>) -> TlsFacts {
    TlsFacts {
        version: 0x0304,
        cipher_suite: 0x1301,
        group: Some(29),
        server_name: Some("echo.example".to_owned()),
        alpn: alpn.map(Into::into),
        exporter: Some([0xEE; 32]),
        client_certificate_sha256: None,
    }
}

pub(super) const PEER: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7)),
    40000,
);
pub(super) const SYN: &[u8] = &[0x45; 60];
pub(super) const WALL: UnixMillis = UnixMillis(1_700_000_000_000);
pub(super) const TRANSPORT: KernelFacts = KernelFacts {
    rtt_us: Some(12_000),
    rtt_variance_us: Some(400),
    retransmissions: None,
    duplicates_reported: None,
    reorderings_seen: None,
    send_mss: Some(1448),
    receive_mss: None,
    path_mtu: None,
};
