//! The minimal server in HTTP requests, and the devices that may sit in front of it.

use proto::decoded::Decoded;
use proto::first_bytes::MAGIC;
use proto::frame::{FrameType, seal};
use proto::http_head::{RequestHead, response_head};
use proto::key::{KeySchedule, Nonce, Secret};
use proto::payload::{Direction, PayloadSink};
use proto::transcript::Transcript;
use proto::wire;
use sha2::{Digest as _, Sha256};

use super::server::{Quirks, SECRET, farewell, frame, greeted, payload, testimony, whole_frame};

/// How the response is put on the wire, by a device or by the server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Wrapping {
    #[default]
    AsSent,
    Chunked,
    UntilClose,
    /// With `Connection: close`, so that the connection is not used again.
    Close,
    /// In the form of a relay that speaks HTTP/1.0.
    Http10,
    /// With an additional header.
    Via,
    /// After an interim response.
    Continue,
}

#[derive(Debug, Default)]
pub(super) struct Web {
    pub(super) quirks: Quirks,
    pub(super) wrapping: Wrapping,
    /// The numbers of the requests whose server nonce is not known.
    pub(super) forgets: Vec<u32>,
    /// Whether the testimony for an unknown nonce covers the whole request, or only the greeting.
    pub(super) reads_all: bool,
    /// Instance and connection id of each request; the last entry also applies to all further requests.
    pub(super) answered_by: Vec<(&'static str, u8)>,
    /// The numbers of the requests whose head is changed on its way to the server.
    pub(super) alters_heads: Vec<u32>,
    pub(super) receipt: Option<wire::Receipt>,
    pub(super) requests: u32,
    input: Vec<u8>,
    chain: Sha256,
}

impl Web {
    pub(super) fn new(quirks: Quirks) -> Self {
        Self {
            quirks,
            ..Self::default()
        }
    }

    pub(super) fn handle(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.input.extend_from_slice(bytes);
        let mut out = Vec::new();
        loop {
            let (head, length) = match RequestHead::decode(&self.input) {
                Ok(Decoded::Complete { value, consumed }) => {
                    assert_eq!(value.method(), "POST");
                    let body = value.content_length().unwrap() as usize;
                    (value.raw().to_vec(), consumed + body)
                }
                Ok(Decoded::Incomplete { .. }) | Err(_) => return out,
            };
            if self.input.len() < length {
                return out;
            }
            let body: Vec<u8> = self.input.drain(..length).skip(head.len()).collect();
            let Some(answer) = self.answer(head, &body) else {
                return out;
            };
            out.extend(self.wrapped(&answer));
        }
    }

    /// Answers a request; returns `None` if it was altered on the way.
    fn answer(&mut self, mut head: Vec<u8>, body: &[u8]) -> Option<Vec<u8>> {
        let number = self.requests;
        self.requests += 1;
        assert_eq!(body[..MAGIC.len()], MAGIC);
        let greeting = whole_frame(body, MAGIC.len())?;
        let rest = &body[MAGIC.len() + greeting.len()..];
        let more = (!rest.is_empty()).then(|| whole_frame(rest, 0)).flatten();
        if self.alters_heads.contains(&number) {
            head[6] ^= 1;
        }
        let known = number == 0 || !self.forgets.contains(&number);
        let mut round = Transcript::new();
        let opened: wire::Greeting = frame(&greeting)
            .open(&Secret::new(SECRET).for_greeting(), &mut round)
            .ok()?;
        self.check_chain(&opened, number);
        let (nonce, keys) = nonces(&opened, number);
        let mut stage = None;
        if let Some(more) = more.as_deref().filter(|_| known || self.reads_all) {
            let keys = keys.as_ref().unwrap();
            if frame(more).frame_type() == FrameType::Receipt {
                self.receipt = Some(frame(more).open(keys, &mut round).ok()?);
            } else {
                let exchange: wire::Exchange = frame(more).open(keys, &mut round).ok()?;
                stage = Some((exchange, &rest[more.len()..]));
            }
        }
        let mut out = self.testify(&greeting, &opened, &nonce, &head, &mut round)?;
        let keys = keys.as_ref().filter(|_| known && more.is_some());
        if let (Some(keys), Some((exchange, up))) = (keys, stage) {
            confirm(&mut out, keys, &mut round, exchange, up);
            out.extend(payload(keys, &exchange));
        } else if let Some(keys) = keys {
            seal(&mut out, FrameType::Farewell, &farewell(), keys, &mut round);
        }
        self.chain.update(round.digest());
        Some(out)
    }

    fn check_chain(&self, greeting: &wire::Greeting, number: u32) {
        if number == 0 {
            assert!(greeting.chain.is_empty() && greeting.server_nonce.is_empty());
        } else {
            assert_eq!(greeting.chain, self.chain.clone().finalize().to_vec());
            assert_eq!(greeting.server_nonce, server_nonce(number - 1));
        }
    }

    fn testify(
        &self,
        greeting: &[u8],
        opened: &wire::Greeting,
        nonce: &Nonce,
        head: &[u8],
        round: &mut Transcript,
    ) -> Option<Vec<u8>> {
        if self.quirks.refuse.is_some() {
            let (transcript, quirks) = (&mut Transcript::new(), &self.quirks);
            return Some(
                greeted(
                    &frame(greeting),
                    transcript,
                    quirks,
                    nonce,
                    &mut None,
                    |_| {},
                )
                .0,
            );
        }
        let client_nonce: Nonce = opened.nonce.clone().try_into().unwrap();
        let mut message = testimony(&self.quirks, opened, nonce);
        let answered_by = self.answered_by.get(self.requests as usize - 1);
        if let Some((instance, connection)) = answered_by.or_else(|| self.answered_by.last()) {
            message.instance = (*instance).into();
            message.connection_id = vec![*connection; 8];
        }
        message.request_head = head.to_vec();
        self.quirks.pose(self.requests - 1, &mut message);
        let keys = Secret::new(SECRET).for_answer(&client_nonce);
        let mut out = Vec::new();
        seal(&mut out, FrameType::Testimony, &message, &keys, round);
        Some(out)
    }

    fn wrapped(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let length = Some(body.len() as u64);
        let mut headers = vec![
            ("Cache-Control", "no-store"),
            ("Content-Type", "application/octet-stream"),
        ];
        match self.wrapping {
            Wrapping::AsSent => response_head(&mut out, 200, &headers, length).unwrap(),
            Wrapping::Continue => {
                response_head(&mut out, 100, &[], None).unwrap();
                response_head(&mut out, 200, &headers, length).unwrap();
            }
            Wrapping::Via => {
                headers.push(("Via", "1.1 corp-proxy"));
                response_head(&mut out, 200, &headers, length).unwrap();
            }
            Wrapping::Close => {
                headers.push(("Connection", "Upgrade, Close"));
                response_head(&mut out, 200, &headers, length).unwrap();
            }
            Wrapping::Http10 => {
                let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                out.extend_from_slice(head.as_bytes());
            }
            Wrapping::UntilClose => response_head(&mut out, 200, &headers, None).unwrap(),
            Wrapping::Chunked => {
                out.extend_from_slice(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                for chunk in body.chunks(700) {
                    out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"0\r\n\r\n");
                return out;
            }
        }
        out.extend_from_slice(body);
        out
    }
}

fn server_nonce(number: u32) -> Nonce {
    [0xA0 + number as u8; 32]
}

/// Returns the nonce for the answer, and the keys of the frames after the greeting.
fn nonces(greeting: &wire::Greeting, number: u32) -> (Nonce, Option<KeySchedule>) {
    let client: Nonce = greeting.nonce.clone().try_into().unwrap();
    let keys = Nonce::try_from(greeting.server_nonce.as_slice())
        .ok()
        .map(|named| Secret::new(SECRET).for_session(&client, &named));
    (server_nonce(number), keys)
}

fn confirm(
    out: &mut Vec<u8>,
    keys: &KeySchedule,
    round: &mut Transcript,
    exchange: wire::Exchange,
    up: &[u8],
) {
    let mut sink = PayloadSink::new(keys, Direction::Up, exchange.stage, exchange.up_bytes);
    assert_eq!(sink.accept(up), up.len());
    assert!(sink.complete());
    let message = wire::Confirmation {
        received: Some(sink.report()),
    };
    seal(out, FrameType::Confirmation, &message, keys, round);
}
