//! The client's side of the protocol, written from the protocol's description and not from the server's code.

use prost::Message;
use proto::decoded::Decoded;
use proto::first_bytes::MAGIC;
use proto::frame::{Frame, FrameType, OVERHEAD, seal};
use proto::key::{KeyId, KeySchedule, Nonce, Secret};
use proto::limits::GREETING_FRAME_BYTES;
use proto::nmf::{Encoding, KnownEncoding, Mode, Preamble, Record, Text, Upgrade};
use proto::payload::{Direction, PayloadSink, PayloadSource};
use proto::session_kind::SessionKind;
use proto::transcript::Transcript;
use proto::wire::{Confirmation, Exchange, Farewell, Greeting, Receipt, Testimony};
use proto::x224::{ConnectionRequest, NegotiationRequest, Protocols};

use super::bench::{Bench, Line, tls_facts};

/// A client in one dialogue.
pub(super) struct Client {
    key: KeyId,
    secret: Secret,
    pub(super) session_id: [u8; 16],
    nonce: Nonce,
    pub(super) hold_seconds: u32,
    pub(super) transcript: Transcript,
}

impl Client {
    pub(super) fn new(key: &str) -> Self {
        let (key, secret) = Bench::secret_of(key);
        Self {
            key,
            secret,
            session_id: [0x51; 16],
            nonce: [0xC1; 32],
            hold_seconds: 0,
            transcript: Transcript::new(),
        }
    }

    /// Creates a client with another nonce, for one more round or session.
    pub(super) fn with_nonce(key: &str, byte: u8) -> Self {
        Self {
            nonce: [byte; 32],
            ..Self::new(key)
        }
    }

    pub(super) fn greeting(&mut self) -> Vec<u8> {
        self.greeting_of(GREETING_FRAME_BYTES, Vec::new(), Vec::new())
    }

    /// Returns the magic and a greeting whose frame is padded to `frame_bytes`.
    pub(super) fn greeting_of(
        &mut self,
        frame_bytes: usize,
        server_nonce: Vec<u8>,
        chain: Vec<u8>,
    ) -> Vec<u8> {
        let mut greeting = Greeting {
            version: proto::DIALOGUE_VERSION,
            key_id: self.key.to_string(),
            run_id: vec![0x52; 16],
            session_id: self.session_id.to_vec(),
            nonce: self.nonce.to_vec(),
            port_dialled: 443,
            path: "direct".to_owned(),
            hold_seconds: self.hold_seconds,
            server_nonce,
            chain,
            ..Greeting::default()
        };
        // Tag and length of the padding take 3 bytes.
        let missing = frame_bytes.saturating_sub(OVERHEAD + greeting.encoded_len() + 3);
        greeting.padding = vec![0; missing];
        let mut out = MAGIC.to_vec();
        let keys = self.secret.for_greeting();
        seal(
            &mut out,
            FrameType::Greeting,
            &greeting,
            &keys,
            &mut self.transcript,
        );
        out
    }

    /// Returns the keys for everything after the testimony.
    pub(super) fn keys(&self, server_nonce: &[u8]) -> KeySchedule {
        let server_nonce = server_nonce.try_into().unwrap();
        self.secret.for_session(&self.nonce, &server_nonce)
    }

    pub(super) fn answer_keys(&self) -> KeySchedule {
        self.secret.for_answer(&self.nonce)
    }

    pub(super) fn take_testimony(&mut self, input: &mut &[u8]) -> Testimony {
        let keys = self.answer_keys();
        let testimony: Testimony = take(input, FrameType::Testimony, &keys, &mut self.transcript);
        assert_eq!(testimony.client_nonce, self.nonce);
        testimony
    }

    /// Returns the exchange and payload of one stage.
    pub(super) fn stage(&mut self, keys: &KeySchedule, stage: u32, up: u32, down: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let exchange = Exchange {
            stage,
            up_bytes: up,
            down_bytes: down,
        };
        seal(
            &mut out,
            FrameType::Exchange,
            &exchange,
            keys,
            &mut self.transcript,
        );
        PayloadSource::new(keys, Direction::Up, stage, up).produce(&mut out, usize::MAX);
        out
    }

    /// Checks the answer to a stage that arrived completely.
    pub(super) fn take_stage(
        &mut self,
        keys: &KeySchedule,
        input: &mut &[u8],
        (stage, up, down): (u32, u32, u32),
    ) {
        let confirmation = self.take_confirmation(keys, input);
        let received = confirmation.received.unwrap();
        assert_eq!((received.stage, received.bytes), (stage, up));
        assert_eq!(received.altered_at, None);
        let mut sink = PayloadSink::new(keys, Direction::Down, stage, down);
        let taken = sink.accept(input);
        *input = &input[taken..];
        assert!(sink.complete());
        assert_eq!(sink.altered_at(), None);
    }

    pub(super) fn take_confirmation(
        &mut self,
        keys: &KeySchedule,
        input: &mut &[u8],
    ) -> Confirmation {
        take(input, FrameType::Confirmation, keys, &mut self.transcript)
    }

    pub(super) fn receipt(&mut self, keys: &KeySchedule) -> Vec<u8> {
        let mut out = Vec::new();
        let receipt = Receipt::default();
        seal(
            &mut out,
            FrameType::Receipt,
            &receipt,
            keys,
            &mut self.transcript,
        );
        out
    }

    pub(super) fn take_farewell(&mut self, keys: &KeySchedule, input: &mut &[u8]) -> Farewell {
        take(input, FrameType::Farewell, keys, &mut self.transcript)
    }
}

/// Opens the frame at the start of `input`.
pub(super) fn take<M: Message + Default>(
    input: &mut &[u8],
    frame_type: FrameType,
    keys: &KeySchedule,
    transcript: &mut Transcript,
) -> M {
    let Decoded::Complete { value, consumed } = Frame::decode(input).unwrap() else {
        panic!("no whole frame in {} bytes", input.len());
    };
    assert_eq!(value.frame_type(), frame_type);
    *input = &input[consumed..];
    value.open(keys, transcript).unwrap()
}

/// Exchanges the bytes that come before a kind's dialogue, and returns those from the server.
pub(super) fn open(bench: &mut Bench, line: &mut Line, kind: SessionKind, cut: usize) -> Vec<u8> {
    match kind {
        SessionKind::Tcp | SessionKind::Http => {}
        SessionKind::Tls => {
            line.send(bench, HELLO, cut);
            line.handshake(bench, b"", tls_facts(None));
        }
        SessionKind::Https => {
            line.send(bench, HELLO, cut);
            line.handshake(bench, b"", tls_facts(Some(b"http/1.1")));
        }
        SessionKind::Rdp => {
            line.send(bench, &connection_request(Some(Protocols::SSL)), cut);
            line.handshake(bench, HELLO, tls_facts(None));
        }
        SessionKind::Nettcp => {
            line.send(bench, &preamble(Some(Upgrade::SslTls)), cut);
            line.handshake(bench, HELLO, tls_facts(None));
            line.send(bench, &[0x0c], cut);
        }
    }
    std::mem::take(&mut line.from_server)
}

/// Puts dialogue bytes into the kind's envelope, if that envelope only wraps bytes.
pub(super) fn wrap(kind: SessionKind, bytes: &[u8]) -> Vec<u8> {
    if kind != SessionKind::Nettcp {
        return bytes.to_vec();
    }
    // The bytes are cut where no frame ends.
    let mut out = Vec::new();
    for piece in bytes.chunks(777) {
        let size = piece.len() as u32;
        Record::SizedEnvelope { size }.encode(&mut out);
        out.extend_from_slice(piece);
    }
    out
}

/// Takes dialogue bytes out of the kind's envelope.
pub(super) fn unwrap(kind: SessionKind, bytes: &[u8]) -> Vec<u8> {
    if kind != SessionKind::Nettcp {
        return bytes.to_vec();
    }
    let (mut out, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let Ok(Decoded::Complete {
            value: Record::SizedEnvelope { size },
            consumed,
        }) = Record::decode(rest)
        else {
            panic!("no sized envelope at {:02x?}", &rest[..1]);
        };
        let (payload, after) = rest[consumed..].split_at(size as usize);
        out.extend_from_slice(payload);
        rest = after;
    }
    out
}

pub(super) fn connection_request(protocols: Option<Protocols>) -> Vec<u8> {
    let mut out = Vec::new();
    ConnectionRequest {
        source_reference: 0,
        cookie: None,
        negotiation: protocols.map(|protocols| NegotiationRequest {
            flags: 0,
            protocols,
        }),
    }
    .encode(&mut out);
    out
}

pub(super) fn preamble(upgrade: Option<Upgrade>) -> Vec<u8> {
    let mut out = Vec::new();
    Preamble {
        mode: Mode::Duplex,
        via: Text::new("net.tcp://h.example:5901/BrokerProxy").unwrap(),
        encoding: Encoding::Known(KnownEncoding::BinarySession),
        upgrade,
    }
    .encode(&mut out);
    out
}

/// A handshake record that begins like a ClientHello.
pub(super) const HELLO: &[u8] = &[0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x03];
pub(super) const KINDS_ON_A_STREAM: [SessionKind; 4] = [
    SessionKind::Tcp,
    SessionKind::Tls,
    SessionKind::Rdp,
    SessionKind::Nettcp,
];
pub(super) const STAGES: [(u32, u32, u32); 4] =
    [(1, 1, 1), (2, 1024, 1024), (3, 0, 9000), (4, 24_576, 0)];
