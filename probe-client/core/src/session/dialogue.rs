//! The dialogue inside a session's shape: one stream of frames, or rounds of HTTP requests.

use super::fault::Stop;
use super::input::Input;
use super::reader::{Context, Reader};
use super::rounds::Rounds;
use super::stream::Stream;
use crate::session_kind::Envelope;

#[derive(Debug)]
pub(super) enum Dialogue {
    Stream(Box<Stream>),
    Rounds(Box<Rounds>),
}

impl Dialogue {
    pub(super) fn in_envelope(envelope: Envelope) -> Self {
        match envelope {
            Envelope::Raw => Self::Stream(Box::new(Stream::raw())),
            Envelope::NetTcpSized => Self::Stream(Box::new(Stream::in_envelopes())),
            Envelope::Http1 => Self::Rounds(Box::new(Rounds::new())),
        }
    }

    pub(super) fn transmit(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>, limit: usize) {
        match self {
            Self::Stream(stream) => stream.transmit(cx, out, limit),
            Self::Rounds(rounds) => rounds.transmit(cx, out, limit),
        }
    }

    pub(super) fn receive(&mut self, cx: &mut Context<'_>, input: Input<'_>) -> Result<(), Stop> {
        match self {
            Self::Stream(stream) => stream.receive(cx, input),
            Self::Rounds(rounds) => rounds.receive(cx, input),
        }
    }

    /// Goes on after a hold has ended.
    pub(super) fn wake(&mut self, cx: &mut Context<'_>) {
        match self {
            Self::Stream(stream) => stream.wake(cx),
            Self::Rounds(rounds) => rounds.wake(cx),
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.is_finished(),
            Self::Rounds(rounds) => rounds.is_finished(),
        }
    }

    pub(super) fn needs_connection(&self) -> bool {
        match self {
            Self::Stream(_) => false,
            Self::Rounds(rounds) => rounds.needs_connection(),
        }
    }

    pub(super) fn reader(&self) -> &Reader {
        match self {
            Self::Stream(stream) => stream.reader(),
            Self::Rounds(rounds) => rounds.reader(),
        }
    }
}
