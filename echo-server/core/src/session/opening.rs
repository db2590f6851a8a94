//! What comes before the dialogue: the first bytes, X.224 or MC-NMF where there is one, and the look
//! inside TLS.

use proto::decoded::Decoded;
use proto::first_bytes::{FirstBytes, FirstBytesInsideTls, classify, classify_inside_tls};
use proto::nmf::{Preamble, Record, Upgrade};
use proto::x224::{
    ConnectionConfirm, ConnectionRequest, Negotiation, NegotiationFailure, Protocols,
};

use super::dialogue::Dialogue;
use super::envelopes::Envelopes;
use super::http::Http;
use super::layer::{Inside, Layer, Step};
use super::link::{Kept, Link, Stop};
use super::{End, SessionKind};

/// Decides by the first bytes of the connection.
pub(super) fn first_bytes(link: &mut Link, input: &[u8]) -> Result<Step, Stop> {
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

/// Reads an X.224 connection request and confirms TLS, if that was offered.
pub(super) fn x224(link: &mut Link, input: &mut &[u8]) -> Result<Step, Stop> {
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

/// Reads an MC-NMF preamble and grants its upgrade to TLS, if that is what it asks for.
pub(super) fn preamble(link: &mut Link, input: &mut &[u8]) -> Result<Step, Stop> {
    let (preamble, consumed) = match Preamble::decode(input) {
        Ok(Decoded::Incomplete { .. }) => return Ok(Step::Hold),
        Ok(Decoded::Complete { value, consumed }) => (value, consumed),
        Err(_) => return Err(link.stop(End::NotRecognised)),
    };
    if preamble.upgrade != Some(Upgrade::SslTls) {
        return Err(link.stop(End::NotRecognised));
    }
    end_preface(link, SessionKind::NetTcp, input, consumed);
    let refused = link.refused_by_gate();
    link.outbox
        .push_plain(record(&Record::UpgradeResponse))
        .map_err(refused)?;
    Ok(Step::StartTls(Inside::PreambleEnd))
}

/// Decides by the first bytes inside TLS, within what the preface leaves open.
pub(super) fn inside_tls(link: &mut Link, inside: Inside, input: &mut &[u8]) -> Result<Step, Stop> {
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

/// Keeps the preface for the testimony. It may be the same for every connection of a client's, so
/// only the ClientHello after it tells them apart.
fn end_preface(link: &mut Link, kind: SessionKind, input: &mut &[u8], consumed: usize) {
    link.kind = Some(kind);
    link.preface = Kept::of(&input[..consumed]);
    link.arrivals.unique_from(consumed + TLS_UNIQUE);
    link.outbox.credit(consumed);
    *input = &input[consumed..];
}

fn record(record: &Record) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}

/// Record header, handshake header and version, and 8 bytes of the ClientHello's random (RFC 8446
/// section 4.1.2): nobody guesses these, and no two connections share them.
const TLS_UNIQUE: usize = 5 + 4 + 2 + 8;

/// Magic, frame header, version, the longest key id, run id, session id, and 8 bytes of the nonce: the
/// fields of a greeting in the order of their numbers, which is the order that they are encoded in.
pub(super) const DIALOGUE_UNIQUE: usize = 8 + 5 + 2 + (2 + 32) + (2 + 16) + (2 + 16) + (2 + 8);

/// What Windows servers answer with; the value has no meaning (MS-RDPBCGR section 2.2.1.2).
const X224_REFERENCE: u16 = 0x1234;
