//! The layers of a session, from the first byte to the dialogue: first bytes, X.224 or MC-NMF if there is one, and the
//! first bytes inside TLS.

use proto::decoded::Decoded;
use proto::first_bytes::{FirstBytes, FirstBytesInsideTls, classify, classify_inside_tls};
use proto::nmf::{Preamble, Record, Upgrade};
use proto::session_kind::SessionKind;
use proto::x224::{
    ConnectionConfirm, ConnectionRequest, Negotiation, NegotiationFailure, Protocols,
};

use super::arrivals::DIALOGUE_UNIQUE;
use super::dialogue::{Dialogue, Progress};
use super::envelopes::Envelopes;
use super::http;
use super::http::Http;
use super::link::{KeptBytes, Link, Stop};
use super::{End, Env};

/// The reader of the next bytes.
#[derive(Debug)]
pub(super) enum Layer {
    FirstBytes,
    X224,
    Preamble,
    /// No layer reads: the shell runs the TLS handshake.
    Handshake(Inside),
    InsideTls(Inside),
    Raw(Box<Dialogue>),
    Envelopes(Box<Envelopes>),
    Http(Box<Http>),
    /// Something was wrong, and the peer must not learn what.
    Silence(End),
    /// The control service has the connection.
    Control,
}

/// The protocols that TLS may carry, which depend on what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    Anything,
    /// Only a dialogue, because X.224 came before TLS.
    Dialogue,
    /// The end of the preamble, because an MC-NMF preamble came before TLS.
    PreambleEnd,
}

/// The result of passing input to a layer.
#[derive(Debug)]
pub(super) enum Step {
    /// The layer has used all input and needs more.
    More,
    /// The input is too short to decide. The layer needs it again, with the bytes that follow.
    Hold,
    Next(Layer),
    /// The rest of the input belongs to TLS.
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
            Self::FirstBytes => first_bytes(link, input),
            Self::X224 => x224(link, input),
            Self::Preamble => preamble(link, input),
            Self::InsideTls(inside) => inside_tls(link, *inside, input),
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
            // The shell passes no input to these layers. A peer that reached one would learn nothing either.
            Self::Handshake(_) | Self::Silence(_) | Self::Control => Ok(Step::More),
        }
    }

    /// Returns whether payload of a stage is still to come.
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

    /// Confirms the part of a stage that has arrived, because the rest of the stage is overdue. Returns false if
    /// nothing was due.
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

    /// Returns the reason why the session only stays silent from now on; `None` if it does not.
    pub(super) fn broken_off(&self) -> Option<End> {
        let Self::Silence(end) = self else {
            return None;
        };
        Some(*end)
    }

    /// Moves on to the bytes inside TLS, after the handshake.
    pub(super) fn enter_tls(&mut self) {
        if let Self::Handshake(inside) = self {
            *self = Self::InsideTls(*inside);
        }
    }
}

/// Chooses the next layer by the first bytes of the connection.
fn first_bytes(link: &mut Link, input: &[u8]) -> Result<Step, Stop> {
    Ok(match classify(input) {
        FirstBytes::Incomplete => Step::Hold,
        FirstBytes::Tls => {
            link.kind = Some(SessionKind::Tls);
            link.arrivals.unique_from(TLS_UNIQUE);
            Step::StartTls(Inside::Anything)
        }
        FirstBytes::Tpkt => Step::Next(Layer::X224),
        FirstBytes::NetTcp => Step::Next(Layer::Preamble),
        FirstBytes::Http => {
            link.kind = Some(SessionKind::Http);
            Step::Next(Layer::Http(Box::new(Http::new())))
        }
        FirstBytes::Dialogue => {
            link.kind = Some(SessionKind::Tcp);
            link.arrivals.unique_from(DIALOGUE_UNIQUE);
            Step::Next(Layer::Raw(Box::new(Dialogue::new())))
        }
        FirstBytes::Unknown => return Err(link.stop(End::NotRecognised)),
    })
}

/// Reads an X.224 connection request, and confirms TLS if the request offers it.
fn x224(link: &mut Link, input: &mut &[u8]) -> Result<Step, Stop> {
    let (request, consumed) = match ConnectionRequest::decode(input) {
        Ok(Decoded::Incomplete { .. }) => return Ok(Step::Hold),
        Ok(Decoded::Complete { value, consumed }) => (value, consumed),
        Err(_) => return Err(link.stop(End::NotRecognised)),
    };
    end_preface(link, SessionKind::Rdp, input, consumed);
    let offered = request
        .negotiation
        .is_some_and(|offer| offer.protocols.contains(Protocols::SSL));
    let negotiation = if offered {
        Negotiation::Selected {
            flags: 0,
            protocol: Protocols::SSL,
        }
    } else {
        Negotiation::Failed(NegotiationFailure::SslRequired)
    };
    let mut confirm = Vec::new();
    ConnectionConfirm {
        source_reference: X224_REFERENCE,
        negotiation: Some(negotiation),
    }
    .encode(&mut confirm);
    if link.outbox.push_plain(confirm).is_ok() && offered {
        Ok(Step::StartTls(Inside::Dialogue))
    } else {
        Err(link.stop(End::NotRecognised))
    }
}

/// Reads an MC-NMF preamble, and grants its upgrade to TLS if it asks for one.
fn preamble(link: &mut Link, input: &mut &[u8]) -> Result<Step, Stop> {
    let (preamble, consumed) = match Preamble::decode(input) {
        Ok(Decoded::Incomplete { .. }) => return Ok(Step::Hold),
        Ok(Decoded::Complete { value, consumed }) => (value, consumed),
        Err(_) => return Err(link.stop(End::NotRecognised)),
    };
    if preamble.upgrade != Some(Upgrade::SslTls) {
        return Err(link.stop(End::NotRecognised));
    }
    end_preface(link, SessionKind::Nettcp, input, consumed);
    let refused = link.refused_by_gate();
    link.outbox
        .push_plain(record(&Record::UpgradeResponse))
        .map_err(refused)?;
    Ok(Step::StartTls(Inside::PreambleEnd))
}

/// Chooses the next layer by the first bytes inside TLS, among those that the preface allows.
fn inside_tls(link: &mut Link, inside: Inside, input: &mut &[u8]) -> Result<Step, Stop> {
    match (classify_inside_tls(input), inside) {
        (FirstBytesInsideTls::Incomplete, _) => Ok(Step::Hold),
        (FirstBytesInsideTls::Dialogue, Inside::Anything | Inside::Dialogue) => {
            Ok(Step::Next(Layer::Raw(Box::new(Dialogue::new()))))
        }
        (FirstBytesInsideTls::Http, Inside::Anything) => {
            link.kind = Some(SessionKind::Https);
            Ok(Step::Next(Layer::Http(Box::new(Http::new()))))
        }
        (FirstBytesInsideTls::NetTcpPreambleEnd, Inside::PreambleEnd) => {
            *input = &input[1..];
            link.outbox.credit(1);
            let refused = link.refused_by_gate();
            link.outbox
                .push_plain(record(&Record::PreambleAck))
                .map_err(refused)?;
            link.outbox.use_envelopes();
            Ok(Step::Next(Layer::Envelopes(Box::new(Envelopes::new()))))
        }
        (
            FirstBytesInsideTls::Dialogue
            | FirstBytesInsideTls::Http
            | FirstBytesInsideTls::NetTcpPreambleEnd
            | FirstBytesInsideTls::Unknown,
            _,
        ) => Err(link.stop(End::NotRecognised)),
    }
}

/// Keeps the preface for the testimony. All connections of a client may have the same preface, so only the ClientHello
/// after it distinguishes them.
fn end_preface(link: &mut Link, kind: SessionKind, input: &mut &[u8], consumed: usize) {
    link.kind = Some(kind);
    link.preface = KeptBytes::of(&input[..consumed]);
    link.arrivals.unique_from(consumed + TLS_UNIQUE);
    link.outbox.credit(consumed);
    *input = &input[consumed..];
}

fn record(record: &Record) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}

/// The bytes of a TLS stream that distinguish it from every other: record header, handshake header and version, and 8
/// bytes of the ClientHello's random (RFC 8446 section 4.1.2). Nobody can guess these, and no two connections share
/// them.
const TLS_UNIQUE: usize = 5 + 4 + 2 + 8;

/// The value that Windows servers answer with; it has no meaning (MS-RDPBCGR section 2.2.1.2).
const X224_REFERENCE: u16 = 0x1234;
