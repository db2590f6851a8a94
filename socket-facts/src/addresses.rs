//! Reads the addresses of this host.

use std::net::IpAddr;

use crate::{Fact, FactError};

/// Returns every address of every interface, loopback included, sorted and without duplicates.
///
/// # Errors
/// [`FactError::Os`] if the system's list cannot be read.
pub fn local_addresses() -> Result<Vec<IpAddr>, FactError> {
    let interfaces = if_addrs::get_if_addrs().map_err(Fact::LocalAddresses.failed())?;
    let mut addresses: Vec<_> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use super::*;

    #[test]
    fn lists_each_address_that_can_be_bound_once() {
        let addresses = local_addresses().unwrap();
        assert!(addresses.contains(&Ipv4Addr::LOCALHOST.into()));
        assert!(addresses.is_sorted_by(|a, b| a < b));
        for address in addresses.iter().filter(|address| address.is_ipv4()) {
            assert!(UdpSocket::bind((*address, 0)).is_ok(), "{address}");
        }
    }
}
