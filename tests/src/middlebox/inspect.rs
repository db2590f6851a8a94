//! A relay that inspects the first bytes of a connection, and ends connections that it dislikes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;

use super::cut::{self, Ending};
use super::pipe::Verdict;

/// What the device blocks, and how it ends such connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    pub dislikes: Dislike,
    pub ending: Ending,
}

/// The first bytes from the client that the device blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dislike {
    Tls,
    Http,
    /// MC-NMF, the framing of net.tcp.
    NetTcp,
    /// Anything that is neither TLS nor HTTP.
    Unknown,
    /// TLS whose ClientHello does not contain this server name.
    TlsWithout(&'static str),
    /// A ClientHello that needs more than one segment.
    LargeHello,
    /// A ClientHello that offers at most TLS 1.0, at any position in the first bytes.
    OldHello,
}

pub(super) async fn relay(
    client: TcpStream,
    upstream: SocketAddr,
    inspection: Inspection,
    strikes: Arc<AtomicUsize>,
) -> anyhow::Result<()> {
    let mut seen = Vec::with_capacity(ENOUGH);
    let inspect = |piece: &mut [u8]| {
        let room = ENOUGH - seen.len();
        seen.extend(piece.iter().take(room));
        if room > 0 && inspection.dislikes.is(&seen) {
            strikes.fetch_add(1, Ordering::SeqCst);
            return Verdict::PassAndStop(0);
        }
        Verdict::Pass
    };
    cut::relay_until(client, upstream, inspection.ending, inspect, |_| {
        Verdict::Pass
    })
    .await
}

impl Dislike {
    fn is(self, seen: &[u8]) -> bool {
        let tls = seen.first() == Some(&TLS_HANDSHAKE);
        let http = seen.first().is_some_and(u8::is_ascii_uppercase) && seen.contains(&b' ');
        match self {
            Self::Tls => tls,
            Self::Http => http,
            Self::NetTcp => seen.starts_with(&MC_NMF_VERSION),
            Self::Unknown => !tls && !http,
            Self::TlsWithout(name) => {
                tls && !seen.windows(name.len()).any(|w| w == name.as_bytes())
            }
            Self::LargeHello => {
                matches!(seen, [TLS_HANDSHAKE, _, _, high, low, ..] if u16::from_be_bytes([*high, *low]) > SEGMENT)
            }
            Self::OldHello => seen
                .windows(11)
                .any(|w| matches!(w, [TLS_HANDSHAKE, 3, _, _, _, 1, _, _, _, 3, 0..=1])),
        }
    }
}

/// RFC 8446 section 5.1: the content type `handshake`, the first byte of a TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;

/// MC-NMF section 2.2.3.1: a version record, 1.0.
const MC_NMF_VERSION: [u8; 3] = [0, 1, 0];

/// The payload of an Ethernet segment without TCP options.
const SEGMENT: u16 = 1460;

/// The number of inspected bytes: enough for a preface and a ClientHello.
const ENOUGH: usize = 4096;
