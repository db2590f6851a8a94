//! Parses the headers of a TCP SYN as its receiver kept them. They are the evidence for a lost
//! mark, a clamped MSS or stripped options.
//!
//! This is our own code, because etherparse ends its option list at the first unknown kind, and an unknown kind is one
//! of the signs of a changed SYN.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The fields of a SYN when it arrived. None of them is authenticated: any device on the path may have written them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynHeader {
    /// The sender's address as the receiver saw it, that is, after any translation.
    pub source: SocketAddr,
    /// The receiver's address as the receiver itself saw it.
    pub destination: SocketAddr,
    /// The TTL (RFC 791) or hop limit (RFC 8200) left on arrival.
    pub hop_limit: u8,
    /// The window in bytes; a SYN's window is never scaled (RFC 7323 section 2.2).
    pub window: u16,
    /// Whether ECE and CWR are both set, which asks for explicit congestion notification (RFC 3168 section 6.1.1).
    pub ecn: bool,
    /// The options in the order in which they were sent, padding included.
    pub options: Vec<TcpOption>,
    /// False if the option list broke off in an option with an impossible length.
    pub options_intact: bool,
}

/// One TCP option (RFC 9293 section 3.1; the kinds are IANA's "TCP Option Kind Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// Kind 0, the last one of a list.
    EndOfList,
    /// Kind 1, padding. A device also leaves it in place of an option that it strips.
    NoOperation,
    /// Kind 2, the maximum segment size in bytes.
    MaximumSegmentSize(u16),
    /// Kind 3 (RFC 7323), the window scale as an exponent of two.
    WindowScale(u8),
    /// Kind 4 (RFC 2018), which permits selective acknowledgement.
    SackPermitted,
    /// Kind 8 (RFC 7323), timestamps.
    Timestamps {
        /// The sender's clock, in ticks of its own choice.
        value: u32,
        /// The echoed value, which is zero in a SYN.
        echo: u32,
    },
    /// Any other kind, or a known kind with an invalid length.
    Unknown {
        /// The option's kind as sent.
        kind: u8,
        /// The length of the whole option in bytes, kind and length bytes included.
        length: u8,
    },
}

/// The reason why bytes are not the headers of a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSyn {
    /// The bytes end within a header.
    #[error("the bytes end within a header")]
    Truncated,
    /// The IP version is neither 4 nor 6.
    #[error("IP version {0} is neither 4 nor 6")]
    IpVersion(u8),
    /// A header states a length below its own minimum.
    #[error("a header states a length below its minimum")]
    HeaderLength,
    /// The IP header leads to a protocol other than TCP; this is its number.
    #[error("IP protocol {0} is not TCP")]
    NotTcp(u8),
    /// The IPv6 header is followed by more extension headers than this parser follows.
    #[error("more than {EXTENSION_HEADERS_MAX} IPv6 extension headers")]
    TooManyExtensions,
    /// The TCP flags are not the expected ones: SYN without ACK for a SYN, SYN and ACK for its answer.
    #[error("the TCP flags are not those of a SYN")]
    NotSyn,
}

impl SynHeader {
    /// Reads the IP and TCP headers at the start of `bytes`; any bytes after them (Fast Open data) are ignored.
    ///
    /// Checksums and total lengths are not checked, because the receiver that kept the SYN has done so.
    ///
    /// # Errors
    /// [`InvalidSyn`] if the fixed headers cannot be read. Malformed options are not an error, see
    /// [`options_intact`](Self::options_intact).
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidSyn> {
        Self::with_flags(bytes, FLAG_SYN)
    }

    /// Parses the segment that answers a SYN, with SYN and ACK set.
    ///
    /// # Errors
    /// The same as for [`parse`](Self::parse), and [`InvalidSyn::NotSyn`] for every other segment.
    pub fn parse_answer(bytes: &[u8]) -> Result<Self, InvalidSyn> {
        Self::with_flags(bytes, FLAG_SYN | FLAG_ACK)
    }

    fn with_flags(bytes: &[u8], flags: u8) -> Result<Self, InvalidSyn> {
        let ip = IpHeader::parse(bytes)?;
        let tcp: &[u8; TCP_HEADER] = ip.payload.first_chunk().ok_or(InvalidSyn::Truncated)?;
        if tcp[13] & (FLAG_SYN | FLAG_ACK) != flags {
            return Err(InvalidSyn::NotSyn);
        }
        let header_length = usize::from(tcp[12] >> 4) * 4;
        if header_length < TCP_HEADER {
            return Err(InvalidSyn::HeaderLength);
        }
        let options = ip
            .payload
            .get(TCP_HEADER..header_length)
            .ok_or(InvalidSyn::Truncated)?;
        let (options, options_intact) = parse_options(options);
        Ok(Self {
            source: SocketAddr::new(ip.source, u16::from_be_bytes([tcp[0], tcp[1]])),
            destination: SocketAddr::new(ip.destination, u16::from_be_bytes([tcp[2], tcp[3]])),
            hop_limit: ip.hop_limit,
            window: u16::from_be_bytes([tcp[14], tcp[15]]),
            ecn: tcp[13] & FLAGS_ECN == FLAGS_ECN,
            options,
            options_intact,
        })
    }

    /// Returns the maximum segment size offered, in bytes.
    #[must_use]
    pub fn maximum_segment_size(&self) -> Option<u16> {
        self.options.iter().find_map(|option| {
            if let TcpOption::MaximumSegmentSize(size) = option {
                Some(*size)
            } else {
                None
            }
        })
    }

    /// Returns whether timestamps were offered.
    #[must_use]
    pub fn timestamps(&self) -> bool {
        self.options
            .iter()
            .any(|option| matches!(option, TcpOption::Timestamps { .. }))
    }
}

/// Returns whether a SYN that arrived with hop limit `arrived` can have been sent with `mark`.
#[must_use]
pub fn is_marked(arrived: u8, mark: u8) -> bool {
    arrived <= mark && arrived > MOST_COMMON_START
}

struct IpHeader<'a> {
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    payload: &'a [u8],
}

impl<'a> IpHeader<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, InvalidSyn> {
        match bytes.first().ok_or(InvalidSyn::Truncated)? >> 4 {
            4 => Self::parse_v4(bytes),
            6 => Self::parse_v6(bytes),
            version => Err(InvalidSyn::IpVersion(version)),
        }
    }

    fn parse_v4(bytes: &'a [u8]) -> Result<Self, InvalidSyn> {
        let header: &[u8; IPV4_HEADER] = bytes.first_chunk().ok_or(InvalidSyn::Truncated)?;
        let header_length = usize::from(header[0] & 0x0f) * 4;
        if header_length < IPV4_HEADER {
            return Err(InvalidSyn::HeaderLength);
        }
        if header[9] != PROTOCOL_TCP {
            return Err(InvalidSyn::NotTcp(header[9]));
        }
        let address = |at: usize| {
            Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]).into()
        };
        Ok(Self {
            source: address(12),
            destination: address(16),
            hop_limit: header[8],
            payload: bytes.get(header_length..).ok_or(InvalidSyn::Truncated)?,
        })
    }

    fn parse_v6(bytes: &'a [u8]) -> Result<Self, InvalidSyn> {
        let (header, rest) = bytes
            .split_first_chunk::<IPV6_HEADER>()
            .ok_or(InvalidSyn::Truncated)?;
        let address = |at: usize| {
            let mut octets = [0; 16];
            octets.copy_from_slice(&header[at..at + 16]);
            Ipv6Addr::from(octets).into()
        };
        Ok(Self {
            source: address(8),
            destination: address(24),
            hop_limit: header[7],
            payload: skip_extensions(header[6], rest)?,
        })
    }
}

/// Follows the chain of extension headers (RFC 8200 section 4) from `next` on, up to the TCP header.
fn skip_extensions(mut next: u8, mut bytes: &[u8]) -> Result<&[u8], InvalidSyn> {
    for _ in 0..=EXTENSION_HEADERS_MAX {
        let length = match next {
            PROTOCOL_TCP => return Ok(bytes),
            HOP_BY_HOP | ROUTING | DESTINATION => {
                (usize::from(*bytes.get(1).ok_or(InvalidSyn::Truncated)?) + 1) * 8
            }
            FRAGMENT => 8,
            other => return Err(InvalidSyn::NotTcp(other)),
        };
        next = *bytes.first().ok_or(InvalidSyn::Truncated)?;
        bytes = bytes.get(length..).ok_or(InvalidSyn::Truncated)?;
    }
    Err(InvalidSyn::TooManyExtensions)
}

/// Returns the options, at most one per byte, and whether the list is complete.
fn parse_options(mut bytes: &[u8]) -> (Vec<TcpOption>, bool) {
    let mut options = Vec::new();
    while let Some((&kind, rest)) = bytes.split_first() {
        match kind {
            0 => {
                options.push(TcpOption::EndOfList);
                return (options, true);
            }
            1 => {
                options.push(TcpOption::NoOperation);
                bytes = rest;
            }
            _ => {
                let Some((length, body, after)) = split_option(rest) else {
                    return (options, false);
                };
                options.push(TcpOption::from_parts(kind, length, body));
                bytes = after;
            }
        }
    }
    (options, true)
}

/// Splits the bytes after a kind byte: the length byte, the body that it announces, and the bytes after that.
fn split_option(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (body, after) = rest.split_at_checked(usize::from(length).checked_sub(2)?)?;
    Some((length, body, after))
}

impl TcpOption {
    fn from_parts(kind: u8, length: u8, body: &[u8]) -> Self {
        match (kind, body) {
            (2, &[high, low]) => Self::MaximumSegmentSize(u16::from_be_bytes([high, low])),
            (3, &[exponent]) => Self::WindowScale(exponent),
            (4, &[]) => Self::SackPermitted,
            (8, &[a, b, c, d, e, f, g, h]) => Self::Timestamps {
                value: u32::from_be_bytes([a, b, c, d]),
                echo: u32::from_be_bytes([e, f, g, h]),
            },
            _ => Self::Unknown { kind, length },
        }
    }
}

/// The maximum number of extension headers: more than any host sends. Each takes at least eight bytes of the SYN.
const EXTENSION_HEADERS_MAX: usize = 8;

/// The most common initial hop limit. Linux, macOS and most appliances start at 64, Windows at 128, others at 255. A
/// marked SYN would have to pass 36 hops to look like one that started at 64, and cannot look like the others.
const MOST_COMMON_START: u8 = 64;

const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const TCP_HEADER: usize = 20;

/// The number of the hop-by-hop options header. Like the next four, it is from IANA's "Protocol Numbers".
const HOP_BY_HOP: u8 = 0;
const PROTOCOL_TCP: u8 = 6;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

/// The flag SYN in byte 13 of the header (RFC 9293 section 3.1).
const FLAG_SYN: u8 = 0x02;
const FLAG_ACK: u8 = 0x10;

/// The flags CWR and ECE (RFC 3168 section 6.1).
const FLAGS_ECN: u8 = 0xc0;

#[cfg(test)]
mod tests;
