//! The reasons why ports could not be bound, and the remedies.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use socket_facts::{FactError, SYN_TAP_PORTS_MAX};
use thiserror::Error;

use crate::config::Listen;

/// All listeners that could not be bound, and the witness, if it could not be opened. Never empty.
#[derive(Debug)]
pub struct BindErrors {
    listeners: Vec<BindError>,
    witness: Option<FactError>,
}

/// A listener that could not be bound.
#[derive(Debug, Error)]
#[error("{address}: {cause}")]
pub struct BindError {
    /// The address as configured; `[::]` means every address.
    pub address: SocketAddr,
    pub cause: BindCause,
}

/// The reason why a listener could not be bound.
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
         `ports` or `[[listen]]`, or remove its ListenStream="
    )]
    NotConfigured,
    #[error("the operating system refused: {0}")]
    Other(io::Error),
}

impl BindErrors {
    pub(super) fn new(listeners: Vec<BindError>, witness: Option<FactError>) -> Self {
        Self { listeners, witness }
    }

    /// Returns the errors of the listeners.
    pub fn errors(&self) -> &[BindError] {
        &self.listeners
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
        if let Some(error) = &self.witness {
            f.write_str(&without_witness(error))?;
        }
        let count = self.listeners.len();
        if count == 0 {
            return Ok(());
        }
        let break_before = if self.witness.is_some() { "\n" } else { "" };
        let listeners = if count == 1 { "listener" } else { "listeners" };
        write!(
            f,
            "{break_before}the server did not start, because {count} {listeners} could not be \
             bound:"
        )?;
        for error in &self.listeners {
            write!(f, "\n  {error}")?;
        }
        let refused = self.listeners.iter().filter_map(|error| match error.cause {
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

/// Returns the message for a witness that the configuration asks for and that cannot be opened.
pub(crate) fn without_witness(error: &FactError) -> String {
    let said = match error {
        FactError::Os { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            return RIGHT_TO_WITNESS.to_owned();
        }
        FactError::Os { source, .. } if source.kind() == io::ErrorKind::InvalidInput => {
            format!("it looks at {SYN_TAP_PORTS_MAX} ports at most")
        }
        FactError::Os { .. } | FactError::NotAvailable(_) => error.to_string(),
    };
    format!("the witness cannot be opened: {said}; remove `witness = true` from the configuration")
}

const RIGHT_TO_WITNESS: &str = "the witness needs CAP_NET_RAW at the start, which this process \
                                lacks; the server gives it up after use
Either of these gives it:
  a systemd unit with AmbientCapabilities=CAP_NET_RAW; docs/operate/server.md has the drop-in
  setcap cap_net_raw,cap_net_bind_service=+ep /path/to/fwprobe-echo
To run without a witness, remove `witness = true` from the configuration.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_give_the_right_to_low_ports_is_said_once() {
        let refused =
            |port| BindError::new(Listen::any(port), io::ErrorKind::PermissionDenied.into());
        let errors = BindErrors::new(vec![refused(443), refused(80)], None);
        assert_eq!(
            errors.to_string(),
            "the server did not start, because 2 listeners could not be bound:\n  \
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
