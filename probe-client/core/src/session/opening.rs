//! The bytes that the two ends exchange before the dialogue: the X.224 request, the MC-NMF preamble, and the record
//! that ends the preamble inside TLS.

use proto::decoded::Decoded;
use proto::nmf::{Encoding, KnownEncoding, Mode, Preamble, Record, RecordType, Text, Upgrade};
use proto::x224::{
    ConnectionConfirm, ConnectionRequest, Cookie, Negotiation, NegotiationRequest, Protocols,
};

use super::account::PrefaceReply;
use super::fault::{Fault, PrefaceRefusal, Quoted, Stop};
use super::hex_bytes::HexBytes;
use super::parameters::{InvalidParameters, SessionParameters};
use crate::excerpt::printable;
use crate::profile::NettcpMode;
use crate::session_kind::Preface;

/// A message that is sent, and must be answered, before the dialogue.
#[derive(Debug)]
pub(super) struct Opening {
    /// The preface; `None` for the end of the MC-NMF preamble, inside TLS.
    preface: Option<Preface>,
    unsent: Vec<u8>,
    /// The part of the answer that has been received.
    reply: Vec<u8>,
}

/// A complete answer to an opening.
#[derive(Debug)]
pub(super) struct OpeningAnswer {
    /// The answer to a preface; `None` after the end of the preamble, whose answer is not reported.
    pub(super) preface_reply: Option<PrefaceReply>,
    /// Bytes received after the answer.
    pub(super) leftover: Vec<u8>,
}

#[derive(Debug)]
enum Reply {
    /// The beginning of an answer.
    Incomplete,
    /// A positive answer that is this many bytes long.
    Accepted {
        bytes: usize,
    },
    Refused(PrefaceRefusal),
    /// Not an answer of this protocol.
    Foreign,
}

impl Opening {
    /// Prepares the preface of a session.
    ///
    /// # Errors
    /// Returns an error if a parameter cannot be encoded in the preface.
    pub(super) fn with_preface(
        preface: Preface,
        parameters: &SessionParameters,
    ) -> Result<Self, InvalidParameters> {
        Ok(Self {
            preface: Some(preface),
            unsent: preface_bytes(preface, parameters)?,
            reply: Vec::new(),
        })
    }

    /// Prepares the end of the MC-NMF preamble, inside TLS.
    pub(super) fn preamble_end() -> Self {
        let mut unsent = Vec::new();
        Record::PreambleEnd.encode(&mut unsent);
        Self {
            preface: None,
            unsent,
            reply: Vec::new(),
        }
    }

    /// Appends up to `limit` bytes to `out`.
    pub(super) fn transmit(&mut self, out: &mut Vec<u8>, limit: usize) {
        let n = limit.min(self.unsent.len());
        out.extend(self.unsent.drain(..n));
    }

    /// Takes received bytes, and returns the answer; `None` until it is complete.
    ///
    /// # Errors
    /// Returns an error if the answer is negative, is not of this protocol, or arrives before the opening was sent.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<Option<OpeningAnswer>, Stop> {
        self.reply.extend_from_slice(bytes);
        let judged = match self.preface {
            _ if !self.unsent.is_empty() => Reply::Foreign,
            Some(preface) => judge_preface(preface, &self.reply),
            None => judge_record(&self.reply, &Record::PreambleAck),
        };
        match judged {
            Reply::Incomplete => Ok(None),
            Reply::Accepted { bytes } => {
                let leftover = self.reply.split_off(bytes);
                let reply = std::mem::take(&mut self.reply);
                let preface_reply = self.preface.map(|preface| PrefaceReply {
                    as_expected: is_expected(preface, &reply),
                    bytes: HexBytes(reply),
                });
                Ok(Some(OpeningAnswer {
                    preface_reply,
                    leftover,
                }))
            }
            Reply::Refused(refusal) => {
                let quoted = Quoted::of(&self.reply);
                Err(Fault::PrefaceRefused { quoted, refusal }.into())
            }
            Reply::Foreign => Err(Stop::Foreign {
                at: 0,
                bytes: std::mem::take(&mut self.reply),
            }),
        }
    }
}

/// Returns the bytes that a session kind with a preface sends first.
///
/// # Errors
/// Returns an error if a parameter cannot be encoded in them.
pub(super) fn preface_bytes(
    preface: Preface,
    parameters: &SessionParameters,
) -> Result<Vec<u8>, InvalidParameters> {
    let mut out = Vec::new();
    match preface {
        Preface::X224 => ConnectionRequest {
            source_reference: 0,
            cookie: Some(Cookie::new(&parameters.cookie).map_err(InvalidParameters::Cookie)?),
            negotiation: Some(NegotiationRequest {
                flags: 0,
                // A Windows client offers both; the echo server chooses TLS.
                protocols: Protocols::SSL | Protocols::HYBRID,
            }),
        }
        .encode(&mut out),
        Preface::NetTcpPreamble => {
            let service = parameters
                .net_tcp
                .as_ref()
                .ok_or(InvalidParameters::NoNetTcpService)?;
            let (mode, encoding) = match service.mode {
                NettcpMode::Duplex => (Mode::Duplex, KnownEncoding::BinarySession),
                NettcpMode::Streamed => (Mode::SingletonUnsized, KnownEncoding::Binary),
            };
            Preamble {
                mode,
                via: Text::new(service.via.as_str()).map_err(InvalidParameters::Via)?,
                encoding: Encoding::Known(encoding),
                upgrade: Some(Upgrade::SslTls),
            }
            .encode(&mut out);
        }
    }
    Ok(out)
}

fn judge_preface(preface: Preface, received: &[u8]) -> Reply {
    match preface {
        Preface::X224 => match ConnectionConfirm::decode(received) {
            Ok(Decoded::Incomplete { .. }) => Reply::Incomplete,
            Ok(Decoded::Complete { value, consumed }) => judge_confirm(value, consumed),
            Err(_) => Reply::Foreign,
        },
        Preface::NetTcpPreamble => judge_record(received, &Record::UpgradeResponse),
    }
}

/// Returns whether the echo server answers `preface` with exactly these bytes.
fn is_expected(preface: Preface, reply: &[u8]) -> bool {
    let mut expected = Vec::new();
    match preface {
        Preface::X224 => ConnectionConfirm {
            source_reference: SERVER_REFERENCE,
            negotiation: Some(Negotiation::Selected {
                flags: 0,
                protocol: Protocols::SSL,
            }),
        }
        .encode(&mut expected),
        Preface::NetTcpPreamble => Record::UpgradeResponse.encode(&mut expected),
    }
    reply == expected
}

fn judge_confirm(confirm: ConnectionConfirm, bytes: usize) -> Reply {
    match confirm.negotiation {
        Some(Negotiation::Selected { protocol, .. }) if protocol == Protocols::SSL => {
            Reply::Accepted { bytes }
        }
        Some(Negotiation::Selected { protocol, .. }) => {
            Reply::Refused(PrefaceRefusal::RdpProtocol {
                selected: protocol.bits(),
            })
        }
        Some(Negotiation::Failed(failure)) => {
            Reply::Refused(PrefaceRefusal::RdpNegotiationFailure {
                code: failure.code(),
            })
        }
        None => Reply::Refused(PrefaceRefusal::RdpWithoutNegotiation),
    }
}

fn judge_record(received: &[u8], wanted: &Record) -> Reply {
    // Other records may be long; only the expected one and a fault are worth waiting for.
    let possible = received.first().is_none_or(|&first| {
        first == wanted.record_type() as u8 || first == RecordType::Fault as u8
    });
    match Record::decode(received) {
        Ok(Decoded::Complete { value, consumed }) if value == *wanted => {
            Reply::Accepted { bytes: consumed }
        }
        Ok(Decoded::Complete {
            value: Record::Fault(fault),
            ..
        }) => Reply::Refused(PrefaceRefusal::NetTcpFault {
            uri: printable(&fault.uri()).into_owned(),
        }),
        Ok(Decoded::Incomplete { .. }) if possible => Reply::Incomplete,
        Ok(_) | Err(_) => Reply::Foreign,
    }
}

/// The source reference in the echo server's confirm, the same as in the example in [MS-RDPBCGR] 4.1.2.
const SERVER_REFERENCE: u16 = 0x1234;
