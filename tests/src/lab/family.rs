//! The lab's addresses, and the placeholders for them in scenario files.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Host;

/// The address family of a trial; all hosts have addresses of both families.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    pub const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// Returns the address of `host` towards the client; for the client, its address towards the server.
    pub(super) fn address(self, host: Host) -> IpAddr {
        match host {
            Host::Client => self.on(1, 2),
            Host::Firewall => self.on(1, 1),
            Host::Isp => self.on(2, 2),
            Host::Cloud => self.on(3, 2),
        }
    }

    /// Returns the address of `host` towards the server; for the server, its address towards the client.
    pub(super) fn far_address(self, host: Host) -> IpAddr {
        match host {
            Host::Client | Host::Cloud => self.address(host),
            Host::Firewall => self.on(2, 1),
            Host::Isp => self.on(3, 1),
        }
    }

    /// Returns the family of `address`.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    fn on(self, link: u8, end: u8) -> IpAddr {
        match self {
            Self::Ipv4 => [10, 73, link, end].into(),
            Self::Ipv6 => [0xfd73, link.into(), 0, 0, 0, 0, 0, end.into()].into(),
        }
    }

    /// Replaces the placeholders in `text` with values of this family.
    ///
    /// - `<client>`, `<firewall>`, `<isp>`, `<cloud>`: the host's address towards the client.
    /// - `<firewall-far>`, `<isp-far>`: the host's address towards the server.
    /// - `<[cloud]>` and similar: the same address, in brackets if it is IPv6, so that a port can follow.
    /// - `<ip>`: `ip` or `ip6`.
    /// - `<icmp>`: `icmp` or `icmpv6`.
    /// - `<hop-limit>`: the iptables target that changes the hop limit, with the beginning of its flag: `TTL --ttl` or
    ///   `HL --hl`.
    /// - `<length>`: the prefix length.
    /// - `<cloud-second>`, `<outside>`: two more addresses, in the cloud's network and outside all networks of the lab.
    pub(super) fn fill(self, text: &str) -> String {
        let (ip, icmp, hop_limit) = match self {
            Self::Ipv4 => ("ip", "icmp", "TTL --ttl"),
            Self::Ipv6 => ("ip6", "icmpv6", "HL --hl"),
        };
        let text = text
            .replace("<ip>", ip)
            .replace("<icmp>", icmp)
            .replace("<hop-limit>", hop_limit)
            .replace("<length>", &self.prefix_length().to_string())
            .replace("<cloud-second>", &self.on(3, 9).to_string())
            .replace("<outside>", &self.on(9, 9).to_string());
        Host::ALL.into_iter().fold(text, |text, host| {
            let name = host.name();
            let (near, far) = (self.address(host), self.far_address(host));
            text.replace(&format!("<{name}>"), &near.to_string())
                .replace(&format!("<[{name}]>"), &bracketed(near))
                .replace(&format!("<{name}-far>"), &far.to_string())
                .replace(&format!("<[{name}-far]>"), &bracketed(far))
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    pub(super) fn iptables(self) -> &'static str {
        match self {
            Self::Ipv4 => "iptables",
            Self::Ipv6 => "ip6tables",
        }
    }

    /// Returns the prefix length of every network in the lab.
    pub(super) fn prefix_length(self) -> u8 {
        match self {
            Self::Ipv4 => 24,
            Self::Ipv6 => 64,
        }
    }
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}
