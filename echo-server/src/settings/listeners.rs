//! The listeners that the settings describe, and whether any two of them collide.

use std::net::IpAddr;

use super::file::FileSettings;
use super::{Place, Placed, SettingsError};
use crate::arguments::ServeArguments;
use crate::config::{DEFAULT_PORTS, Listen, ListenAddress};

/// Returns a listener for each combination of port and address, then the listeners that are given one by one.
/// `control_port` is used if neither flags nor file name one.
pub(super) fn listeners(
    flags: &ServeArguments,
    file: &FileSettings,
    control_port: u16,
    errors: &mut Vec<SettingsError>,
) -> Vec<Listen> {
    let single = single(flags, file);
    let mut ports = ports(flags, file, single.is_empty());
    if let Some(port) = control(flags, file, control_port, &ports) {
        ports.push(port);
    }
    let addresses = addresses(flags, file);
    let mut all: Vec<Placed<Listen>> = Vec::new();
    for port in &ports {
        all.extend(addresses.iter().map(|address| Placed {
            value: Listen {
                address: *address,
                port: port.value,
                public_port: None,
            },
            place: port.place.clone(),
        }));
    }
    all.extend(single);
    let public = all.len();
    let private = [&file.health, &file.metrics].into_iter().flatten();
    all.extend(private.map(|address| Placed {
        value: Listen::on(address.value),
        place: address.place.clone(),
    }));
    // If the ports could not be read, that error is already reported.
    if public == 0 && errors.is_empty() {
        errors.push(SettingsError::NoListener);
    }
    for (index, again) in all.iter().enumerate() {
        let first = all[..index]
            .iter()
            .find(|first| overlap(&first.value, &again.value));
        if let Some(first) = first {
            errors.push(SettingsError::Overlap {
                first: first.clone(),
                again: again.clone(),
            });
        }
    }
    all.truncate(public);
    all.into_iter().map(|listen| listen.value).collect()
}

fn single(flags: &ServeArguments, file: &FileSettings) -> Vec<Placed<Listen>> {
    if flags.listen.is_empty() {
        return file.listen.clone().unwrap_or_default();
    }
    let placed = |address: &std::net::SocketAddr| Placed {
        value: Listen::on(*address),
        place: Place::Flag("--listen"),
    };
    flags.listen.iter().map(placed).collect()
}

fn ports(flags: &ServeArguments, file: &FileSettings, no_single: bool) -> Vec<Placed<u16>> {
    let placed = |port: &u16, place: Place| Placed {
        value: *port,
        place,
    };
    if !flags.ports.is_empty() {
        let place = || Place::Flag("--port");
        return flags
            .ports
            .iter()
            .map(|port| placed(port, place()))
            .collect();
    }
    if let Some(ports) = &file.ports {
        return ports.clone();
    }
    // If listeners are given one by one, the default ports are not used.
    let ports = if no_single { &DEFAULT_PORTS[..] } else { &[] };
    ports
        .iter()
        .map(|port| placed(port, Place::Default))
        .collect()
}

fn control(
    flags: &ServeArguments,
    file: &FileSettings,
    control_port: u16,
    ports: &[Placed<u16>],
) -> Option<Placed<u16>> {
    let flag = flags.control_port.map(|value| Placed {
        value,
        place: Place::Flag("--control-port"),
    });
    if let Some(port) = flag.or_else(|| file.control_port.clone()) {
        return Some(port);
    }
    let listed = ports.iter().any(|port| port.value == control_port);
    (!listed && !ports.is_empty()).then_some(Placed {
        value: control_port,
        place: Place::Default,
    })
}

fn addresses(flags: &ServeArguments, file: &FileSettings) -> Vec<ListenAddress> {
    let named = if flags.addresses.is_empty() {
        file.addresses.clone().unwrap_or_default()
    } else {
        flags.addresses.clone()
    };
    if named.is_empty() {
        vec![ListenAddress::Any]
    } else {
        named.into_iter().map(ListenAddress::One).collect()
    }
}

/// Returns whether the two listeners cannot both be bound. `::` and an IPv4 address can: `::` then accepts IPv6 alone.
fn overlap(one: &Listen, other: &Listen) -> bool {
    let addresses = match (one.address, other.address) {
        (ListenAddress::One(one), ListenAddress::One(other)) => same_or_covered(one, other),
        (ListenAddress::Any, _) | (_, ListenAddress::Any) => true,
    };
    one.port == other.port && one.port != 0 && addresses
}

fn same_or_covered(one: IpAddr, other: IpAddr) -> bool {
    one == other
        || (one.is_ipv4() == other.is_ipv4() && (one.is_unspecified() || other.is_unspecified()))
}
