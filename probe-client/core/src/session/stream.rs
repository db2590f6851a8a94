//! The dialogue on one stream: raw, with or without TLS, and in MC-NMF envelopes. The client sends all stages as soon
//! as the testimony has arrived; the server confirms them in order.

use proto::frame::{FrameType, seal};
use proto::nmf::Record;
use proto::wire;

use super::conversation::Conversation;
use super::envelopes::{Envelopes, Piece};
use super::fault::{Malformation, Stop};
use super::input::Input;
use super::outbox::{Cut, Outbox};
use super::phase::Phase;
use super::reader::{Context, Event, NextItem, Reader};

/// One conversation on one stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// `None` before the greeting.
    conversation: Option<Conversation>,
    reader: Reader,
    outbox: Outbox,
    cut: Cut,
    /// The decoder of envelopes, if the dialogue is cut into them.
    envelopes: Option<Envelopes>,
    /// The number of stages begun so far.
    begun: usize,
    /// The message to send after the stages.
    next: Option<Word>,
    finished: bool,
}

/// The message that follows the stages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Word {
    KeepAlive,
    Receipt,
}

impl Stream {
    pub(super) fn raw() -> Self {
        Self::new(Cut::Nowhere, None)
    }

    pub(super) fn in_envelopes() -> Self {
        Self::new(Cut::SizedEnvelopes, Some(Envelopes::default()))
    }

    fn new(cut: Cut, envelopes: Option<Envelopes>) -> Self {
        Self {
            conversation: None,
            reader: Reader::new(NextItem::Answer),
            outbox: Outbox::new(cut),
            cut,
            envelopes,
            begun: 0,
            next: None,
            finished: false,
        }
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Appends up to `limit` bytes to `out`.
    pub(super) fn transmit(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>, limit: usize) {
        let end = out.len().saturating_add(limit);
        loop {
            let payload = self.outbox.drain(out, end - out.len());
            if payload > 0 {
                cx.account.stages.handed_out(self.begun - 1, payload);
            }
            if out.len() >= end || !self.queue_next(cx) {
                return;
            }
        }
    }

    /// Takes received bytes.
    ///
    /// # Errors
    /// Returns an error if the bytes are not the server's, or if they end the session.
    pub(super) fn receive(
        &mut self,
        cx: &mut Context<'_>,
        mut input: Input<'_>,
    ) -> Result<(), Stop> {
        let Some(mut envelopes) = self.envelopes.take() else {
            return self.read(cx, input);
        };
        let outcome = self.unwrap(&mut envelopes, cx, &mut input);
        self.envelopes = Some(envelopes);
        outcome
    }

    /// Ends the hold by asking the server for a sign of life.
    pub(super) fn wake(&mut self, cx: &mut Context<'_>) {
        cx.account.phases.enter(Phase::Resuming, cx.now);
        self.next = Some(Word::KeepAlive);
        self.reader.expect(NextItem::KeepAlive(KEEP_ALIVE));
    }

    fn unwrap(
        &mut self,
        envelopes: &mut Envelopes,
        cx: &mut Context<'_>,
        input: &mut Input<'_>,
    ) -> Result<(), Stop> {
        loop {
            let at = input.at();
            match envelopes.next(input)? {
                Piece::Short => return Ok(()),
                Piece::Dialogue(piece) => self.read(cx, piece)?,
                Piece::End if cx.account.farewell.is_some() && !self.finished => {
                    self.finished = true;
                }
                Piece::End => {
                    let range = (at..input.at()).into();
                    return Err(Stop::malformed(Malformation::EndsEarly, range));
                }
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, mut input: Input<'_>) -> Result<(), Stop> {
        let Some(mut conversation) = self.conversation.take() else {
            return Err(input.foreign(&[], input.at()));
        };
        let outcome = self.converse(&mut conversation, cx, &mut input);
        self.conversation = Some(conversation);
        outcome
    }

    fn converse(
        &mut self,
        conversation: &mut Conversation,
        cx: &mut Context<'_>,
        input: &mut Input<'_>,
    ) -> Result<(), Stop> {
        while let Some(event) = self.reader.read(input, conversation, cx)? {
            cx.account.alive(cx.now);
            match event {
                Event::Testimony { server_nonce, .. } => {
                    conversation.agree(&cx.parameters.secret, &server_nonce);
                    cx.account.phases.enter(Phase::Exchanging, cx.now);
                    self.await_stage(0, cx);
                }
                Event::StageThrough(index) => self.await_stage(index + 1, cx),
                Event::Alive => self.part(cx),
                // In envelopes, the end record has yet to arrive.
                Event::Farewell => self.finished = self.cut == Cut::Nowhere,
            }
        }
        Ok(())
    }

    fn await_stage(&mut self, index: usize, cx: &mut Context<'_>) {
        if index < cx.account.stages.count() {
            self.reader.expect(NextItem::Confirmation(index));
        } else if let Some(hold) = cx.parameters.hold {
            cx.account.hold_began(hold, cx.now);
            cx.account.phases.enter(Phase::Holding, cx.now);
        } else {
            self.part(cx);
        }
    }

    fn part(&mut self, cx: &mut Context<'_>) {
        cx.account.phases.enter(Phase::AwaitingFarewell, cx.now);
        self.next = Some(Word::Receipt);
        self.reader.expect(NextItem::Farewell);
    }

    /// Queues the next message; returns false if there is none to send now.
    fn queue_next(&mut self, cx: &mut Context<'_>) -> bool {
        let mut frame = Vec::new();
        let Some(conversation) = &mut self.conversation else {
            let greeted = Conversation::greet(cx.parameters, cx.tls, cx.now, None, &mut frame);
            self.conversation = Some(greeted);
            self.outbox.push(&frame);
            return true;
        };
        let Some((keys, transcript)) = conversation.sealing() else {
            return false;
        };
        if cx.account.line_is_slow {
            cx.account.stages.shorten(self.begun);
        }
        let stages = &mut cx.account.stages;
        if self.begun < stages.count() {
            let exchange = stages.begin(self.begun);
            seal(&mut frame, FrameType::Exchange, &exchange, keys, transcript);
            self.outbox.push(&frame);
            self.outbox.push_payload(stages.source(self.begun, keys));
            self.begun += 1;
            return true;
        }
        match self.next.take() {
            None => return false,
            Some(Word::KeepAlive) => {
                let message = wire::KeepAlive {
                    sequence: KEEP_ALIVE,
                };
                seal(
                    &mut frame,
                    FrameType::KeepAliveUp,
                    &message,
                    keys,
                    transcript,
                );
                self.outbox.push(&frame);
            }
            Some(Word::Receipt) => {
                let receipt = stages.receipt();
                seal(&mut frame, FrameType::Receipt, &receipt, keys, transcript);
                self.outbox.push(&frame);
                if self.cut == Cut::SizedEnvelopes {
                    let mut end = Vec::new();
                    Record::End.encode(&mut end);
                    self.outbox.push_bare(&end);
                }
            }
        }
        true
    }
}

/// The sequence number of the one sign of life that the client asks for.
const KEEP_ALIVE: u32 = 1;
