//! The dialogue on one stream, either raw or in MC-NMF envelopes, with or without TLS. The client may send all stages
//! without waiting for answers. The session checks them as they arrive and answers them in order.

use std::time::Duration;

use prost::Message;
use proto::frame::{Frame, FrameType, seal};
use proto::key::{KeyId, KeySchedule};
use proto::payload::{Direction, PayloadSink, PayloadSource};
use proto::transcript::Transcript;
use proto::wire::{Confirmation, Exchange, Farewell, KeepAlive, Receipt};

use super::frames::Frames;
use super::greeting::{OpenedGreeting, refusal};
use super::link::{KeptBytes, Link, Stop};
use super::testimony::{Answer, testify};
use super::{End, Env, StageBook};

#[derive(Debug)]
pub(super) struct Dialogue {
    frames: Frames,
    transcript: Transcript,
    /// The state from the testimony on.
    running: Option<Running>,
    over: bool,
}

/// Whether a dialogue needs more input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    /// The farewell is queued. Any bytes that follow belong to the envelope.
    Over,
}

impl Dialogue {
    pub(super) fn new() -> Self {
        Self {
            frames: Frames::new(),
            transcript: Transcript::new(),
            running: None,
            over: false,
        }
    }

    pub(super) fn receive(
        &mut self,
        env: &mut Env<'_>,
        link: &mut Link,
        input: &mut &[u8],
    ) -> Result<Progress, Stop> {
        loop {
            if self.over {
                return Ok(Progress::Over);
            }
            if let Some(running) = &mut self.running
                && !running.take_payload(link, &mut self.transcript, input)?
            {
                return Ok(Progress::More);
            }
            match self.frames.next(input) {
                Ok(Some(whole)) => self.act_on(env, link, &whole.frame())?,
                Ok(None) => return Ok(Progress::More),
                Err(_) => return Err(link.stop(End::NotAuthenticated)),
            }
        }
    }

    /// Returns whether payload of a stage is still to come.
    pub(super) fn awaits_payload(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.incoming.is_some())
    }

    /// Confirms the part of a stage that has arrived, because the rest of the stage is overdue. Returns false if
    /// nothing was due.
    pub(super) fn give_up(&mut self, link: &mut Link) -> bool {
        let Some(running) = &mut self.running else {
            return false;
        };
        let Some(stage) = running.incoming.take() else {
            return false;
        };
        running
            .confirm(link, &mut self.transcript, &stage.sink)
            .is_ok()
    }

    fn act_on(
        &mut self,
        env: &mut Env<'_>,
        link: &mut Link,
        frame: &Frame<'_>,
    ) -> Result<(), Stop> {
        let Some(running) = &mut self.running else {
            return self.greet(env, link, frame);
        };
        let transcript = &mut self.transcript;
        match frame.frame_type() {
            FrameType::Exchange => {
                let exchange = running.open::<Exchange>(env.now, link, transcript, frame)?;
                running.begin_stage(link, &exchange)
            }
            FrameType::KeepAliveUp => {
                let beat = running.open::<KeepAlive>(env.now, link, transcript, frame)?;
                running.answer_beat(link, transcript, &beat)
            }
            FrameType::Receipt => {
                running.open::<Receipt>(env.now, link, transcript, frame)?;
                running.part(env, link, transcript)?;
                self.over = true;
                Ok(())
            }
            FrameType::Greeting
            | FrameType::Testimony
            | FrameType::Refusal
            | FrameType::Confirmation
            | FrameType::Farewell
            | FrameType::KeepAliveDown => Err(link.stop(End::NotAuthenticated)),
        }
    }

    fn greet(&mut self, env: &mut Env<'_>, link: &mut Link, frame: &Frame<'_>) -> Result<(), Stop> {
        let greeted = OpenedGreeting::open(env, link, frame, &mut self.transcript)?;
        let client_nonce = &greeted.client_nonce;
        let answer_keys = greeted.secret.for_answer(client_nonce);
        let mut out = Vec::new();
        if let Some(refusal) = refusal(env, link, &greeted.key, greeted.version, client_nonce) {
            let transcript = &mut self.transcript;
            seal(
                &mut out,
                FrameType::Refusal,
                &refusal,
                &answer_keys,
                transcript,
            );
            let refused = link.refused_by_gate();
            link.outbox.push_frames(out).map_err(refused)?;
            return Err(Stop::Close(End::Refused));
        }
        let server_nonce = env.nonce();
        let answer = Answer {
            client_nonce,
            server_nonce: &server_nonce,
            request_head: &KeptBytes::default(),
        };
        let room = greeted.frame_bytes.min(link.outbox.allowance());
        let testimony =
            testify(env, link, &answer, room).ok_or_else(|| link.stop(End::NotAuthenticated))?;
        let transcript = &mut self.transcript;
        seal(
            &mut out,
            FrameType::Testimony,
            &testimony,
            &answer_keys,
            transcript,
        );
        let refused = link.refused_by_gate();
        link.outbox.push_frames(out).map_err(refused)?;
        link.preface = KeptBytes::default();
        self.running = Some(Running {
            keys: greeted.secret.for_session(client_nonce, &server_nonce),
            key: greeted.key,
            stages: StageBook::default(),
            incoming: None,
        });
        Ok(())
    }
}

/// The part of a dialogue in which both nonces are known.
#[derive(Debug)]
struct Running {
    keys: KeySchedule,
    key: KeyId,
    stages: StageBook,
    incoming: Option<Stage>,
}

#[derive(Debug)]
struct Stage {
    sink: PayloadSink,
    number: u32,
    down_bytes: u32,
}

impl Running {
    /// Opens a frame under the keys of both nonces. Success proves that the frame is not a replay, because the server's
    /// nonce was made for this connection.
    fn open<M: Message + Default>(
        &self,
        now: Duration,
        link: &mut Link,
        transcript: &mut Transcript,
        frame: &Frame<'_>,
    ) -> Result<M, Stop> {
        let message = frame
            .open(&self.keys, transcript)
            .map_err(|_| link.stop(End::NotAuthenticated))?;
        link.prove_fresh(now, &self.key);
        Ok(message)
    }

    fn begin_stage(&mut self, link: &Link, exchange: &Exchange) -> Result<(), Stop> {
        self.stages
            .grant(exchange, link.limits.session_bytes)
            .ok_or_else(|| link.stop(End::OverLimit))?;
        let (number, bytes) = (exchange.stage, exchange.up_bytes);
        self.incoming = Some(Stage {
            sink: PayloadSink::new(&self.keys, Direction::Up, number, bytes),
            number,
            down_bytes: exchange.down_bytes,
        });
        Ok(())
    }

    /// Passes input to the stage in progress. Returns true once no stage is in progress: the input that follows is a
    /// frame.
    fn take_payload(
        &mut self,
        link: &mut Link,
        transcript: &mut Transcript,
        input: &mut &[u8],
    ) -> Result<bool, Stop> {
        let Some(stage) = &mut self.incoming else {
            return Ok(true);
        };
        let taken = stage.sink.accept(input);
        *input = &input[taken..];
        if !stage.sink.complete() {
            return Ok(false);
        }
        if let Some(stage) = self.incoming.take() {
            self.confirm(link, transcript, &stage.sink)?;
            let (number, bytes) = (stage.number, stage.down_bytes);
            let source = PayloadSource::new(&self.keys, Direction::Down, number, bytes);
            let refused = link.refused_by_gate();
            link.outbox.push_payload(source).map_err(refused)?;
        }
        Ok(true)
    }

    fn confirm(
        &self,
        link: &mut Link,
        transcript: &mut Transcript,
        sink: &PayloadSink,
    ) -> Result<(), Stop> {
        let confirmation = Confirmation {
            received: Some(sink.report()),
        };
        self.say(link, transcript, FrameType::Confirmation, &confirmation)
    }

    fn answer_beat(
        &self,
        link: &mut Link,
        transcript: &mut Transcript,
        beat: &KeepAlive,
    ) -> Result<(), Stop> {
        if link.outbox.is_full() {
            return Err(link.stop(End::OverLimit));
        }
        self.say(link, transcript, FrameType::KeepAliveDown, beat)
    }

    fn part(
        &self,
        env: &mut Env<'_>,
        link: &mut Link,
        transcript: &mut Transcript,
    ) -> Result<(), Stop> {
        let farewell = farewell(env, link);
        self.say(link, transcript, FrameType::Farewell, &farewell)?;
        link.completed = true;
        Ok(())
    }

    fn say(
        &self,
        link: &mut Link,
        transcript: &mut Transcript,
        frame_type: FrameType,
        message: &impl Message,
    ) -> Result<(), Stop> {
        let mut out = Vec::new();
        seal(&mut out, frame_type, message, &self.keys, transcript);
        let refused = link.refused_by_gate();
        link.outbox.push_frames(out).map_err(refused)
    }
}

/// Returns the farewell with the counts of the kernel and this session, for the client to compare with its own figures.
pub(super) fn farewell(env: &mut Env<'_>, link: &Link) -> Farewell {
    let facts = (env.transport)();
    Farewell {
        rtt_us: facts.rtt_us,
        rtt_variance_us: facts.rtt_variance_us,
        retransmissions: facts.retransmissions,
        duplicates_reported: facts.duplicates_reported,
        reorderings_seen: facts.reorderings_seen,
        send_mss: facts.send_mss,
        receive_mss: facts.receive_mss,
        path_mtu: facts.path_mtu,
        bytes_received: link.arrivals.total(),
        bytes_sent: link.sent,
    }
}
