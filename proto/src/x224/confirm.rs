//! The connection confirm: RDP_NEG_RSP, RDP_NEG_FAILURE or neither (MS-RDPBCGR section 2.2.1.2).

use super::{NegotiationData, Protocols, Tpdu, X224Error};
use crate::decoded::Decoded;

/// The answer of an RDP server to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionConfirm {
    pub source_reference: u16,
    /// The result of the negotiation; `None` means standard RDP security.
    pub negotiation: Option<Negotiation>,
}

/// The outcome of the negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiation {
    Selected { flags: u8, protocol: Protocols },
    Failed(NegotiationFailure),
}

/// The reason why the server selects no protocol (MS-RDPBCGR section 2.2.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NegotiationFailure {
    SslRequired,
    SslNotAllowed,
    SslCertificateMissing,
    InconsistentFlags,
    HybridRequired,
    SslWithUserAuthRequired,
    /// A code that the specification does not name.
    Unknown(u32),
}

impl ConnectionConfirm {
    /// Reads one confirm from the front of `bytes`.
    ///
    /// # Errors
    /// The bytes cannot become a connection confirm.
    pub fn decode(bytes: &[u8]) -> Result<Decoded<Self>, X224Error> {
        Tpdu::decode(bytes, CODE, Self::from_tpdu)
    }

    /// Appends the confirm to `out`: 19 bytes, or 11 without negotiation data.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut variable = Vec::new();
        if let Some(negotiation) = self.negotiation {
            match negotiation {
                Negotiation::Selected { flags, protocol } => NegotiationData {
                    kind: RDP_NEG_RSP,
                    flags,
                    value: protocol.bits(),
                },
                Negotiation::Failed(failure) => NegotiationData {
                    kind: RDP_NEG_FAILURE,
                    flags: 0,
                    value: failure.code(),
                },
            }
            .encode(&mut variable);
        }
        Tpdu {
            source_reference: self.source_reference,
            variable: &variable,
        }
        .encode(CODE, out);
    }

    fn from_tpdu(tpdu: &Tpdu<'_>) -> Result<Self, X224Error> {
        let negotiation = NegotiationData::read(tpdu.variable, |data| match data.kind {
            RDP_NEG_RSP => Ok(Negotiation::Selected {
                flags: data.flags,
                protocol: Protocols::from_bits(data.value),
            }),
            // The flags of a failure are always 0 and mean nothing.
            RDP_NEG_FAILURE => {
                let failure = NegotiationFailure::from_code(data.value);
                Ok(Negotiation::Failed(failure))
            }
            other => Err(X224Error::NegotiationType(other)),
        })?;
        Ok(Self {
            source_reference: tpdu.source_reference,
            negotiation,
        })
    }
}

impl NegotiationFailure {
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::SslRequired,
            2 => Self::SslNotAllowed,
            3 => Self::SslCertificateMissing,
            4 => Self::InconsistentFlags,
            5 => Self::HybridRequired,
            6 => Self::SslWithUserAuthRequired,
            other => Self::Unknown(other),
        }
    }

    pub const fn code(self) -> u32 {
        match self {
            Self::SslRequired => 1,
            Self::SslNotAllowed => 2,
            Self::SslCertificateMissing => 3,
            Self::InconsistentFlags => 4,
            Self::HybridRequired => 5,
            Self::SslWithUserAuthRequired => 6,
            Self::Unknown(code) => code,
        }
    }
}

const CODE: u8 = 0xD0;
const RDP_NEG_RSP: u8 = 0x02;
const RDP_NEG_FAILURE: u8 = 0x03;
