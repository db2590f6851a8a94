//! One greeting and everything sent under it: its nonce, its transcript and its keys. A session in the raw or MC-NMF
//! envelope is one conversation; an HTTP session has one conversation per request.

use std::time::Duration;

use proto::DIALOGUE_VERSION;
use proto::first_bytes::MAGIC;
use proto::frame::{Frame, FrameType, OpenError, seal};
use proto::key::{KeySchedule, Nonce, Secret};
use proto::limits::GREETING_FRAME_BYTES;
use proto::transcript::Transcript;
use proto::wire;

use super::parameters::SessionParameters;
use super::testimony::ClientTls;

/// One greeting with its nonce, transcript and keys.
#[derive(Debug)]
pub(super) struct Conversation {
    nonce: Nonce,
    transcript: Transcript,
    /// The transcript up to the greeting, if more was sent in the same request. A server that does not know the nonce
    /// answers the greeting alone.
    greeting_only: Option<Transcript>,
    keys: Option<KeySchedule>,
}

/// The link between a later HTTP request and the earlier ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct EarlierRound {
    pub(super) server_nonce: Nonce,
    pub(super) chain: [u8; 32],
}

/// An authentic answer to the greeting.
#[derive(Debug)]
pub(super) enum Answer {
    Testimony {
        message: Box<wire::Testimony>,
        /// Whether the answer covers all frames that were sent, not only the greeting.
        covers_all: bool,
    },
    Refusal(wire::Refusal),
}

impl Conversation {
    /// Appends the magic and a greeting to `out`.
    pub(super) fn greet(
        parameters: &mut SessionParameters,
        tls: Option<&ClientTls>,
        now: Duration,
        earlier: Option<EarlierRound>,
        out: &mut Vec<u8>,
    ) -> Self {
        let nonce = (parameters.nonces)();
        let mut transcript = Transcript::new();
        let keys = parameters.secret.for_greeting();
        let message = padded(greeting(parameters, tls, now, nonce, earlier), &keys);
        out.extend_from_slice(&MAGIC);
        seal(out, FrameType::Greeting, &message, &keys, &mut transcript);
        let secret = &parameters.secret;
        Self {
            nonce,
            greeting_only: earlier.map(|_| transcript.clone()),
            keys: earlier.map(|earlier| secret.for_session(&nonce, &earlier.server_nonce)),
            transcript,
        }
    }

    pub(super) fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// Returns the keys and the transcript for frames that depend on both nonces.
    ///
    /// Returns `None` until the testimony in answer to the first greeting has arrived.
    pub(super) fn sealing(&mut self) -> Option<(&KeySchedule, &mut Transcript)> {
        Some((self.keys.as_ref()?, &mut self.transcript))
    }

    /// Derives the session keys from both nonces; they are used from now on.
    pub(super) fn agree(&mut self, secret: &Secret, server_nonce: &Nonce) {
        self.keys = Some(secret.for_session(&self.nonce, server_nonce));
    }

    /// Returns the digest of everything sent and received, for the chain of HTTP requests.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.transcript.digest()
    }

    /// Checks a testimony or a refusal.
    ///
    /// # Errors
    /// Returns an error unless the answer was made with this client's key for this greeting.
    pub(super) fn open_answer(
        &mut self,
        frame: &Frame<'_>,
        secret: &Secret,
    ) -> Result<Answer, OpenError> {
        let keys = secret.for_answer(&self.nonce);
        if frame.frame_type() == FrameType::Refusal {
            let (refusal, _) = self.open_any(frame, &keys, Frame::open)?;
            return Ok(Answer::Refusal(refusal));
        }
        let (message, covers_all) = self.open_any(frame, &keys, Frame::open)?;
        Ok(Answer::Testimony {
            message: Box::new(message),
            covers_all,
        })
    }

    /// Opens `frame` with the whole transcript or with that of the greeting alone, and keeps the transcript that
    /// matches. The returned flag says whether the whole transcript matched.
    fn open_any<'f, M>(
        &mut self,
        frame: &Frame<'f>,
        keys: &KeySchedule,
        open: fn(&Frame<'f>, &KeySchedule, &mut Transcript) -> Result<M, OpenError>,
    ) -> Result<(M, bool), OpenError> {
        let greeting_only = self.greeting_only.take();
        match (open(frame, keys, &mut self.transcript), greeting_only) {
            (Err(OpenError::Mac(_)), Some(mut alone)) => {
                let message = open(frame, keys, &mut alone)?;
                self.transcript = alone;
                Ok((message, false))
            }
            (opened, _) => opened.map(|message| (message, true)),
        }
    }
}

fn greeting(
    parameters: &SessionParameters,
    tls: Option<&ClientTls>,
    now: Duration,
    nonce: Nonce,
    earlier: Option<EarlierRound>,
) -> wire::Greeting {
    let optional = |bytes: Option<[u8; 32]>| bytes.map_or_else(Vec::new, Vec::from);
    let since_start = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    wire::Greeting {
        version: DIALOGUE_VERSION,
        key_id: parameters.key_id.to_string(),
        run_id: parameters.run_id.to_vec(),
        session_id: parameters.session_id.to_vec(),
        nonce: nonce.to_vec(),
        time_unix_ms: parameters.wall_unix_ms.saturating_add(since_start),
        port_dialled: parameters.port_dialled.into(),
        kind: wire::SessionKind::from(parameters.kind).into(),
        path: parameters.path_text.clone(),
        tls_exporter: optional(tls.and_then(|tls| tls.exporter)),
        client_hello_sha256: optional(tls.and_then(|tls| tls.client_hello_sha256)),
        hop_limit_mark: parameters.hop_limit_mark.map_or(0, u32::from),
        hold_seconds: parameters.hold_seconds(),
        server_nonce: optional(earlier.map(|earlier| earlier.server_nonce)),
        chain: optional(earlier.map(|earlier| earlier.chain)),
        padding: Vec::new(),
    }
}

/// Pads the greeting so that its frame is [`GREETING_FRAME_BYTES`] long.
///
/// Encodes the greeting once without padding to measure its length, and discards that frame.
fn padded(greeting: wire::Greeting, keys: &KeySchedule) -> wire::Greeting {
    let (mut measured, mut unused) = (Vec::new(), Transcript::new());
    seal(
        &mut measured,
        FrameType::Greeting,
        &greeting,
        keys,
        &mut unused,
    );
    let padding = GREETING_FRAME_BYTES.saturating_sub(measured.len() + PADDING_OVERHEAD);
    wire::Greeting {
        padding: vec![0; padding],
        ..greeting
    }
}

/// Bytes that the padding field takes in addition to its content: the tag of `Greeting.padding` and the length, two
/// bytes each.
///
/// The length always takes two bytes: even the longest path text and key id leave more padding than one byte of length
/// can express.
const PADDING_OVERHEAD: usize = 4;
