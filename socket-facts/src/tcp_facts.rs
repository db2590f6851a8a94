//! Reads the kernel's own figures about a TCP connection.

use std::time::Duration;

use socket2::SockRef;

use crate::{FactError, platform};

/// The kernel's facts about one TCP socket at this moment. A field is `None` if the kernel does not report it, or has
/// not measured it yet.
///
/// The Linux fields are those of `struct tcp_info` in `include/uapi/linux/tcp.h`. Windows counts retransmitted bytes,
/// not segments, and reports only the state, the round-trip time, `total_retransmissions` and `send_mss`
/// (`TCP_INFO_v0`, from Windows 10 1703 on).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFacts {
    /// The state (RFC 9293 section 3.3.2).
    pub state: Option<TcpState>,
    /// The smoothed round-trip time; `None` before the first sample.
    pub rtt: Option<Duration>,
    /// The smallest recent round-trip time; `None` before the first sample.
    pub least_rtt: Option<Duration>,
    /// The mean deviation of the round-trip time; `None` before the first sample.
    pub rtt_variance: Option<Duration>,
    /// The number of segments retransmitted since the socket began to connect, SYNs and SYN-ACKs included. On Windows,
    /// the smallest number that the retransmitted bytes fill.
    pub total_retransmissions: Option<u32>,
    /// The number of our segments that the other side reported as duplicates (D-SACK, RFC 2883), which were
    /// retransmitted without need.
    pub duplicates_reported: Option<u32>,
    /// How often our segments were reordered: a segment that was thought lost was acknowledged although it had not been
    /// retransmitted.
    pub reorderings_seen: Option<u32>,
    /// The number of consecutive retransmission timeouts without an acknowledgement.
    pub unanswered_timeouts: Option<u8>,
    /// The number of segments sent and not acknowledged; `None` on a listener, where the kernel counts something else.
    pub unacknowledged_segments: Option<u32>,
    /// The number of our bytes that were acknowledged. On the side that connected, Linux counts the SYN as one.
    pub bytes_acked: Option<u64>,
    /// The number of bytes received in order, whether the application has read them or not.
    pub bytes_received: Option<u64>,
    /// The number of bytes written but not sent yet.
    pub unsent_bytes: Option<u32>,
    /// The total time in which bytes were ready to send, but the other side's window did not allow it.
    pub window_limited: Option<Duration>,
    /// The payload bytes per segment that we send; before the handshake, the kernel's initial value.
    pub send_mss: Option<u32>,
    /// The kernel's estimate of the payload bytes per segment that the other side sends.
    pub receive_mss: Option<u32>,
    /// The MSS that our SYN announced.
    pub advertised_mss: Option<u32>,
    /// The options that both SYNs carried, as the bits `TCPI_OPT_*`: 1 for timestamps, 2 for selective acknowledgement,
    /// 4 for window scaling. `None` before the handshake is complete.
    pub agreed_options: Option<u8>,
    /// The number of bytes per IP packet that the kernel assumes for the path.
    pub path_mtu: Option<u32>,
}

impl TcpFacts {
    /// Returns the retransmissions without those that proved needless: the number of segments really lost, as far as
    /// the other side reports it.
    pub fn needed_retransmissions(&self) -> Option<u32> {
        let total = self.total_retransmissions?;
        Some(total.saturating_sub(self.duplicates_reported.unwrap_or(0)))
    }
}

/// A TCP state (RFC 9293 section 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpState {
    /// The connection is open: both sides may send.
    Established,
    /// We have sent a SYN, which is not answered.
    SynSent,
    /// We have sent a SYN-ACK, which is not answered.
    SynReceived,
    /// We closed, and our FIN is not acknowledged.
    FinWait1,
    /// We closed, and the other side has not.
    FinWait2,
    /// Both sides closed; the kernel waits for stray segments to expire.
    TimeWait,
    /// There is no connection.
    Closed,
    /// The other side closed, and we have not.
    CloseWait,
    /// Both sides closed, the other side first, and our FIN is not acknowledged.
    LastAck,
    /// The socket is a listener.
    Listen,
    /// Both sides closed at the same time.
    Closing,
    /// A state number that this crate does not know.
    Other(u8),
}

/// Reads the facts of `socket`.
///
/// # Errors
/// [`FactError::NotAvailable`] on platforms other than Linux and Windows 10, and for sockets other than TCP.
pub fn tcp_facts<'s>(socket: impl Into<SockRef<'s>>) -> Result<TcpFacts, FactError> {
    platform::tcp_facts(&socket.into())
}
