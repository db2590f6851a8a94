//! The server's side of a conversation as it arrives: which frame is due, what it means, and the
//! payload behind it. The same for all envelopes.

use std::time::Duration;

use proto::DIALOGUE_VERSION;
use proto::frame::{Frame, FrameType, OpenError};
use proto::key::Nonce;
use proto::wire;

use super::account::Account;
use super::conversation::{Answer, Conversation};
use super::fault::{ByteRange, Fault, Malformation, RefusalReason, ServerFrame, Stop};
use super::input::{FrameBuffer, Input};
use super::parameters::SessionParameters;
use super::stages::Confirmation;
use super::testimony::{Testimony, TlsFacts};

/// What the layers of a session work with and write into.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) parameters: &'a mut SessionParameters,
    pub(super) tls: Option<&'a TlsFacts>,
    pub(super) account: &'a mut Account,
    pub(super) now: Duration,
}

/// Reads frames and payload.
#[derive(Debug)]
pub(super) struct Reader {
    frames: FrameBuffer,
    due: NextItem,
}

/// What the server has to send next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NextItem {
    /// Nothing: whatever comes is not the server's.
    Nothing,
    /// Testimony or refusal.
    Answer,
    Confirmation(usize),
    Payload(usize),
    KeepAlive(u32),
    Farewell,
}

/// What has come. Nothing is due after it, until the caller says what.
#[derive(Debug)]
pub(super) enum Event {
    Testimony {
        server_nonce: Nonce,
        /// Whether it covers all that was sent, and not the greeting alone.
        covers_all: bool,
    },
    /// The stage's confirmation and all of its payload.
    StageThrough(usize),
    Alive,
    Farewell,
}

impl Reader {
    pub(super) fn new(due: NextItem) -> Self {
        Self {
            frames: FrameBuffer::default(),
            due,
        }
    }

    pub(super) fn expect(&mut self, due: NextItem) {
        self.due = due;
    }

    pub(super) fn due(&self) -> NextItem {
        self.due
    }

    /// The frame that has come in part, if one has.
    pub(super) fn unfinished(&self) -> &FrameBuffer {
        &self.frames
    }

    /// Reads up to the next event; `None` if the input ends before it.
    ///
    /// # Errors
    /// What has come is not what is due, or not authentic.
    pub(super) fn read(
        &mut self,
        input: &mut Input<'_>,
        conversation: &mut Conversation,
        cx: &mut Context<'_>,
    ) -> Result<Option<Event>, Stop> {
        loop {
            if let NextItem::Payload(index) = self.due {
                if !cx.account.stages.accept(input) {
                    return Ok(None);
                }
                self.due = NextItem::Nothing;
                return Ok(Some(Event::StageThrough(index)));
            }
            if input.is_empty() {
                return Ok(None);
            }
            if !self.frames.fill(input, self.due.frames())? {
                return Ok(None);
            }
            let range = self.frames.range();
            let frame = self.frames.frame().expect("fill says that it is complete");
            let event = self.due.meet(&frame, range, conversation, cx)?;
            self.frames.clear();
            if event.is_some() {
                self.due = NextItem::Nothing;
                return Ok(event);
            }
            if let NextItem::Confirmation(index) = self.due {
                self.due = NextItem::Payload(index);
            }
        }
    }
}

impl NextItem {
    fn frames(self) -> &'static [FrameType] {
        match self {
            Self::Nothing | Self::Payload(_) => &[],
            Self::Answer => &[FrameType::Testimony, FrameType::Refusal],
            Self::Confirmation(_) => &[FrameType::Confirmation],
            Self::KeepAlive(_) => &[FrameType::KeepAliveDown],
            Self::Farewell => &[FrameType::Farewell],
        }
    }

    /// Takes one frame of a type that is due. No event: payload comes next.
    fn meet(
        self,
        frame: &Frame<'_>,
        range: ByteRange,
        conversation: &mut Conversation,
        cx: &mut Context<'_>,
    ) -> Result<Option<Event>, Stop> {
        if self == Self::Answer {
            let answer = conversation
                .open_answer(frame, &cx.parameters.secret)
                .map_err(|error| {
                    if is_to_another_greeting(frame, conversation) {
                        Fault::NonceMismatch.into()
                    } else {
                        not_opened(error, range)
                    }
                })?;
            return answered(answer, range, conversation, cx).map(Some);
        }
        let (keys, transcript) = conversation
            .sealing()
            .expect("only an answer is due before the keys are known");
        match self {
            Self::Nothing | Self::Answer | Self::Payload(_) => Ok(None),
            Self::Confirmation(index) => {
                let message = frame
                    .open::<wire::Confirmation>(keys, transcript)
                    .map_err(|error| not_opened(error, range))?;
                match cx.account.stages.confirm(index, message, keys) {
                    Ok(Confirmation::Whole) => Ok(None),
                    Ok(Confirmation::CutShort(confirmed)) => {
                        let stage = u32::try_from(index).expect("at most MAX_STAGES");
                        Err(Fault::StageCutShort { stage, confirmed }.into())
                    }
                    Err(what) => Err(Stop::malformed(what, range)),
                }
            }
            Self::KeepAlive(asked) => {
                let message = frame
                    .open::<wire::KeepAlive>(keys, transcript)
                    .map_err(|error| not_opened(error, range))?;
                if message.sequence != asked {
                    return Err(Stop::malformed(Malformation::KeepAlive, range));
                }
                Ok(Some(Event::Alive))
            }
            Self::Farewell => {
                let message = frame
                    .open::<wire::Farewell>(keys, transcript)
                    .map_err(|error| not_opened(error, range))?;
                cx.account.farewell = Some(message.into());
                Ok(Some(Event::Farewell))
            }
        }
    }
}

fn answered(
    answer: Answer,
    range: ByteRange,
    conversation: &Conversation,
    cx: &mut Context<'_>,
) -> Result<Event, Stop> {
    match answer {
        Answer::Refusal(refusal) => {
            answers(&refusal.client_nonce, conversation)?;
            let reason = match refusal.reason() {
                wire::refusal::Reason::OtherVersion => {
                    cx.account.refused_by = Some(refusal.instance);
                    return Err(other_version(refusal.version));
                }
                wire::refusal::Reason::Overloaded => RefusalReason::Overloaded,
                wire::refusal::Reason::Draining => RefusalReason::Draining,
                wire::refusal::Reason::Unspecified => RefusalReason::Other,
            };
            cx.account.refused_by = Some(refusal.instance);
            Err(Fault::Refused { reason }.into())
        }
        Answer::Testimony {
            message,
            covers_all,
        } => {
            answers(&message.client_nonce, conversation)?;
            if message.version != DIALOGUE_VERSION {
                return Err(other_version(message.version));
            }
            let malformed = |what| Stop::malformed(what, range);
            let server_nonce = Nonce::try_from(message.server_nonce.as_slice())
                .map_err(|_| malformed(Malformation::ServerNonce))?;
            let testimony = Testimony::project(*message, cx.tls).map_err(malformed)?;
            cx.account.testified(testimony, cx.tls);
            Ok(Event::Testimony {
                server_nonce,
                covers_all,
            })
        }
    }
}

fn other_version(there: u32) -> Stop {
    Fault::OtherVersion {
        here: DIALOGUE_VERSION,
        there,
    }
    .into()
}

/// The MAC key is bound to the nonce already; this catches a server that confuses two sessions.
fn answers(client_nonce: &[u8], conversation: &Conversation) -> Result<(), Stop> {
    if client_nonce == conversation.nonce().as_slice() {
        Ok(())
    } else {
        Err(Fault::NonceMismatch.into())
    }
}

/// Whether an answer that was not opened quotes another nonce than this side's: one that was changed on the
/// way still has most of its bytes, and another one few of them.
fn is_to_another_greeting(frame: &Frame<'_>, conversation: &Conversation) -> bool {
    let quoted = if frame.frame_type() == FrameType::Refusal {
        frame.peek::<wire::Refusal>().map(|m| m.client_nonce)
    } else {
        frame.peek::<wire::Testimony>().map(|m| m.client_nonce)
    };
    let own = conversation.nonce().as_slice();
    quoted.is_ok_and(|quoted| {
        let alike = quoted.iter().zip(own).filter(|(a, b)| a == b).count();
        quoted.len() == own.len() && alike < own.len() / 2
    })
}

fn not_opened(error: OpenError, range: ByteRange) -> Stop {
    match error {
        OpenError::Mac(frame_type) => match ServerFrame::of(frame_type) {
            Some(frame) => Stop::from(Fault::BadMac {
                frame,
                downstream: range,
            }),
            // Never due, so never opened.
            None => Stop::malformed(Malformation::Body, range),
        },
        OpenError::Malformed(_) => Stop::malformed(Malformation::Body, range),
    }
}
