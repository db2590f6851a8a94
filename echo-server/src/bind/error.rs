//! Why ports could not be had, and what would help.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::config::Listen;

/// All listeners that could not be bound. Never empty.
#[derive(Debug)]
pub struct BindErrors(pub(super) Vec<BindError>);

/// One that could not be.
#[derive(Debug, Error)]
#[error("{address}: {cause}")]
pub struct BindError {
    /// As configured; `[::]` stands for every address.
    pub address: SocketAddr,
    pub cause: BindCause,
}

/// Why not.
#[derive(Debug, Error)]
pub enum BindCause {
    #[error("in use by another program; `ss -ltnp 'sport = :{port}'`, run as root, says by which")]
    InUse { port: u16 },
    #[error("this user may not listen on port {port}")]
    NotPermitted { port: u16 },
    #[error("this host does not have that address; `ip address` lists those that it has")]
    NoSuchAddress,
    #[error(
        "systemd has opened this socket, and the configuration does not listen there; add it under \
         `ports` or `[[listen]]`, or take its ListenStream= away"
    )]
    NotConfigured,
    #[error("the operating system refused: {0}")]
    Other(io::Error),
}

impl BindErrors {
    pub fn errors(&self) -> &[BindError] {
        &self.0
    }
}

impl BindError {
    pub(super) fn not_configured(address: SocketAddr) -> Self {
        let cause = BindCause::NotConfigured;
        Self { address, cause }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "io::ErrorKind is open; the kinds without a name here keep their text"
    )]
    pub(super) fn new(listen: Listen, error: io::Error) -> Self {
        let port = listen.port;
        let cause = match error.kind() {
            io::ErrorKind::AddrInUse => BindCause::InUse { port },
            io::ErrorKind::PermissionDenied => BindCause::NotPermitted { port },
            io::ErrorKind::AddrNotAvailable => BindCause::NoSuchAddress,
            _ => BindCause::Other(error),
        };
        Self {
            address: SocketAddr::new(listen.address.ip(), port),
            cause,
        }
    }
}

impl fmt::Display for BindErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let listeners = if count == 1 { "listener" } else { "listeners" };
        write!(f, "{count} {listeners} could not be bound, so none is:")?;
        for error in &self.0 {
            write!(f, "\n  {error}")?;
        }
        let refused = self.0.iter().filter_map(|error| match error.cause {
            BindCause::NotPermitted { port } => Some(port),
            BindCause::InUse { .. }
            | BindCause::NoSuchAddress
            | BindCause::NotConfigured
            | BindCause::Other(_) => None,
        });
        match refused.min() {
            Some(lowest) => write!(f, "\n{}", right_to_low_ports(lowest)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for BindErrors {}

fn right_to_low_ports(lowest: u16) -> String {
    format!(
        "Ports below 1024 need a right that this process lacks. Any of these gives it:
  a systemd socket unit with ListenStream={lowest}, which opens the port for this process
  a systemd unit with AmbientCapabilities=CAP_NET_BIND_SERVICE
  setcap cap_net_bind_service=+ep /path/to/fwprobe-echo
  sysctl net.ipv4.ip_unprivileged_port_start={lowest}, for every program on this host"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_give_the_right_to_low_ports_is_said_once() {
        let refused =
            |port| BindError::new(Listen::any(port), io::ErrorKind::PermissionDenied.into());
        let errors = BindErrors(vec![refused(443), refused(80)]);
        assert_eq!(
            errors.to_string(),
            "2 listeners could not be bound, so none is:\n  \
             [::]:443: this user may not listen on port 443\n  \
             [::]:80: this user may not listen on port 80\n\
             Ports below 1024 need a right that this process lacks. Any of these gives it:\n  \
             a systemd socket unit with ListenStream=80, which opens the port for this process\n  \
             a systemd unit with AmbientCapabilities=CAP_NET_BIND_SERVICE\n  \
             setcap cap_net_bind_service=+ep /path/to/fwprobe-echo\n  \
             sysctl net.ipv4.ip_unprivileged_port_start=80, for every program on this host"
        );
    }
}
