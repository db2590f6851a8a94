//! The client's side of a dialogue, written from the protocol's description.

use std::net::SocketAddr;

use prost::Message;
use proto::decoded::Decoded;
use proto::first_bytes::MAGIC;
use proto::frame::{Frame, FrameType, OVERHEAD, seal};
use proto::key::{KeySchedule, Nonce};
use proto::limits::{DEFAULT_STAGES, GREETING_FRAME_BYTES};
use proto::payload::{Direction, PayloadSink, PayloadSource};
use proto::transcript::Transcript;
use proto::wire::{
    Confirmation, Exchange, Farewell, Greeting, Receipt, Received, Refusal, SocketAddress,
    Testimony,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::running::Holder;

/// A dialogue over any stream.
pub(crate) struct Dialogue<S> {
    pub(crate) stream: S,
    holder: Holder,
    nonce: Nonce,
    transcript: Transcript,
    input: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    pub(crate) fn new(stream: S, holder: &Holder) -> Self {
        Self {
            stream,
            holder: holder.clone(),
            nonce: rand::random(),
            transcript: Transcript::new(),
            input: Vec::new(),
        }
    }

    /// Plays the whole dialogue with the default stages.
    pub(crate) async fn run(&mut self) -> (Testimony, Farewell) {
        let (testimony, keys) = self.prove().await;
        (testimony, self.part(&keys).await)
    }

    /// Plays the dialogue up to the end of its stages.
    pub(crate) async fn prove(&mut self) -> (Testimony, KeySchedule) {
        self.greet().await;
        let testimony = self.testimony().await;
        let keys = self.session_keys(&testimony);
        self.stages(&keys).await;
        (testimony, keys)
    }

    pub(crate) async fn greet(&mut self) {
        let greeting = self.greeting();
        self.stream.write_all(&greeting).await.unwrap();
    }

    /// Returns the magic and the greeting.
    pub(crate) fn greeting(&mut self) -> Vec<u8> {
        let mut greeting = Greeting {
            version: proto::DIALOGUE_VERSION,
            key_id: self.holder.id.to_string(),
            run_id: vec![0x52; 16],
            session_id: SESSION_ID.to_vec(),
            nonce: self.nonce.to_vec(),
            port_dialled: 443,
            path: "direct".to_owned(),
            hold_seconds: 60,
            ..Greeting::default()
        };
        // The tag and the length of the padding take three bytes.
        let frame = OVERHEAD + greeting.encoded_len() + 3;
        greeting.padding = vec![0; GREETING_FRAME_BYTES - frame];
        let mut out = MAGIC.to_vec();
        let keys = self.holder.secret.for_greeting();
        let transcript = &mut self.transcript;
        seal(&mut out, FrameType::Greeting, &greeting, &keys, transcript);
        out
    }

    pub(crate) async fn testimony(&mut self) -> Testimony {
        let keys = self.holder.secret.for_answer(&self.nonce);
        let testimony: Testimony = self.read(FrameType::Testimony, &keys).await;
        assert_eq!(testimony.client_nonce, self.nonce);
        testimony
    }

    pub(crate) async fn refusal(&mut self) -> Refusal {
        let keys = self.holder.secret.for_answer(&self.nonce);
        self.read(FrameType::Refusal, &keys).await
    }

    pub(crate) fn session_keys(&self, testimony: &Testimony) -> KeySchedule {
        let server_nonce = testimony.server_nonce.as_slice().try_into().unwrap();
        self.holder.secret.for_session(&self.nonce, &server_nonce)
    }

    /// Sends all stages before it reads any answer, as the raw envelope allows.
    pub(crate) async fn stages(&mut self, keys: &KeySchedule) {
        for (stage, bytes) in (1..).zip(DEFAULT_STAGES) {
            let exchange = Exchange {
                stage,
                up_bytes: bytes,
                down_bytes: bytes,
            };
            let mut out = Vec::new();
            let transcript = &mut self.transcript;
            seal(&mut out, FrameType::Exchange, &exchange, keys, transcript);
            PayloadSource::new(keys, Direction::Up, stage, bytes).produce(&mut out, usize::MAX);
            self.stream.write_all(&out).await.unwrap();
        }
        self.stream.flush().await.unwrap();
        for (stage, bytes) in (1..).zip(DEFAULT_STAGES) {
            let confirmation: Confirmation = self.read(FrameType::Confirmation, keys).await;
            let received = confirmation.received.unwrap();
            assert_eq!((received.stage, received.bytes), (stage, bytes));
            assert_eq!(received.altered_at, None);
            self.payload(keys, stage, bytes).await;
        }
    }

    async fn payload(&mut self, keys: &KeySchedule, stage: u32, bytes: u32) {
        let mut sink = PayloadSink::new(keys, Direction::Down, stage, bytes);
        loop {
            let taken = sink.accept(&self.input);
            self.input.drain(..taken);
            if sink.complete() {
                break;
            }
            self.read_some().await;
        }
        assert_eq!(sink.altered_at(), None);
    }

    /// Exchanges receipt and farewell, and waits until the server closes.
    pub(crate) async fn part(&mut self, keys: &KeySchedule) -> Farewell {
        let receipt = Receipt {
            received: vec![Received::default()],
        };
        let mut out = Vec::new();
        let transcript = &mut self.transcript;
        seal(&mut out, FrameType::Receipt, &receipt, keys, transcript);
        self.stream.write_all(&out).await.unwrap();
        self.stream.flush().await.unwrap();
        let farewell = self.read(FrameType::Farewell, keys).await;
        assert_eq!(rest(&mut self.stream).await, b"");
        farewell
    }

    async fn read<M: Message + Default>(&mut self, wanted: FrameType, keys: &KeySchedule) -> M {
        loop {
            if let Decoded::Complete { value, consumed } = Frame::decode(&self.input).unwrap() {
                assert_eq!(value.frame_type(), wanted);
                let message = value.open(keys, &mut self.transcript).unwrap();
                self.input.drain(..consumed);
                return message;
            }
            self.read_some().await;
        }
    }

    async fn read_some(&mut self) {
        let read = self.stream.read_buf(&mut self.input).await.unwrap();
        assert_ne!(read, 0, "the server closed");
    }
}

/// Reads until the server closes the connection, with or without a TLS alert.
pub(crate) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest).await {
        Ok(_) => rest,
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => rest,
        Err(error) => panic!("{error} after {} bytes", rest.len()),
    }
}

pub(crate) fn address(address: Option<SocketAddress>) -> SocketAddr {
    SocketAddr::try_from(&address.unwrap()).unwrap()
}

/// The session id of every greeting in these tests.
pub(crate) const SESSION_ID: [u8; 16] = [0x53; 16];
