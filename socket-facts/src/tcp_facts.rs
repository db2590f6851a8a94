//! The kernel's own account of a TCP connection.

use std::time::Duration;

use socket2::SockRef;

use crate::{FactError, platform};

/// What the kernel knows of one TCP socket at this moment. A field that it does not tell, or has
/// not measured yet, is `None`.
///
/// The Linux fields are those of `struct tcp_info` in `include/uapi/linux/tcp.h`. Windows counts the
/// bytes that it sent again, not the segments, and tells no more than the state, the round-trip time,
/// `total_retransmissions` and `send_mss` (`TCP_INFO_v0`, Windows 10 1703 on).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFacts {
    /// The state of RFC 9293 section 3.3.2.
    pub state: Option<TcpState>,
    /// Smoothed round-trip time; `None` before the first sample.
    pub rtt: Option<Duration>,
    /// The least round-trip time of late; `None` before the first sample.
    pub least_rtt: Option<Duration>,
    /// Mean deviation of the round-trip time; `None` before the first sample.
    pub rtt_variance: Option<Duration>,
    /// Segments sent again since the socket began to connect, SYNs and SYN-ACKs included; on Windows
    /// the least number that the bytes sent again fill.
    pub total_retransmissions: Option<u32>,
    /// Segments of ours that the other side reported to have twice (D-SACK, RFC 2883): sent again
    /// without need.
    pub duplicates_reported: Option<u32>,
    /// How often segments of ours were seen to overtake each other: one that was thought lost was acknowledged without having
    /// been sent again.
    pub reorderings_seen: Option<u32>,
    /// Retransmission timeouts in a row that no acknowledgement has ended yet.
    pub unanswered_timeouts: Option<u8>,
    /// Segments sent and not acknowledged; `None` on a listener, where the kernel counts otherwise.
    pub unacknowledged_segments: Option<u32>,
    /// Bytes of ours that were acknowledged. On the side that connected, Linux counts the SYN as one.
    pub bytes_acked: Option<u64>,
    /// Bytes received in order, whether read already or not.
    pub bytes_received: Option<u64>,
    /// Bytes written that have not been sent once.
    pub unsent_bytes: Option<u32>,
    /// Time in which bytes were there to be sent and the other side's window did not let them go.
    pub window_limited: Option<Duration>,
    /// Payload bytes per segment that we send; before the handshake, the kernel's starting value.
    pub send_mss: Option<u32>,
    /// The kernel's estimate of the payload bytes per segment that the other side sends.
    pub receive_mss: Option<u32>,
    /// The MSS that our SYN announced.
    pub advertised_mss: Option<u32>,
    /// Options that both SYNs carried, as the bits `TCPI_OPT_*`: 1 timestamps, 2 selective acknowledgement, 4 window
    /// scaling. `None` before the handshake is through.
    pub agreed_options: Option<u8>,
    /// Bytes per IP packet that the kernel believes the path to carry.
    pub path_mtu: Option<u32>,
}

impl TcpFacts {
    /// Retransmissions without those that proved needless: what was really lost, as far as the other
    /// side tells.
    pub fn needed_retransmissions(&self) -> Option<u32> {
        let total = self.total_retransmissions?;
        Some(total.saturating_sub(self.duplicates_reported.unwrap_or(0)))
    }
}

/// A TCP state (RFC 9293 section 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpState {
    /// Both sides may send.
    Established,
    /// Our SYN is unanswered.
    SynSent,
    /// The SYN-ACK is unanswered.
    SynReceived,
    /// We closed, our FIN is not acknowledged.
    FinWait1,
    /// We closed, the other side has not.
    FinWait2,
    /// Both closed, waiting for stray segments to die.
    TimeWait,
    /// No connection.
    Closed,
    /// The other side closed, we have not.
    CloseWait,
    /// Both closed, the other side first, our FIN is not acknowledged.
    LastAck,
    /// A listener.
    Listen,
    /// Both closed at once.
    Closing,
    /// A number that this crate does not know.
    Other(u8),
}

/// Reads the facts of `socket`.
///
/// # Errors
/// [`FactError::NotAvailable`] off Linux and Windows 10, and for sockets other than TCP.
pub fn tcp_facts<'s>(socket: impl Into<SockRef<'s>>) -> Result<TcpFacts, FactError> {
    platform::tcp_facts(&socket.into())
}
