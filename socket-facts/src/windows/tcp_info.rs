//! Reads `SIO_TCP_INFO`, the facts of Windows about a TCP connection, in version 0 of the structure
//! (learn.microsoft.com, "SIO_TCP_INFO Control Code", "TCP_INFO_v0 structure").

use std::io;
use std::os::windows::io::AsRawSocket as _;
use std::ptr;
use std::time::Duration;

use socket2::Socket;
use windows_sys::Win32::Networking::WinSock::{
    SIO_TCP_INFO, SOCKET, TCP_INFO_v0, TCPSTATE, TCPSTATE_CLOSE_WAIT, TCPSTATE_CLOSED,
    TCPSTATE_CLOSING, TCPSTATE_ESTABLISHED, TCPSTATE_FIN_WAIT_1, TCPSTATE_FIN_WAIT_2,
    TCPSTATE_LAST_ACK, TCPSTATE_LISTEN, TCPSTATE_SYN_RCVD, TCPSTATE_SYN_SENT, TCPSTATE_TIME_WAIT,
    WSAIoctl,
};

use crate::{TcpFacts, TcpState};

pub(super) fn read(socket: &Socket) -> io::Result<TcpFacts> {
    ask(socket).map(|info| decode(&info))
}

#[expect(
    unsafe_code,
    reason = "no maintained crate asks Windows for the state of a connection"
)]
fn ask(socket: &Socket) -> io::Result<TCP_INFO_v0> {
    let handle = SOCKET::try_from(socket.as_raw_socket())
        .map_err(|_too_wide| io::Error::from(io::ErrorKind::InvalidInput))?;
    let version = 0_u32;
    let mut info = TCP_INFO_v0::default();
    let mut filled = 0;
    // SAFETY: the handle is open as long as `socket` is borrowed; both buffers have the lengths that the call receives,
    // and any bytes are a valid TCP_INFO_v0 except for its bool, which Windows sets to 0 or 1; without an OVERLAPPED
    // the call keeps no pointer.
    let status = unsafe {
        WSAIoctl(
            handle,
            SIO_TCP_INFO,
            (&raw const version).cast(),
            length_of::<u32>(),
            (&raw mut info).cast(),
            length_of::<TCP_INFO_v0>(),
            &raw mut filled,
            ptr::null_mut(),
            None,
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    if filled < length_of::<TCP_INFO_v0>() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(info)
}

/// Converts the facts. It leaves out figures that Windows counts differently from this crate: bytes in flight, and
/// bytes sent and received with repetitions.
fn decode(info: &TCP_INFO_v0) -> TcpFacts {
    let mss = (info.Mss != 0).then_some(info.Mss);
    TcpFacts {
        state: Some(TcpState::from_windows(info.State)),
        rtt: (info.RttUs != 0).then(|| Duration::from_micros(info.RttUs.into())),
        total_retransmissions: segments(info.BytesRetrans, mss)
            .map(|data| data.saturating_add(info.SynRetrans.into())),
        send_mss: mss,
        ..TcpFacts::default()
    }
}

/// Returns the smallest number of segments that carry `bytes`.
fn segments(bytes: u32, mss: Option<u32>) -> Option<u32> {
    if bytes == 0 {
        return Some(0);
    }
    Some(bytes.div_ceil(mss?))
}

impl TcpState {
    fn from_windows(state: TCPSTATE) -> Self {
        match state {
            TCPSTATE_CLOSED => Self::Closed,
            TCPSTATE_LISTEN => Self::Listen,
            TCPSTATE_SYN_SENT => Self::SynSent,
            TCPSTATE_SYN_RCVD => Self::SynReceived,
            TCPSTATE_ESTABLISHED => Self::Established,
            TCPSTATE_FIN_WAIT_1 => Self::FinWait1,
            TCPSTATE_FIN_WAIT_2 => Self::FinWait2,
            TCPSTATE_CLOSE_WAIT => Self::CloseWait,
            TCPSTATE_CLOSING => Self::Closing,
            TCPSTATE_LAST_ACK => Self::LastAck,
            TCPSTATE_TIME_WAIT => Self::TimeWait,
            other => Self::Other(u8::try_from(other).unwrap_or(u8::MAX)),
        }
    }
}

const fn length_of<T>() -> u32 {
    size_of::<T>() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_bytes_count_as_the_segments_that_they_fill() {
        let info = TCP_INFO_v0 {
            State: TCPSTATE_ESTABLISHED,
            Mss: 1460,
            RttUs: 25_000,
            BytesRetrans: 1461,
            SynRetrans: 2,
            ..TCP_INFO_v0::default()
        };
        assert_eq!(
            decode(&info),
            TcpFacts {
                state: Some(TcpState::Established),
                rtt: Some(Duration::from_millis(25)),
                total_retransmissions: Some(4),
                send_mss: Some(1460),
                ..TcpFacts::default()
            }
        );
    }

    #[test]
    fn what_was_not_measured_is_absent() {
        let facts = decode(&TCP_INFO_v0 {
            State: TCPSTATE_SYN_SENT,
            BytesRetrans: 1,
            ..TCP_INFO_v0::default()
        });
        assert_eq!(
            facts,
            TcpFacts {
                state: Some(TcpState::SynSent),
                ..TcpFacts::default()
            }
        );
    }
}
