//! The Windows implementation: a connection's state, from Windows 10 on. Without privileges, Windows keeps no SYN,
//! lists no half-open connections, and does not allow choosing the segment size.

use std::io;

use socket2::Socket;
use windows_sys::Win32::Networking::WinSock::{WSAEINVAL, WSAENOPROTOOPT, WSAEOPNOTSUPP};

pub(crate) use crate::elsewhere::{
    clear_recv_err, drain_error_queue, filter_syns, give_back_memory, half_open_kept, half_open_of,
    lost_packets, open_syn_tap, processor_time, save_syn, saved_syn, set_mss, set_recv_err,
};
use crate::{Fact, FactError, TcpFacts};

mod error_report;
mod logon;
mod proxy_settings;
mod tcp_info;

pub(crate) use error_report::keep_memory_private;
pub use logon::{Account, LogonError, LogonHandshake};
pub use proxy_settings::{
    NamedProxies, ProxyScripts, ScriptAnswer, ScriptError, UserProxySettings, user_proxy_settings,
    winhttp_proxy_setting,
};

pub(crate) fn tcp_facts(socket: &Socket) -> Result<TcpFacts, FactError> {
    tcp_info::read(socket).map_err(|source| classify(Fact::Tcp, source))
}

/// Distinguishes a Windows that does not support a query from one that could not answer it.
fn classify(fact: Fact, source: io::Error) -> FactError {
    match source.raw_os_error() {
        Some(WSAEINVAL | WSAENOPROTOOPT | WSAEOPNOTSUPP) => FactError::NotAvailable(fact),
        _ => FactError::Os { fact, source },
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::TcpState;

    #[test]
    fn a_connection_is_established_or_this_windows_does_not_tell() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        match crate::tcp_facts(&stream) {
            Ok(facts) => assert_eq!(facts.state, Some(TcpState::Established)),
            Err(FactError::NotAvailable(fact)) => assert_eq!(fact, Fact::Tcp),
            Err(FactError::Os { source, .. }) => panic!("{source}"),
        }
    }
}
