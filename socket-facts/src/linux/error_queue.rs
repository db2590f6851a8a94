//! Reads the error queue with `recvmsg` and `MSG_ERRQUEUE`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;

use libc::{sock_extended_err, sockaddr_in, sockaddr_in6};
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use socket2::Socket;

use crate::{ERROR_QUEUE_MAX, ErrorOrigin, IpFamily, SocketError};

pub(super) fn switch(socket: &Socket, family: IpFamily, on: bool) -> io::Result<()> {
    match family {
        IpFamily::V4 => setsockopt(socket, sockopt::Ipv4RecvErr, &on)?,
        IpFamily::V6 => setsockopt(socket, sockopt::Ipv6RecvErr, &on)?,
    }
    Ok(())
}

pub(super) fn drain(socket: &Socket) -> io::Result<Vec<SocketError>> {
    let mut control = nix::cmsg_space!([u8; CONTROL_MAX]);
    let mut errors = Vec::new();
    for _ in 0..ERROR_QUEUE_MAX {
        // The packet that caused the error is not needed, so there is no buffer for it.
        let received = recvmsg::<()>(
            socket.as_raw_fd(),
            &mut [],
            Some(&mut control),
            MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
        );
        match received {
            Ok(message) => errors.extend(message.cmsgs()?.filter_map(decode)),
            Err(Errno::EAGAIN) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(errors)
}

fn decode(message: ControlMessageOwned) -> Option<SocketError> {
    if let ControlMessageOwned::Ipv4RecvErr(error, offender) = message {
        Some(entry(error, offender.and_then(ipv4)))
    } else if let ControlMessageOwned::Ipv6RecvErr(error, offender) = message {
        Some(entry(error, offender.and_then(ipv6)))
    } else {
        None
    }
}

fn entry(error: sock_extended_err, offender: Option<IpAddr>) -> SocketError {
    let (kind, code) = (error.ee_type, error.ee_code);
    let errno = error.ee_errno.cast_signed();
    SocketError {
        errno,
        origin: match error.ee_origin {
            libc::SO_EE_ORIGIN_LOCAL => ErrorOrigin::Local,
            libc::SO_EE_ORIGIN_ICMP => ErrorOrigin::Icmp { kind, code },
            libc::SO_EE_ORIGIN_ICMP6 => ErrorOrigin::Icmp6 { kind, code },
            other => ErrorOrigin::Other(other),
        },
        offender,
        mtu: (errno == libc::EMSGSIZE && error.ee_info != 0).then_some(error.ee_info),
    }
}

/// Returns the address. An error of this host has an address of family zero.
fn ipv4(address: sockaddr_in) -> Option<IpAddr> {
    (i32::from(address.sin_family) == libc::AF_INET)
        .then(|| Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into())
}

fn ipv6(address: sockaddr_in6) -> Option<IpAddr> {
    (i32::from(address.sin6_family) == libc::AF_INET6)
        .then(|| IpAddr::from(Ipv6Addr::from(address.sin6_addr.s6_addr)).to_canonical())
}

/// The buffer for control messages. An entry takes 44 bytes; the rest is for other messages that the socket's owner has
/// requested.
const CONTROL_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn extended(errno: i32, origin: u8, kind: u8, code: u8, info: u32) -> sock_extended_err {
        sock_extended_err {
            ee_errno: errno.cast_unsigned(),
            ee_origin: origin,
            ee_type: kind,
            ee_code: code,
            ee_pad: 0,
            ee_info: info,
            ee_data: 0,
        }
    }

    fn address_v4(family: i32, address: [u8; 4]) -> sockaddr_in {
        sockaddr_in {
            sin_family: family.try_into().unwrap(),
            sin_port: 0,
            sin_addr: libc::in_addr {
                s_addr: u32::from_ne_bytes(address),
            },
            sin_zero: [0; 8],
        }
    }

    fn address_v6(address: &str) -> sockaddr_in6 {
        sockaddr_in6 {
            sin6_family: libc::AF_INET6.try_into().unwrap(),
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr {
                s6_addr: address.parse::<Ipv6Addr>().unwrap().octets(),
            },
            sin6_scope_id: 0,
        }
    }

    #[test]
    fn a_prohibition_names_its_sender() {
        let error = extended(libc::EHOSTUNREACH, 2, 3, 13, 0);
        let offender = address_v4(libc::AF_INET, [10, 10, 1, 1]);
        assert_eq!(
            decode(ControlMessageOwned::Ipv4RecvErr(error, Some(offender))),
            Some(SocketError {
                errno: libc::EHOSTUNREACH,
                origin: ErrorOrigin::Icmp { kind: 3, code: 13 },
                offender: Some("10.10.1.1".parse().unwrap()),
                mtu: None,
            })
        );
    }

    #[test]
    fn an_ipv6_prohibition_is_told_from_a_local_one() {
        let offender = Some(address_v6("fd10:1::1"));
        let remote = extended(libc::EACCES, 3, 1, 1, 0);
        let remote = decode(ControlMessageOwned::Ipv6RecvErr(remote, offender)).unwrap();
        let local = extended(libc::EACCES, 1, 0, 0, 0);
        let local = decode(ControlMessageOwned::Ipv6RecvErr(local, None)).unwrap();
        assert_eq!(remote.errno, local.errno);
        assert_eq!(remote.origin, ErrorOrigin::Icmp6 { kind: 1, code: 1 });
        assert_eq!(remote.offender, Some("fd10:1::1".parse().unwrap()));
        assert_eq!((local.origin, local.offender), (ErrorOrigin::Local, None));
    }

    #[test]
    fn a_mapped_offender_is_given_as_ipv4() {
        let error = extended(libc::EHOSTUNREACH, 2, 11, 0, 0);
        let offender = Some(address_v6("::ffff:10.10.2.2"));
        let entry = decode(ControlMessageOwned::Ipv6RecvErr(error, offender)).unwrap();
        assert_eq!(entry.offender, Some("10.10.2.2".parse().unwrap()));
    }

    #[test]
    fn an_address_without_a_family_is_none() {
        let error = extended(libc::EMSGSIZE, 1, 0, 0, 1280);
        let offender = Some(address_v4(libc::AF_UNSPEC, [0; 4]));
        let entry = decode(ControlMessageOwned::Ipv4RecvErr(error, offender)).unwrap();
        assert_eq!((entry.offender, entry.mtu), (None, Some(1280)));
    }

    #[test]
    fn info_is_a_size_only_where_size_is_the_matter() {
        let error = extended(libc::EPROTO, 2, 12, 0, 5);
        let entry = decode(ControlMessageOwned::Ipv4RecvErr(error, None)).unwrap();
        assert_eq!(entry.mtu, None);
    }

    #[test]
    fn an_unknown_origin_keeps_its_number() {
        let error = extended(0, 5, 0, 0, 0);
        let entry = decode(ControlMessageOwned::Ipv4RecvErr(error, None)).unwrap();
        assert_eq!(entry.origin, ErrorOrigin::Other(5));
    }

    #[test]
    fn other_control_messages_are_passed_over() {
        assert_eq!(decode(ControlMessageOwned::Ipv4Ttl(64)), None);
    }
}
