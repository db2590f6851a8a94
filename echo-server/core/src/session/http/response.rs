//! The response to one HTTP request. All frames of the request have been read before, so the testimony's MAC covers
//! them all.

use prost::Message;
use proto::frame::{FrameType, seal};
use proto::http_head::response_head;
use proto::limits::MAX_STAGE_BYTES;
use proto::payload::{Direction, PayloadSource};
use proto::wire::Confirmation;

use super::deny;
use super::round::{Greeting, Round, RoundRequest};
use crate::nonces::{Chain, Resumption};
use crate::session::dialogue::farewell;
use crate::session::greeting::refusal;
use crate::session::link::{KeptBytes, Link, Stop};
use crate::session::testimony::{Answer, testify};
use crate::session::{End, Env, StageBook};

impl Round {
    /// Responds to the part of the request that has arrived, which may include only part of a stage.
    pub(super) fn respond(
        mut self,
        env: &mut Env<'_>,
        link: &mut Link,
        head: &KeptBytes,
    ) -> Result<(), Stop> {
        let Some(greeting) = self.greeting.take() else {
            return Err(deny(link, End::NotAuthenticated));
        };
        let mut body = Vec::new();
        // A resumed session is not refused for lack of room: its connection already has a place.
        let (key, version) = (&greeting.key, greeting.version);
        if let Some(refusal) = refusal(env, link, key, version, &greeting.client_nonce) {
            self.say(&mut body, &greeting, FrameType::Refusal, &refusal);
            send(link, body, None)?;
            return Err(Stop::Close(End::Refused));
        }
        let server_nonce = env.nonce();
        let answer = Answer {
            client_nonce: &greeting.client_nonce,
            server_nonce: &server_nonce,
            request_head: head,
        };
        let around = response(LONGEST_BODY, &[]).len();
        let room = link.outbox.allowance().saturating_sub(around);
        let Some(testimony) = testify(env, link, &answer, room.min(greeting.frame_bytes)) else {
            return Err(deny(link, End::NotAuthenticated));
        };
        self.say(&mut body, &greeting, FrameType::Testimony, &testimony);
        let payload = self.answer_asked(env, link, &greeting, &mut body);
        send(link, body, payload)?;
        if let Some(resumption) = self.next(&greeting) {
            let (hold, client_nonce) = (link.clock.hold(), greeting.client_nonce);
            env.nonces
                .issue(env.now, hold, client_nonce, server_nonce, resumption);
        }
        Ok(())
    }

    /// Appends the answer to a stage or receipt, if this server issued the nonce that the request names.
    fn answer_asked(
        &mut self,
        env: &mut Env<'_>,
        link: &mut Link,
        greeting: &Greeting,
        body: &mut Vec<u8>,
    ) -> Option<PayloadSource> {
        let keys = &greeting.later.as_ref()?.keys;
        let transcript = &mut self.transcript;
        match &self.asked {
            RoundRequest::Stage(stage) if stage.resumed.is_some() => {
                let confirmation = Confirmation {
                    received: Some(stage.sink.report()),
                };
                seal(
                    body,
                    FrameType::Confirmation,
                    &confirmation,
                    keys,
                    transcript,
                );
                let (number, bytes) = (stage.number, stage.down_bytes);
                let complete = stage.sink.complete();
                complete.then(|| PayloadSource::new(keys, Direction::Down, number, bytes))
            }
            RoundRequest::Farewell { resumed: Some(_) } => {
                let farewell = farewell(env, link);
                seal(body, FrameType::Farewell, &farewell, keys, transcript);
                link.completed = true;
                None
            }
            RoundRequest::Nothing
            | RoundRequest::Stage(_)
            | RoundRequest::Farewell { resumed: None } => None,
        }
    }

    /// Returns the session state to store under the nonce of this response; `None` after the farewell.
    fn next(self, greeting: &Greeting) -> Option<Resumption> {
        let digest = self.transcript.digest();
        let begin = |chain| Resumption {
            key: greeting.key.clone(),
            session: greeting.session,
            chain,
            stages: StageBook::default(),
        };
        let resumption = match self.asked {
            RoundRequest::Farewell { resumed: Some(_) } => return None,
            RoundRequest::Stage(stage) => stage.resumed.unwrap_or_else(|| begin(Chain::Elsewhere)),
            RoundRequest::Farewell { resumed: None } => begin(Chain::Elsewhere),
            RoundRequest::Nothing if greeting.later.is_some() => begin(Chain::Elsewhere),
            RoundRequest::Nothing => begin(Chain::new()),
        };
        Some(Resumption {
            chain: resumption.chain.with(&digest),
            ..resumption
        })
    }

    fn say(
        &mut self,
        body: &mut Vec<u8>,
        greeting: &Greeting,
        frame_type: FrameType,
        message: &impl Message,
    ) {
        let keys = &greeting.answer_keys;
        seal(body, frame_type, message, keys, &mut self.transcript);
    }
}

fn send(link: &mut Link, body: Vec<u8>, payload: Option<PayloadSource>) -> Result<(), Stop> {
    let payload_bytes = payload.as_ref().map_or(0, PayloadSource::remaining);
    let length = body.len() as u64 + u64::from(payload_bytes);
    let refused = link.refused_by_gate();
    link.outbox
        .push_plain(response(length, &body))
        .map_err(&refused)?;
    match payload {
        Some(payload) => link.outbox.push_payload(payload).map_err(refused),
        None => Ok(()),
    }
}

fn response(length: u64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_CAPACITY + body.len());
    response_head(&mut out, 200, &HEADERS, Some(length))
        .expect("the headers are constants, and well-formed");
    out.extend_from_slice(body);
    out
}

/// The headers of every response with status 200: caches must not keep it, and devices that inspect bodies should know
/// that its body is binary.
const HEADERS: [(&str, &str); 2] = [
    ("Cache-Control", "no-store"),
    ("Content-Type", "application/octet-stream"),
];
/// The length of the longest possible body. The head needs room for the digits of this number.
const LONGEST_BODY: u64 = 2 * MAX_STAGE_BYTES as u64;
const HEAD_CAPACITY: usize = 128;
