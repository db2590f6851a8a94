//! Sessions against a minimal server, over a link that the test cuts, alters and times.

mod altered;
mod http;
mod limits;
mod poses;
mod server;
mod strangers;
mod stream;
mod web;

use std::time::Duration;

use proto::decoded::Decoded;
use proto::key::Secret;
use proto::nmf::{Preamble, Record};
use proto::x224::{ConnectionConfirm, ConnectionRequest, Negotiation, Protocols};

use self::server::{Dialogue as Server, Quirks, SECRET};
use self::web::Web;
use super::*;
use crate::profile::NettcpMode;
use crate::session_kind::{Envelope, Preface, SessionKind};

/// A session with its peer and the link between them.
struct Bench {
    session: ClientSession,
    need: Need,
    peer: Peer,
    now: Duration,
    /// The maximum number of bytes passed on at a time.
    cut: usize,
    /// The bit of the downstream, preface included, to flip: offset and mask.
    flip: Option<(usize, u8)>,
    /// The whole downstream, preface included, as the session received it.
    down: Vec<u8>,
    /// The downstream, answer by answer.
    answers: Vec<Vec<u8>>,
}

enum Peer {
    /// The server side of a kind with a preface, until the preface is answered.
    Preface {
        preface: Preface,
        quirks: Quirks,
        received: Vec<u8>,
    },
    Raw(Server),
    Envelopes {
        server: Server,
        received: Vec<u8>,
        /// Whether the end of the preamble has been acknowledged.
        open: bool,
    },
    Web(Box<Web>),
    /// The answers of another session, returned one by one.
    Recorded(Vec<Vec<u8>>),
}

impl Bench {
    fn new(kind: SessionKind) -> Self {
        Self::with(parameters(kind, 0), quirks(kind))
    }

    fn with(parameters: SessionParameters, quirks: Quirks) -> Self {
        let shape = parameters.kind.shape();
        let peer = match (shape.preface, shape.envelope) {
            (Some(preface), _) => Peer::Preface {
                preface,
                quirks,
                received: Vec::new(),
            },
            (None, Envelope::Http1) => Peer::Web(Box::new(Web::new(quirks))),
            (None, _) => Peer::Raw(Server::new(quirks, Vec::new())),
        };
        let now = Duration::from_millis(1);
        let (session, need) = ClientSession::new(parameters, now).unwrap();
        Self {
            session,
            need,
            peer,
            now,
            cut: usize::MAX,
            flip: None,
            down: Vec::new(),
            answers: Vec::new(),
        }
    }

    fn web(&mut self) -> &mut Web {
        let Peer::Web(web) = &mut self.peer else {
            panic!("no web server");
        };
        web
    }

    fn server(&self) -> &Server {
        match &self.peer {
            Peer::Raw(server) | Peer::Envelopes { server, .. } => server,
            Peer::Preface { .. } | Peer::Web(_) | Peer::Recorded(_) => {
                panic!("no server on a stream")
            }
        }
    }

    /// Runs until the session is over, or until neither side has anything to send.
    fn run(&mut self) -> SessionReport {
        loop {
            self.now += Duration::from_millis(1);
            match self.need.clone() {
                Need::Finished | Need::Failed => break,
                Need::StartTls(tls) => {
                    assert!(tls.leftover.is_empty());
                    self.need = self.session.tls_established(self.now, facts());
                }
                Need::Reconnect => self.need = self.session.reconnected(self.now),
                Need::Io if self.exchange() => {}
                Need::Io => match self.session.wake_at() {
                    Some(at) => {
                        self.now = at;
                        self.need = self.session.wake(at);
                    }
                    None => break,
                },
            }
        }
        self.session.report()
    }

    /// Sends and receives what is ready; returns false if there is nothing.
    fn exchange(&mut self) -> bool {
        let up = transmit_all(&mut self.session, self.cut);
        let mut down = self.peer.handle(&up);
        if let Some((at, mask)) = self.flip
            && let Some(at) = at.checked_sub(self.down.len())
            && let Some(byte) = down.get_mut(at)
        {
            *byte ^= mask;
        }
        self.down.extend_from_slice(&down);
        if !down.is_empty() {
            self.answers.push(down.clone());
        }
        for piece in down.chunks(self.cut) {
            self.need = self.session.receive(self.now, piece);
        }
        !up.is_empty() || !down.is_empty()
    }
}

impl SessionReport {
    /// Returns whether the session ran to its end without any sign of interference.
    ///
    /// Everything that was sent arrived unaltered, both ways. If there is TLS, it demonstrably reaches from end to end.
    /// No device between the ends has shown itself in the bytes.
    fn is_clean_and_complete(&self) -> bool {
        let came_as_sent =
            |head: Option<HeadComparison>| !matches!(head, Some(HeadComparison::Different { .. }));
        self.phase == Phase::Finished
            && self.fault.is_none()
            && self.testimony.as_ref().is_some_and(|t| self.tls_agrees(t))
            && self.other_testimonies.is_empty()
            && self.stages.iter().all(StageReport::is_whole)
            && self
                .preface_reply
                .as_ref()
                .is_none_or(|reply| reply.as_expected)
            && came_as_sent(self.preface)
            && came_as_sent(self.request_head)
            && self.http.as_ref().is_none_or(HttpAccount::is_undisturbed)
    }

    /// Returns whether there is one TLS session from end to end, or no TLS at either end.
    fn tls_agrees(&self, testimony: &Testimony) -> bool {
        match (&self.tls, &testimony.tls) {
            (None, None) => true,
            (Some(_), Some(there)) => {
                there.exporter == Agreement::Same
                    && there.client_hello != Agreement::Different
                    && there.differing.is_empty()
            }
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl Peer {
    fn handle(&mut self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Preface {
                preface,
                quirks,
                received,
            } => {
                received.extend_from_slice(bytes);
                let Some((reply, peer)) = preface_answer(*preface, received, quirks) else {
                    return Vec::new();
                };
                *self = peer;
                reply
            }
            Self::Raw(server) => server.handle(bytes).concat(),
            Self::Envelopes {
                server,
                received,
                open,
            } => {
                received.extend_from_slice(bytes);
                envelopes_answer(server, received, open)
            }
            Self::Web(web) => web.handle(bytes),
            Self::Recorded(answers) if bytes.is_empty() || answers.is_empty() => Vec::new(),
            Self::Recorded(answers) => answers.remove(0),
        }
    }
}

fn preface_answer(preface: Preface, received: &[u8], quirks: &Quirks) -> Option<(Vec<u8>, Peer)> {
    let mut out = Vec::new();
    let server = Server::new(quirks.clone(), received.to_vec());
    let (consumed, peer) = match preface {
        Preface::NetTcpPreamble => {
            let Ok(Decoded::Complete { consumed, .. }) = Preamble::decode(received) else {
                return None;
            };
            Record::UpgradeResponse.encode(&mut out);
            let peer = Peer::Envelopes {
                server,
                received: Vec::new(),
                open: false,
            };
            (consumed, peer)
        }
        Preface::X224 => {
            let Ok(Decoded::Complete { value, consumed }) = ConnectionRequest::decode(received)
            else {
                return None;
            };
            assert!(value.negotiation?.protocols.contains(Protocols::SSL));
            ConnectionConfirm {
                source_reference: 0x1234,
                negotiation: Some(Negotiation::Selected {
                    flags: 0,
                    protocol: Protocols::SSL,
                }),
            }
            .encode(&mut out);
            (consumed, Peer::Raw(server))
        }
    };
    assert_eq!(consumed, received.len());
    Some((out, peer))
}

fn envelopes_answer(server: &mut Server, received: &mut Vec<u8>, open: &mut bool) -> Vec<u8> {
    let mut out = Vec::new();
    while let Ok(Decoded::Complete { value, consumed }) = Record::decode(received) {
        let Record::SizedEnvelope { size } = value else {
            received.drain(..consumed);
            if value == Record::PreambleEnd {
                *open = true;
                Record::PreambleAck.encode(&mut out);
            } else {
                assert_eq!(value, Record::End);
                Record::End.encode(&mut out);
            }
            continue;
        };
        assert!(*open, "no envelope before the preamble is acknowledged");
        let whole = consumed + size as usize;
        if received.len() < whole {
            break;
        }
        let envelope: Vec<u8> = received.drain(..whole).skip(consumed).collect();
        for piece in server.handle(&envelope) {
            // Cuts the envelopes at offsets that the client never uses.
            for part in piece.chunks(333) {
                let size = part.len() as u32;
                Record::SizedEnvelope { size }.encode(&mut out);
                out.extend_from_slice(part);
            }
        }
    }
    out
}

fn transmit_all(session: &mut ClientSession, cut: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while session.transmit(&mut all, cut) > 0 {}
    all
}

/// Returns parameters whose nonces and ids depend on `run`.
fn parameters(kind: SessionKind, run: u8) -> SessionParameters {
    let mut nonce = [run; 32];
    SessionParameters {
        kind,
        key_id: "key-1".parse().unwrap(),
        secret: Secret::new(SECRET),
        run_id: [1; 16],
        session_id: [0x20 + run; 16],
        nonces: Box::new(move || {
            nonce[0] += 1;
            nonce
        }),
        port_dialled: 5901,
        path_text: "direct".into(),
        host: "echo.example".into(),
        net_tcp: Some(NetTcpService {
            via: "net.tcp://echo.example:5901/Broker".into(),
            mode: NettcpMode::Duplex,
        }),
        cookie: "k3j9x0a7q".into(),
        hop_limit_mark: Some(100),
        hold: None,
        stages: vec![
            Stage::both(1),
            Stage::both(1024),
            Stage { up: 9_000, down: 0 },
            Stage { up: 0, down: 5_000 },
        ],
        wall_unix_ms: 1_700_000_000_000,
    }
}

/// Returns a server at the other end of the same TLS session, if the kind has TLS.
fn quirks(kind: SessionKind) -> Quirks {
    let (tls, same) = (kind.shape().tls, facts());
    Quirks {
        exporter: tls.and(same.exporter),
        client_hello: tls.and(same.client_hello_sha256),
        ..Quirks::default()
    }
}

/// Returns a TLS session with a value for everything that the server testifies to.
fn facts() -> ClientTls {
    ClientTls {
        version: 0x0304,
        suite: 0x1301,
        group: Some(0x001d),
        exporter: Some([9; 32]),
        client_hello_sha256: Some([8; 32]),
        server_name: Some("echo.example".into()),
        alpn: Some("http/1.1".into()),
        client_certificate_sha256: Some([6; 32]),
    }
}
