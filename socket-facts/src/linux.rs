//! The Linux implementation, which uses socket options, the error queue and `NETLINK_SOCK_DIAG`.

use std::io;

use socket2::Socket;

use crate::{Fact, FactError, HalfOpenView, IpFamily, SocketError, TcpFacts};

mod allocator;
mod error_queue;
mod option;
mod processor;
mod sock_diag;
mod syn_tap;
mod tcp_info;

pub(crate) use allocator::give_back_memory;
pub(crate) use processor::processor_time;

pub(crate) fn keep_memory_private() {
    let _ = nix::sys::prctl::set_dumpable(false);
}

pub(crate) fn tcp_facts(socket: &Socket) -> Result<TcpFacts, FactError> {
    tcp_info::read(socket).map_err(|source| classify(Fact::Tcp, source))
}

pub(crate) fn save_syn(listener: &Socket) -> Result<(), FactError> {
    option::write(listener, libc::IPPROTO_TCP, libc::TCP_SAVE_SYN, 1)
        .map_err(|source| classify(Fact::SavedSyn, source))
}

pub(crate) fn saved_syn(accepted: &Socket) -> Result<Option<Vec<u8>>, FactError> {
    let mut buffer = [0; SAVED_SYN_MAX];
    match option::read(
        accepted,
        libc::IPPROTO_TCP,
        libc::TCP_SAVED_SYN,
        &mut buffer,
    ) {
        Ok([]) => Ok(None),
        Ok(syn) => Ok(Some(syn.to_vec())),
        // The kernel reports a buffer that is too small with this error.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(None),
        Err(source) => Err(classify(Fact::SavedSyn, source)),
    }
}

pub(crate) fn set_recv_err(socket: &Socket, family: IpFamily) -> Result<(), FactError> {
    error_queue::switch(socket, family, true).map_err(|source| classify(Fact::ErrorQueue, source))
}

pub(crate) fn clear_recv_err(socket: &Socket, family: IpFamily) -> Result<(), FactError> {
    error_queue::switch(socket, family, false).map_err(|source| classify(Fact::ErrorQueue, source))
}

pub(crate) fn drain_error_queue(socket: &Socket) -> Result<Vec<SocketError>, FactError> {
    error_queue::drain(socket).map_err(|source| classify(Fact::ErrorQueue, source))
}

pub(crate) fn half_open_of(local_ports: &[u16]) -> Result<Vec<HalfOpenView>, FactError> {
    sock_diag::half_open_of(local_ports).map_err(|source| classify(Fact::HalfOpen, source))
}

pub(crate) fn half_open_kept() -> Result<usize, FactError> {
    kept_by(|name| std::fs::read_to_string(format!("/proc/sys/net/{name}")))
        .map_err(|source| classify(Fact::HalfOpen, source))
}

/// Computes how many half-open connections a listener keeps, from the settings that `read` returns (ip-sysctl.rst,
/// `tcp_syncookies`, `somaxconn`, `tcp_max_syn_backlog`).
fn kept_by(read: impl Fn(&str) -> io::Result<String>) -> io::Result<usize> {
    let number =
        |name| -> io::Result<usize> { read(name)?.trim().parse().map_err(io::Error::other) };
    let queue = number("core/somaxconn")?;
    Ok(match number("ipv4/tcp_syncookies")? {
        COOKIES_NEVER => {
            // The kernel reserves the last quarter for hosts that have connected before (tcp_input.c,
            // tcp_conn_request).
            let all = number("ipv4/tcp_max_syn_backlog")?;
            queue.min(all - all / 4)
        }
        COOKIES_ALWAYS => 0,
        _ => queue,
    })
}

pub(crate) fn open_syn_tap() -> Result<Socket, FactError> {
    syn_tap::open().map_err(|source| classify(Fact::Syns, source))
}

pub(crate) fn filter_syns(tap: &Socket, ports: &[u16]) -> Result<(), FactError> {
    syn_tap::filter(tap, ports).map_err(|source| classify(Fact::Syns, source))
}

pub(crate) fn lost_packets(tap: &Socket) -> Result<u32, FactError> {
    syn_tap::lost(tap).map_err(|source| classify(Fact::Syns, source))
}

pub(crate) fn set_mss(socket: &Socket, mss: u16) -> Result<(), FactError> {
    socket
        .set_tcp_mss(mss.into())
        .map_err(|source| classify(Fact::MaximumSegmentSize, source))
}

/// Distinguishes a kernel that does not support a query from one that could not answer it.
fn classify(fact: Fact, source: io::Error) -> FactError {
    match source.raw_os_error() {
        Some(
            libc::ENOPROTOOPT
            | libc::EOPNOTSUPP
            | libc::EAFNOSUPPORT
            | libc::EPROTONOSUPPORT
            | libc::ENOENT,
        ) => FactError::NotAvailable(fact),
        _ => FactError::Os { fact, source },
    }
}

/// The setting with which the kernel answers every SYN with a cookie, not only when too many connections are half open.
const COOKIES_ALWAYS: usize = 2;
const COOKIES_NEVER: usize = 0;

/// The buffer for a saved SYN, as long as an Ethernet MTU. A SYN's headers fit in one packet; they take 60 to 120 bytes
/// of it, except with IPv6 extensions.
const SAVED_SYN_MAX: usize = 1500;

#[cfg(test)]
mod tests;
