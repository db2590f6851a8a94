//! The server's side of a conversation as it arrives: which frame is due, what it means, and the payload after it. It
//! works in the same way for all envelopes.

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
use super::testimony::{ClientTls, Testimony};

/// The parameters, account and time that the layers of a session share.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) parameters: &'a mut SessionParameters,
    pub(super) tls: Option<&'a ClientTls>,
    pub(super) account: &'a mut Account,
    pub(super) now: Duration,
}

/// A reader of frames and payload.
#[derive(Debug)]
pub(super) struct Reader {
    frames: FrameBuffer,
    due: NextItem,
}

/// The item that the server has to send next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NextItem {
    /// Nothing: any further byte is foreign.
    Nothing,
    /// Testimony or refusal.
    Answer,
    Confirmation(usize),
    Payload(usize),
    KeepAlive(u32),
    Farewell,
}

/// A complete item from the server. After an event nothing is due until the caller names the next item.
#[derive(Debug)]
pub(super) enum Event {
    Testimony {
        server_nonce: Nonce,
        /// Whether the testimony covers everything that was sent, not only the greeting.
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

    /// Returns the buffer of a frame that has arrived only in part; it is empty between frames.
    pub(super) fn unfinished(&self) -> &FrameBuffer {
        &self.frames
    }

    /// Reads up to the next event; returns `None` if the input ends before it.
    ///
    /// # Errors
    /// Returns an error if an item is not the one that is due, or is not authentic.
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

    /// Handles one frame of a type that is due. Returns `None` if payload comes next.
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

/// Checks that an answer quotes the greeting's nonce.
///
/// The MAC key already depends on the nonce; this check catches a server that confuses two sessions.
fn answers(client_nonce: &[u8], conversation: &Conversation) -> Result<(), Stop> {
    if client_nonce == conversation.nonce().as_slice() {
        Ok(())
    } else {
        Err(Fault::NonceMismatch.into())
    }
}

/// Returns whether an answer that could not be opened quotes another client nonce.
///
/// A nonce that was altered on the way still has most of its bytes; a different nonce shares few of them.
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
            // Only server frames are ever due, so this frame was never opened.
            None => Stop::malformed(Malformation::Body, range),
        },
        OpenError::Malformed(_) => Stop::malformed(Malformation::Body, range),
    }
}
