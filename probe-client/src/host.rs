//! Describes the host and the user with which the probe runs: name, user, executable and addresses. Policies of some
//! firewalls and proxies depend on each of them.

use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use probe_core::labels::Labels;
use probe_core::session::HexBytes;
use probe_documents::Host;
use socket_facts::{save_syn, saved_syn};

/// Returns the name of this host; `None` if it has none.
pub(crate) fn name() -> Option<String> {
    whoami::hostname().ok()
}

/// Describes this host as far as that is possible without privileges. Facts that cannot be found are `None`.
pub(crate) fn describe(own_addresses: &[IpAddr], labels: Labels) -> Host {
    let mut addresses = own_addresses.to_vec();
    addresses.sort_unstable();
    addresses.dedup();
    Host {
        name: name(),
        user: whoami::username().ok(),
        executable: std::env::current_exe()
            .ok()
            .map(|path| path.display().to_string()),
        addresses,
        own_syn: own_syn(),
        system: whoami::distro().ok(),
        labels,
    }
}

/// Returns a SYN that this host sends to itself, as it arrives, so that changes made by devices on the path can be
/// seen.
fn own_syn() -> Option<HexBytes> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    save_syn(&listener).ok()?;
    let address = listener.local_addr().ok()?;
    let client = TcpStream::connect_timeout(&address, IDLE_TIMEOUT).ok()?;
    listener.set_nonblocking(true).ok()?;
    let (accepted, peer) = listener.accept().ok()?;
    let own = client.local_addr().ok()? == peer;
    own.then(|| saved_syn(&accepted).ok()?)
        .flatten()
        .map(HexBytes)
}

/// Time limit of a handshake in which no network takes part.
const IDLE_TIMEOUT: Duration = Duration::from_millis(500);
