//! Reads what the operating system knows about a socket and std does not offer: `TCP_INFO`, the saved SYN, the error
//! queue, the half-open sockets of a port, the SYNs at the interfaces, the addresses of this host.
//!
//! If [`socket2`] has an option already, use that: a linger of zero (reset on close) is
//! `set_linger(Some(Duration::ZERO))`, and the pending error is `take_error`. Every function accepts anything that
//! [`socket2::SockRef`] can be made from, for example `&TcpStream` of std or tokio.

mod addresses;
mod error_queue;
mod fact;
mod half_open;
mod marks;
mod memory;
mod processor;
mod saved_syn;
mod syn_tap;
mod tcp_facts;

// There is one module per platform, and all offer the same functions.
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(not(any(target_os = "linux", windows)))]
use elsewhere as platform;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(windows)]
use windows as platform;

pub use addresses::local_addresses;
pub use error_queue::{
    ERROR_QUEUE_MAX, ErrorOrigin, SocketError, clear_recv_err, drain_error_queue, set_recv_err,
};
pub use fact::{Fact, FactError, IpFamily};
pub use half_open::{
    HALF_OPEN_MAX, HalfOpen, HalfOpenView, half_open, half_open_kept, half_open_of,
};
pub use marks::{set_hop_limit, set_mss};
pub use memory::{give_back_memory, keep_memory_private};
pub use processor::processor_time;
pub use saved_syn::{save_syn, saved_syn};
pub use syn_tap::{SYN_TAP_PORTS_MAX, SynTap};
pub use tcp_facts::{TcpFacts, TcpState, tcp_facts};
#[cfg(windows)]
pub use windows::{
    Account, LogonError, LogonHandshake, NamedProxies, ProxyScripts, ScriptAnswer, ScriptError,
    UserProxySettings, user_proxy_settings, winhttp_proxy_setting,
};
