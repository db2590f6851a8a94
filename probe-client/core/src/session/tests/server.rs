//! A minimal server, made only of `proto`, to test sessions against. It is strict, and panics where the client breaks
//! the protocol.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proto::decoded::Decoded;
use proto::first_bytes::MAGIC;
use proto::frame::{Frame, FrameType, seal};
use proto::key::{KeySchedule, Nonce, Secret};
use proto::limits::GREETING_FRAME_BYTES;
use proto::payload::{Direction, PayloadSink, PayloadSource};
use proto::transcript::Transcript;
use proto::wire;

pub(super) const SECRET: [u8; 32] = [7; 32];

/// How a server deviates from the usual.
#[derive(Clone, Debug, Default)]
pub(super) struct Quirks {
    pub(super) exporter: Option<[u8; 32]>,
    pub(super) client_hello: Option<[u8; 32]>,
    /// Confirms only this many bytes of the stage, and then ends the session.
    pub(super) cut_short: Option<(u32, u32)>,
    pub(super) refuse: Option<wire::refusal::Reason>,
    /// Answers the greeting with another client nonce.
    pub(super) wrong_nonce: bool,
    /// Confirms with another digest, without naming an altered offset.
    pub(super) wrong_digest: bool,
    /// Answers a sign of life that was not asked for.
    pub(super) wrong_keep_alive: bool,
    /// Flips a bit of a stage's payload on its way up or down: stage and offset.
    pub(super) alter_up: Option<(u32, u32)>,
    pub(super) alter_down: Option<(u32, usize)>,
    pub(super) pose: Option<Pose>,
}

/// How a testimony deviates from what the minimal server saw.
#[derive(Clone, Debug)]
pub(super) struct Pose {
    /// The number of the first HTTP request that is posed; 0 in any other envelope.
    pub(super) from: u32,
    pub(super) apply: fn(&mut wire::Testimony),
    /// Whether the pose changed anything.
    pub(super) changed: Arc<AtomicBool>,
}

impl Quirks {
    pub(super) fn pose(&self, request: u32, testimony: &mut wire::Testimony) {
        if let Some(pose) = self.pose.as_ref().filter(|pose| request >= pose.from) {
            let before = testimony.clone();
            (pose.apply)(testimony);
            pose.changed
                .fetch_or(*testimony != before, Ordering::SeqCst);
        }
    }
}

/// The server's side of the dialogue on one stream of bytes, without envelopes.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) quirks: Quirks,
    input: Vec<u8>,
    transcript: Transcript,
    keys: Option<KeySchedule>,
    incoming: Option<(wire::Exchange, PayloadSink)>,
    pub(super) greeting: Option<wire::Greeting>,
    pub(super) receipt: Option<wire::Receipt>,
    pub(super) preface: Vec<u8>,
    pub(super) keep_alives: u32,
}

impl Dialogue {
    pub(super) fn new(quirks: Quirks, preface: Vec<u8>) -> Self {
        Self {
            quirks,
            input: Vec::new(),
            transcript: Transcript::new(),
            keys: None,
            incoming: None,
            greeting: None,
            receipt: None,
            preface,
            keep_alives: 0,
        }
    }

    /// Takes the client's bytes, and returns each piece of the answer, frame or payload, separately.
    pub(super) fn handle(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.input.extend_from_slice(bytes);
        let mut out = Vec::new();
        loop {
            if let Some((exchange, sink)) = &mut self.incoming {
                if let Some((stage, offset)) = self.quirks.alter_up
                    && stage == exchange.stage
                    && let Some(at) = offset.checked_sub(sink.received())
                    && let Some(byte) = self.input.get_mut(at as usize)
                {
                    *byte ^= 1;
                }
                let taken = sink.accept(&self.input);
                self.input.drain(..taken);
                if let Some((stage, bytes)) = self.quirks.cut_short
                    && stage == exchange.stage
                    && sink.received() >= bytes
                {
                    let mut received = sink.report();
                    received.bytes = bytes;
                    self.incoming = None;
                    out.push(self.confirmation(received));
                    return out;
                }
                if !sink.complete() {
                    return out;
                }
                let exchange = *exchange;
                let received = sink.report();
                self.incoming = None;
                out.push(self.confirmation(received));
                out.push(self.payload(&exchange));
            }
            if self.greeting.is_none() && self.input.len() >= MAGIC.len() {
                assert_eq!(self.input[..MAGIC.len()], MAGIC);
            }
            let skip = if self.greeting.is_none() {
                MAGIC.len()
            } else {
                0
            };
            let Some(frame_bytes) = whole_frame(&self.input, skip) else {
                return out;
            };
            self.input.drain(..frame_bytes.len() + skip);
            let answer = self.act_on(&frame_bytes);
            if answer.is_empty() && self.incoming.is_none() {
                return out;
            }
            out.extend(answer);
        }
    }

    fn act_on(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let frame = frame(bytes);
        if self.greeting.is_none() {
            return vec![self.answer(&frame)];
        }
        let keys = self.keys.as_ref().unwrap();
        let transcript = &mut self.transcript;
        let mut out = Vec::new();
        match frame.frame_type() {
            FrameType::Exchange => {
                let exchange: wire::Exchange = match frame.open(keys, transcript) {
                    Ok(exchange) => exchange,
                    // The frame was altered on the way; the real server closes without an answer.
                    Err(_) => return Vec::new(),
                };
                let (stage, bytes) = (exchange.stage, exchange.up_bytes);
                let sink = PayloadSink::new(keys, Direction::Up, stage, bytes);
                self.incoming = Some((exchange, sink));
                return Vec::new();
            }
            FrameType::KeepAliveUp => {
                let mut message: wire::KeepAlive = frame.open(keys, transcript).unwrap();
                message.sequence += u32::from(self.quirks.wrong_keep_alive);
                self.keep_alives += 1;
                seal(
                    &mut out,
                    FrameType::KeepAliveDown,
                    &message,
                    keys,
                    transcript,
                );
            }
            FrameType::Receipt => {
                let Ok(receipt) = frame.open(keys, transcript) else {
                    return Vec::new();
                };
                self.receipt = Some(receipt);
                seal(&mut out, FrameType::Farewell, &farewell(), keys, transcript);
            }
            FrameType::Greeting
            | FrameType::Testimony
            | FrameType::Refusal
            | FrameType::Confirmation
            | FrameType::Farewell
            | FrameType::KeepAliveDown => panic!("{frame:?} from a client"),
        }
        vec![out]
    }

    fn answer(&mut self, frame: &Frame<'_>) -> Vec<u8> {
        let (out, keys) = greeted(
            frame,
            &mut self.transcript,
            &self.quirks,
            &SERVER_NONCE,
            &mut self.greeting,
            |testimony| testimony.preface.clone_from(&self.preface),
        );
        self.keys = keys;
        out
    }

    fn confirmation(&mut self, mut received: wire::Received) -> Vec<u8> {
        if self.quirks.wrong_digest {
            received.sha256[0] ^= 1;
        }
        let confirmation = wire::Confirmation {
            received: Some(received),
        };
        let mut out = Vec::new();
        let keys = self.keys.as_ref().unwrap();
        let transcript = &mut self.transcript;
        seal(
            &mut out,
            FrameType::Confirmation,
            &confirmation,
            keys,
            transcript,
        );
        out
    }

    fn payload(&self, exchange: &wire::Exchange) -> Vec<u8> {
        let mut bytes = payload(self.keys.as_ref().unwrap(), exchange);
        if let Some((stage, at)) = self.quirks.alter_down
            && stage == exchange.stage
        {
            bytes[at] ^= 1;
        }
        bytes
    }
}

/// Answers a greeting; `complete` fills in the fields that depend on the envelope.
pub(super) fn greeted(
    frame: &Frame<'_>,
    transcript: &mut Transcript,
    quirks: &Quirks,
    server_nonce: &Nonce,
    greeting: &mut Option<wire::Greeting>,
    complete: impl FnOnce(&mut wire::Testimony),
) -> (Vec<u8>, Option<KeySchedule>) {
    let secret = Secret::new(SECRET);
    let opened: wire::Greeting = frame.open(&secret.for_greeting(), transcript).unwrap();
    assert_eq!(frame.wire_len(), GREETING_FRAME_BYTES);
    let client_nonce: Nonce = opened.nonce.clone().try_into().unwrap();
    let keys = secret.for_answer(&client_nonce);
    let mut out = Vec::new();
    if let Some(reason) = quirks.refuse {
        let refusal = wire::Refusal {
            reason: reason.into(),
            instance: "one".into(),
            client_nonce: client_nonce.to_vec(),
            version: proto::DIALOGUE_VERSION,
        };
        seal(&mut out, FrameType::Refusal, &refusal, &keys, transcript);
        *greeting = Some(opened);
        return (out, None);
    }
    let mut testimony = testimony(quirks, &opened, server_nonce);
    complete(&mut testimony);
    quirks.pose(0, &mut testimony);
    seal(
        &mut out,
        FrameType::Testimony,
        &testimony,
        &keys,
        transcript,
    );
    assert!(
        out.len() <= frame.wire_len(),
        "no answer is longer than the greeting"
    );
    *greeting = Some(opened);
    (out, Some(secret.for_session(&client_nonce, server_nonce)))
}

pub(super) fn testimony(
    quirks: &Quirks,
    greeting: &wire::Greeting,
    server_nonce: &Nonce,
) -> wire::Testimony {
    let address = |last, port| {
        Some(wire::SocketAddress {
            ip: vec![192, 0, 2, last],
            port,
        })
    };
    let client_nonce = if quirks.wrong_nonce {
        vec![0xEE; 32]
    } else {
        greeting.nonce.clone()
    };
    wire::Testimony {
        version: proto::DIALOGUE_VERSION,
        instance: "one".into(),
        client_nonce,
        server_nonce: server_nonce.to_vec(),
        local: address(1, greeting.port_dialled),
        peer: address(2, 40_000),
        time_unix_ms: 1_000,
        kind: greeting.kind,
        connection_id: vec![1; 8],
        syn: vec![0x45; 40],
        agreed_options: Some(7),
        tls: quirks
            .exporter
            .map(|exporter| tls_testimony(exporter, quirks.client_hello)),
        ..wire::Testimony::default()
    }
}

fn tls_testimony(exporter: [u8; 32], client_hello: Option<[u8; 32]>) -> wire::TlsTestimony {
    let same = super::facts();
    let optional = |bytes: Option<[u8; 32]>| bytes.map_or_else(Vec::new, Vec::from);
    wire::TlsTestimony {
        version: same.version.into(),
        cipher_suite: same.suite.into(),
        group: same.group.map_or(0, u32::from),
        server_name: same.server_name.unwrap_or_default(),
        alpn: same.alpn.unwrap_or_default(),
        exporter: exporter.to_vec(),
        client_hello_sha256: optional(client_hello),
        client_certificate_sha256: optional(same.client_certificate_sha256),
    }
}

pub(super) fn farewell() -> wire::Farewell {
    wire::Farewell {
        rtt_us: Some(250),
        bytes_received: 10,
        bytes_sent: 20,
        ..wire::Farewell::default()
    }
}

pub(super) fn payload(keys: &KeySchedule, exchange: &wire::Exchange) -> Vec<u8> {
    let mut out = Vec::new();
    let (stage, bytes) = (exchange.stage, exchange.down_bytes);
    PayloadSource::new(keys, Direction::Down, stage, bytes).produce(&mut out, usize::MAX);
    out
}

/// Returns the frame after `skip` bytes, once it is whole.
pub(super) fn whole_frame(input: &[u8], skip: usize) -> Option<Vec<u8>> {
    let input = input.get(skip..)?;
    match Frame::decode(input) {
        Ok(Decoded::Complete { consumed, .. }) => Some(input[..consumed].to_vec()),
        Ok(Decoded::Incomplete { .. }) => None,
        // The test altered the client's bytes, so the rest cannot be decoded.
        Err(_) => None,
    }
}

pub(super) fn frame(bytes: &[u8]) -> Frame<'_> {
    match Frame::decode(bytes) {
        Ok(Decoded::Complete { value, .. }) => value,
        other => panic!("no whole frame: {other:?}"),
    }
}

pub(super) const SERVER_NONCE: Nonce = [0xA5; 32];
