//! The connection request: cookie and RDP_NEG_REQ (MS-RDPBCGR section 2.2.1.1).

use super::{MAX_COOKIE_NAME, NegotiationData, Protocols, Tpdu, X224Error};
use crate::decoded::Decoded;

/// The first packet of an RDP client.
///
/// Routing tokens and correlation ids are refused, because no client of this project sends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRequest {
    pub source_reference: u16,
    pub cookie: Option<Cookie>,
    /// The requested protocols; `None` for clients that know only standard RDP security.
    pub negotiation: Option<NegotiationRequest>,
}

impl ConnectionRequest {
    /// Reads one request from the front of `bytes`.
    ///
    /// # Errors
    /// The bytes cannot become a connection request.
    pub fn decode(bytes: &[u8]) -> Result<Decoded<Self>, X224Error> {
        Tpdu::decode(bytes, CODE, Self::from_tpdu)
    }

    /// Appends the request to `out`: 11 to 102 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut variable = Vec::new();
        if let Some(cookie) = &self.cookie {
            variable.extend_from_slice(COOKIE_PREFIX);
            variable.extend_from_slice(cookie.name().as_bytes());
            variable.extend_from_slice(COOKIE_END);
        }
        if let Some(NegotiationRequest { flags, protocols }) = self.negotiation {
            NegotiationData {
                kind: RDP_NEG_REQ,
                flags,
                value: protocols.bits(),
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
        let (cookie, rest) = split_cookie(tpdu.variable)?;
        let negotiation = NegotiationData::read(rest, |data| match data.kind {
            RDP_NEG_REQ => Ok(NegotiationRequest {
                flags: data.flags,
                protocols: Protocols::from_bits(data.value),
            }),
            other => Err(X224Error::NegotiationType(other)),
        })?;
        Ok(Self {
            source_reference: tpdu.source_reference,
            cookie,
            negotiation,
        })
    }
}

/// The negotiation data of a request, RDP_NEG_REQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiationRequest {
    pub flags: u8,
    pub protocols: Protocols,
}

/// The name in `Cookie: mstshash=`: printable ASCII, 1 to [`MAX_COOKIE_NAME`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie(String);

impl Cookie {
    /// Checks a cookie's name.
    ///
    /// # Errors
    /// The name has another length, or bytes that are not printable ASCII.
    pub fn new(name: &str) -> Result<Self, X224Error> {
        if !(1..=MAX_COOKIE_NAME).contains(&name.len()) {
            return Err(X224Error::CookieLength(name.len()));
        }
        if !name
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
        {
            return Err(X224Error::Cookie);
        }
        Ok(Self(name.to_owned()))
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Splits the variable part into the cookie, if it begins with one, and the rest.
fn split_cookie(variable: &[u8]) -> Result<(Option<Cookie>, &[u8]), X224Error> {
    if !matches!(variable.first(), Some(byte) if byte.is_ascii_alphabetic()) {
        return Ok((None, variable));
    }
    let text = variable
        .strip_prefix(COOKIE_PREFIX)
        .ok_or(X224Error::Cookie)?;
    let name = text
        .windows(COOKIE_END.len())
        .position(|window| window == COOKIE_END)
        .ok_or(X224Error::Cookie)?;
    let rest = &text[name + COOKIE_END.len()..];
    let name = str::from_utf8(&text[..name]).map_err(|_| X224Error::Cookie)?;
    Ok((Some(Cookie::new(name)?), rest))
}

const CODE: u8 = 0xE0;
const RDP_NEG_REQ: u8 = 0x01;
const COOKIE_PREFIX: &[u8] = b"Cookie: mstshash=";
const COOKIE_END: &[u8] = b"\r\n";
