//! Where a session is, from the first byte to the dialogue.

use super::dialogue::{Dialogue, Progress};
use super::envelopes::Envelopes;
use super::http;
use super::http::Http;
use super::link::{Link, Stop};
use super::{End, Env, opening};

/// What reads the next bytes.
#[derive(Debug)]
pub(super) enum Layer {
    FirstBytes,
    X224,
    Preamble,
    /// The shell runs the TLS handshake.
    Handshake(Inside),
    InsideTls(Inside),
    Raw(Box<Dialogue>),
    Envelopes(Box<Envelopes>),
    Http(Box<Http>),
    /// Something was wrong, and the peer is not to know.
    Silence(End),
    /// The connection is the control service's.
    Control,
}

/// What TLS may carry, by what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    Anything,
    /// After X.224.
    Dialogue,
    /// After an MC-NMF preamble.
    PreambleEnd,
}

/// How far a layer got.
#[derive(Debug)]
pub(super) enum Step {
    /// All input is used.
    More,
    /// The input is too short to decide; the layer wants it again with what follows.
    Hold,
    Next(Layer),
    /// What is left of the input belongs to TLS.
    StartTls(Inside),
}

impl Layer {
    pub(super) fn receive(
        &mut self,
        env: &mut Env<'_>,
        link: &mut Link,
        input: &mut &[u8],
    ) -> Result<Step, Stop> {
        match self {
            Self::FirstBytes => opening::first_bytes(link, input),
            Self::X224 => opening::x224(link, input),
            Self::Preamble => opening::preamble(link, input),
            Self::InsideTls(inside) => opening::inside_tls(link, *inside, input),
            Self::Raw(dialogue) => match dialogue.receive(env, link, input)? {
                Progress::More => Ok(Step::More),
                Progress::Over => Err(Stop::Close(End::Completed)),
            },
            Self::Envelopes(envelopes) => envelopes.receive(env, link, input).map(|()| Step::More),
            Self::Http(http) => http
                .receive(env, link, input)
                .map(|progress| match progress {
                    http::Progress::More => Step::More,
                    http::Progress::Hold => Step::Hold,
                }),
            // The shell feeds these layers nothing; a peer that got here would learn nothing either.
            Self::Handshake(_) | Self::Silence(_) | Self::Control => Ok(Step::More),
        }
    }

    /// Whether payload of a stage is still to come.
    pub(super) fn awaits_payload(&self) -> bool {
        match self {
            Self::Raw(dialogue) => dialogue.awaits_payload(),
            Self::Envelopes(envelopes) => envelopes.dialogue.awaits_payload(),
            Self::Http(http) => http.awaits_payload(),
            Self::FirstBytes
            | Self::X224
            | Self::Preamble
            | Self::Handshake(_)
            | Self::InsideTls(_)
            | Self::Silence(_)
            | Self::Control => false,
        }
    }

    /// Says what has come of a stage whose rest is overdue. False if nothing was due.
    pub(super) fn give_up(&mut self, env: &mut Env<'_>, link: &mut Link) -> bool {
        match self {
            Self::Raw(dialogue) => dialogue.give_up(link),
            Self::Envelopes(envelopes) => envelopes.dialogue.give_up(link),
            Self::Http(http) => http.give_up(env, link),
            Self::FirstBytes
            | Self::X224
            | Self::Preamble
            | Self::Handshake(_)
            | Self::InsideTls(_)
            | Self::Silence(_)
            | Self::Control => false,
        }
    }

    pub(super) fn is_handed_over(&self) -> bool {
        matches!(self, Self::Control)
    }

    /// Why the rest of the session is silence, if it is.
    pub(super) fn broken_off(&self) -> Option<End> {
        match self {
            Self::Silence(end) => Some(*end),
            Self::FirstBytes
            | Self::X224
            | Self::Preamble
            | Self::Handshake(_)
            | Self::InsideTls(_)
            | Self::Raw(_)
            | Self::Envelopes(_)
            | Self::Http(_)
            | Self::Control => None,
        }
    }

    /// The handshake is over; what TLS carries comes next.
    pub(super) fn enter_tls(&mut self) {
        if let Self::Handshake(inside) = self {
            *self = Self::InsideTls(*inside);
        }
    }
}
