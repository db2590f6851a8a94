//! Who runs the probe, and where: name, user, executable and addresses. Policies of some firewalls
//! and proxies depend on each of them.

use std::net::IpAddr;

use probe_core::document::Host;

/// What can be told without privileges; what cannot is absent.
pub(crate) fn describe(own_addresses: &[IpAddr]) -> Host {
    let mut addresses = own_addresses.to_vec();
    addresses.sort_unstable();
    addresses.dedup();
    Host {
        name: whoami::hostname().ok(),
        user: whoami::username().ok(),
        executable: std::env::current_exe()
            .ok()
            .map(|path| path.display().to_string()),
        addresses,
        system: whoami::distro().ok(),
    }
}
