//! One HTTP request: a greeting and, from a session's second request on, one stage or the receipt.

use prost::Message;
use proto::frame::{Frame, FrameType};
use proto::key::{KeyId, KeySchedule, Nonce};
use proto::payload::{Direction, PayloadSink};
use proto::transcript::Transcript;
use proto::wire::{Exchange, Receipt};

use super::deny;
use crate::nonces::Resumption;
use crate::session::frames::Frames;
use crate::session::greeting::OpenedGreeting;
use crate::session::link::{KeptBytes, Link, Stop};
use crate::session::{End, Env, SessionId, StageBook};

#[derive(Debug)]
pub(super) struct Round {
    frames: Frames,
    pub(super) transcript: Transcript,
    pub(super) greeting: Option<Greeting>,
    pub(super) asked: RoundRequest,
}

/// The part of the request's greeting that is kept.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) key: KeyId,
    pub(super) session: SessionId,
    pub(super) version: u32,
    pub(super) client_nonce: Nonce,
    pub(super) frame_bytes: usize,
    pub(super) answer_keys: KeySchedule,
    /// The link to the earlier requests; `None` in a session's first request.
    pub(super) later: Option<LaterRound>,
}

/// The link between a request and the earlier ones of its session.
#[derive(Debug)]
pub(super) struct LaterRound {
    pub(super) keys: KeySchedule,
    server_nonce: Nonce,
    chain: Vec<u8>,
}

/// The thing that a request asks for in addition to a testimony.
#[derive(Debug)]
pub(super) enum RoundRequest {
    Nothing,
    Stage(Box<Stage>),
    Farewell { resumed: Option<Resumption> },
}

#[derive(Debug)]
pub(super) struct Stage {
    /// The session state that the server nonce was issued for. `None` if this server never issued the nonce or has
    /// forgotten it: then the payload is read, and answered with a testimony alone.
    pub(super) resumed: Option<Resumption>,
    pub(super) sink: PayloadSink,
    pub(super) number: u32,
    pub(super) down_bytes: u32,
}

impl Round {
    pub(super) fn new() -> Self {
        Self {
            frames: Frames::new(),
            transcript: Transcript::new(),
            greeting: None,
            asked: RoundRequest::Nothing,
        }
    }

    /// Takes bytes of the request's body.
    pub(super) fn receive(
        &mut self,
        env: &Env<'_>,
        link: &mut Link,
        body: &mut &[u8],
    ) -> Result<(), Stop> {
        loop {
            if let RoundRequest::Stage(stage) = &mut self.asked {
                let taken = stage.sink.accept(body);
                *body = &body[taken..];
            }
            match self.frames.next(body) {
                Ok(Some(whole)) => self.act_on(env, link, &whole.frame())?,
                Ok(None) => return Ok(()),
                Err(_) => return Err(deny(link, End::NotAuthenticated)),
            }
        }
    }

    pub(super) fn awaits_payload(&self) -> bool {
        matches!(&self.asked, RoundRequest::Stage(stage) if stage.resumed.is_some() && !stage.sink.complete())
    }

    /// Ends the body, and answers it if it was a complete request.
    pub(super) fn finish(
        self,
        env: &mut Env<'_>,
        link: &mut Link,
        head: &KeptBytes,
    ) -> Result<(), Stop> {
        let whole = !self.frames.in_the_middle()
            && match &self.asked {
                RoundRequest::Stage(stage) => stage.sink.complete(),
                RoundRequest::Nothing | RoundRequest::Farewell { .. } => true,
            };
        if whole {
            self.respond(env, link, head)
        } else {
            Err(deny(link, End::NotAuthenticated))
        }
    }

    fn act_on(&mut self, env: &Env<'_>, link: &mut Link, frame: &Frame<'_>) -> Result<(), Stop> {
        if self.greeting.is_none() {
            return self.greet(env, link, frame);
        }
        match (frame.frame_type(), &self.asked) {
            (FrameType::Exchange, RoundRequest::Nothing) => self.begin_stage(env, link, frame),
            (FrameType::Receipt, RoundRequest::Nothing) => {
                self.open::<Receipt>(link, frame)?;
                let resumed = self.resume(env, link)?;
                self.asked = RoundRequest::Farewell { resumed };
                Ok(())
            }
            _ => Err(deny(link, End::NotAuthenticated)),
        }
    }

    fn greet(&mut self, env: &Env<'_>, link: &mut Link, frame: &Frame<'_>) -> Result<(), Stop> {
        let greeted = OpenedGreeting::open(env, link, frame, &mut self.transcript)
            .map_err(|_| deny(link, End::NotAuthenticated))?;
        let client_nonce = greeted.client_nonce;
        self.greeting = Some(Greeting {
            key: greeted.key,
            session: greeted.session,
            version: greeted.version,
            client_nonce,
            frame_bytes: greeted.frame_bytes,
            answer_keys: greeted.secret.for_answer(&client_nonce),
            later: greeted.earlier.map(|earlier| LaterRound {
                keys: greeted
                    .secret
                    .for_session(&client_nonce, &earlier.server_nonce),
                server_nonce: earlier.server_nonce,
                chain: earlier.chain,
            }),
        });
        Ok(())
    }

    fn begin_stage(
        &mut self,
        env: &Env<'_>,
        link: &mut Link,
        frame: &Frame<'_>,
    ) -> Result<(), Stop> {
        let exchange = self.open::<Exchange>(link, frame)?;
        let mut resumed = self.resume(env, link)?;
        let mut elsewhere = StageBook::default();
        let stages = resumed.as_mut().map_or(&mut elsewhere, |r| &mut r.stages);
        if stages.grant(&exchange, link.limits.session_bytes).is_none() {
            return Err(deny(link, End::OverLimit));
        }
        let keys = &self.later(link)?.keys;
        self.asked = RoundRequest::Stage(Box::new(Stage {
            sink: PayloadSink::new(keys, Direction::Up, exchange.stage, exchange.up_bytes),
            resumed,
            number: exchange.stage,
            down_bytes: exchange.down_bytes,
        }));
        Ok(())
    }

    /// Opens a frame under the keys of the greeting's nonce and the server nonce that it names. That alone does not
    /// prove that this server issued the nonce.
    fn open<M: Message + Default>(
        &mut self,
        link: &mut Link,
        frame: &Frame<'_>,
    ) -> Result<M, Stop> {
        let later = self.greeting.as_ref().and_then(|g| g.later.as_ref());
        later
            .and_then(|later| frame.open(&later.keys, &mut self.transcript).ok())
            .ok_or_else(|| deny(link, End::NotAuthenticated))
    }

    /// Takes the named server nonce out of the table. If it was in the table, the MAC just verified proves that this
    /// request is not a replay.
    fn resume(&self, env: &Env<'_>, link: &mut Link) -> Result<Option<Resumption>, Stop> {
        let Some(greeting) = &self.greeting else {
            return Ok(None);
        };
        let Some(later) = &greeting.later else {
            return Ok(None);
        };
        let (nonce, key) = (&later.server_nonce, &greeting.key);
        let Some(resumption) = env.nonces.take(env.now, nonce, key, greeting.session) else {
            return Ok(None);
        };
        if !resumption.chain.agrees_with(&later.chain) {
            return Err(deny(link, End::Violation));
        }
        link.prove_fresh(env.now, key);
        Ok(Some(resumption))
    }

    fn later(&self, link: &mut Link) -> Result<&LaterRound, Stop> {
        self.greeting
            .as_ref()
            .and_then(|greeting| greeting.later.as_ref())
            .ok_or_else(|| deny(link, End::NotAuthenticated))
    }
}
