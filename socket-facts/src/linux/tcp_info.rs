//! Reads `TCP_INFO`, a struct that grew with the kernel, up to the length that this kernel filled.

use std::io;
use std::mem::offset_of;
use std::time::Duration;

use libc::tcp_info;
use socket2::Socket;

use super::option;
use crate::{TcpFacts, TcpState};

pub(super) fn read(socket: &Socket) -> io::Result<TcpFacts> {
    let mut buffer = [0; BUFFER];
    let info = option::read(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut buffer)?;
    Ok(decode(info))
}

fn decode(info: &[u8]) -> TcpFacts {
    let state = byte(info, offset_of!(tcp_info, tcpi_state)).map(TcpState::from_linux);
    // Zero means "no sample": the kernel's smallest value is one microsecond.
    let rtt = long(info, offset_of!(tcp_info, tcpi_rtt)).filter(|rtt| *rtt != 0);
    let rtt_variance = rtt.and_then(|_| long(info, offset_of!(tcp_info, tcpi_rttvar)));
    TcpFacts {
        state,
        rtt: rtt.map(microseconds),
        least_rtt: long(info, MIN_RTT)
            .filter(|least| !matches!(*least, 0 | u32::MAX))
            .map(microseconds),
        rtt_variance: rtt_variance.map(microseconds),
        total_retransmissions: long(info, offset_of!(tcp_info, tcpi_total_retrans)),
        duplicates_reported: long(info, DSACK_DUPS),
        reorderings_seen: long(info, REORDERINGS_SEEN),
        unanswered_timeouts: byte(info, offset_of!(tcp_info, tcpi_retransmits)),
        unacknowledged_segments: long(info, offset_of!(tcp_info, tcpi_unacked))
            .filter(|_| state != Some(TcpState::Listen)),
        bytes_acked: long_long(info, offset_of!(tcp_info, tcpi_bytes_acked)),
        bytes_received: long_long(info, offset_of!(tcp_info, tcpi_bytes_received)),
        unsent_bytes: long(info, offset_of!(tcp_info, tcpi_notsent_bytes)),
        window_limited: long_long(info, WINDOW_LIMITED).map(Duration::from_micros),
        send_mss: size(info, offset_of!(tcp_info, tcpi_snd_mss)),
        receive_mss: size(info, offset_of!(tcp_info, tcpi_rcv_mss)),
        advertised_mss: advertised_mss(info),
        agreed_options: byte(info, offset_of!(tcp_info, tcpi_options))
            .filter(|_| !matches!(state, Some(TcpState::SynSent | TcpState::Listen)))
            .map(|bits| bits & AGREED_IN_SYNS),
        path_mtu: size(info, offset_of!(tcp_info, tcpi_pmtu)),
    }
}

impl TcpState {
    /// Converts a number of `include/net/tcp_states.h`.
    fn from_linux(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            other => Self::Other(other),
        }
    }
}

fn byte(info: &[u8], at: usize) -> Option<u8> {
    info.get(at).copied()
}

fn long(info: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*info.get(at..)?.first_chunk()?))
}

fn long_long(info: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*info.get(at..)?.first_chunk()?))
}

/// Returns the MSS that our SYN announced. Once timestamps are agreed on, the kernel subtracts their length from its
/// own figure.
fn advertised_mss(info: &[u8]) -> Option<u32> {
    let timestamps = byte(info, offset_of!(tcp_info, tcpi_options))? & OPTION_TIMESTAMPS != 0;
    let room = if timestamps { TIMESTAMPS_LENGTH } else { 0 };
    Some(size(info, offset_of!(tcp_info, tcpi_advmss))? + room)
}

/// Returns a size, or `None` if it is zero, which means that the kernel has not determined it yet.
fn size(info: &[u8], at: usize) -> Option<u32> {
    long(info, at).filter(|size| *size != 0)
}

fn microseconds(count: u32) -> Duration {
    Duration::from_micros(count.into())
}

/// The bits `TCPI_OPT_TIMESTAMPS`, `TCPI_OPT_SACK` and `TCPI_OPT_WSCALE`.
const AGREED_IN_SYNS: u8 = 1 | 2 | 4;

/// The bit `TCPI_OPT_TIMESTAMPS`.
const OPTION_TIMESTAMPS: u8 = 1;

/// The length of the timestamps option and its padding in bytes (RFC 7323 appendix A).
const TIMESTAMPS_LENGTH: u32 = 12;

/// The offset of `tcpi_min_rtt` (from Linux 4.6 on), which not every libc declares.
const MIN_RTT: usize = 148;

/// The offset of `tcpi_rwnd_limited` (from Linux 4.10 on), which not every libc declares.
const WINDOW_LIMITED: usize = 176;

/// The offset of `tcpi_dsack_dups` (from Linux 4.19 on), which not every libc declares.
const DSACK_DUPS: usize = 216;

/// The offset of `tcpi_reord_seen` (from Linux 4.19 on), which not every libc declares.
const REORDERINGS_SEEN: usize = 220;

/// The buffer for the struct. Linux 6.18 fills 280 bytes or so; the bytes beyond the fields above are not used.
const BUFFER: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a struct in which every byte that is read is set, at the offsets of the kernel's header.
    fn filled() -> [u8; 232] {
        let mut info = [0; 232];
        info[0] = 1;
        info[2] = 3;
        info[5] = 1;
        for (at, value) in [
            (16, 1448_u32),
            (20, 1400),
            (24, 2),
            (60, 1500),
            (68, 25_000),
            (72, 1_500),
            (84, 1448),
            (100, 4),
            (144, 77),
            (148, 20_000),
            (216, 1),
            (220, 6),
        ] {
            info[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        info[120..128].copy_from_slice(&5_000_000_000_u64.to_ne_bytes());
        info[128..136].copy_from_slice(&6_000_000_000_u64.to_ne_bytes());
        info[176..184].copy_from_slice(&3_000_000_u64.to_ne_bytes());
        info
    }

    #[test]
    fn reads_each_field_from_its_place() {
        assert_eq!(
            decode(&filled()),
            TcpFacts {
                state: Some(TcpState::Established),
                rtt: Some(Duration::from_millis(25)),
                least_rtt: Some(Duration::from_millis(20)),
                rtt_variance: Some(Duration::from_micros(1_500)),
                total_retransmissions: Some(4),
                duplicates_reported: Some(1),
                reorderings_seen: Some(6),
                unanswered_timeouts: Some(3),
                unacknowledged_segments: Some(2),
                bytes_acked: Some(5_000_000_000),
                bytes_received: Some(6_000_000_000),
                unsent_bytes: Some(77),
                window_limited: Some(Duration::from_secs(3)),
                send_mss: Some(1448),
                receive_mss: Some(1400),
                advertised_mss: Some(1460),
                agreed_options: Some(1),
                path_mtu: Some(1500),
            }
        );
    }

    #[test]
    fn what_an_older_kernel_leaves_out_is_absent() {
        // The struct of Linux 3.x ended before tcpi_bytes_acked (4.1).
        let old = decode(&filled()[..104]);
        assert_eq!(old.total_retransmissions, Some(4));
        assert_eq!(
            (old.bytes_acked, old.bytes_received, old.unsent_bytes),
            (None, None, None)
        );
        assert_eq!(decode(&[]), TcpFacts::default());
    }

    #[test]
    fn what_was_not_measured_is_absent() {
        let mut info = filled();
        info[68..72].fill(0);
        info[60..64].fill(0);
        let facts = decode(&info);
        assert_eq!(
            (facts.rtt, facts.rtt_variance, facts.path_mtu),
            (None, None, None)
        );
    }

    #[test]
    fn a_listener_has_no_unacknowledged_segments() {
        let mut info = filled();
        info[0] = 10;
        let facts = decode(&info);
        assert_eq!(facts.state, Some(TcpState::Listen));
        assert_eq!(facts.unacknowledged_segments, None);
    }
}
