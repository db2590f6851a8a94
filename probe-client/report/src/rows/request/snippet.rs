//! Writes single rules for the device that is blamed, to be added to its policy and never to replace that. Each rule
//! has placeholders in angle brackets that no parser accepts before somebody fills them in.

use std::net::IpAddr;

use host_firewall::Side;
use probe_core::verdict::Segment;
use serde::Serialize;

mod host_firewall;

/// One rule for one kind of device.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Snippet {
    /// The device that the rule is for.
    pub device: String,
    /// The kind of firewall on that device.
    pub system: &'static str,
    /// The place for the rule among the others, and anything else that its effect depends on.
    pub note: &'static str,
    pub lines: Vec<String>,
}

impl Snippet {
    fn new(device: &str, system: &'static str, note: &'static str, text: &str) -> Self {
        Self {
            device: device.to_owned(),
            system,
            note,
            lines: text.lines().map(str::to_owned).collect(),
        }
    }
}

/// The ends of a connection, as seen from different places.
pub(super) struct Hosts {
    pub(super) source: Option<IpAddr>,
    pub(super) source_after_nat: Option<IpAddr>,
    pub(super) destination: IpAddr,
    /// The server's address on its own host.
    pub(super) accepted_at: Option<IpAddr>,
    pub(super) port: u16,
    /// The port on the server's own host, if it is known.
    pub(super) port_on_server: Option<u16>,
    /// This host by its name, for readers elsewhere.
    pub(super) client: String,
    /// The operating system of this host, if it is known.
    pub(super) client_system: Option<String>,
}

/// Returns rules for the devices of `segment`; none if the place is not known.
///
/// Only a server that sees every SYN can tell whether the edge of a cloud or the firewall of the server's host dropped
/// a SYN: if `perhaps_host`, there are rules for both.
pub(super) fn snippets(
    segment: &Segment,
    perhaps_host: bool,
    name: &str,
    hosts: &Hosts,
) -> Vec<Snippet> {
    let mut all = match segment {
        Segment::CloudEdge => vec![az(name, hosts), bicep(name, hosts)],
        Segment::ThisHost => host_firewall::rules(name, hosts, Side::Client),
        Segment::ServerHost => return host_firewall::rules(name, hosts, Side::Server),
        Segment::Path { .. } | Segment::NearNetwork => vec![asa(hosts), pan_os(name, hosts)],
        Segment::None | Segment::Proxy | Segment::Unknown => Vec::new(),
    };
    if perhaps_host {
        all.extend(host_firewall::rules(name, hosts, Side::Server));
    }
    all
}

fn az(name: &str, hosts: &Hosts) -> Snippet {
    let (from, to, port) = hosts.seen_by(&Segment::CloudEdge);
    Snippet::new(
        EDGE,
        "Azure network security group (az)",
        PRIORITY,
        &format!(
            "az network nsg rule create --resource-group <RESOURCE-GROUP> --nsg-name <NSG> --name \
             {name} --priority <FREE-PRIORITY> --direction Inbound --access Allow --protocol Tcp \
             --source-address-prefixes {from} --source-port-ranges \"*\" \
             --destination-address-prefixes {to} --destination-port-ranges {port}"
        ),
    )
}

fn bicep(name: &str, hosts: &Hosts) -> Snippet {
    let (from, to, port) = hosts.seen_by(&Segment::CloudEdge);
    let symbol = name.replace('-', "_");
    Snippet::new(
        EDGE,
        "Azure network security group (Bicep)",
        PRIORITY,
        &format!(
            "resource {symbol} 'Microsoft.Network/networkSecurityGroups/securityRules@2024-05-01' \
             = {{\n\
             \x20 parent: <NSG-SYMBOL>\n\
             \x20 name: '{name}'\n\
             \x20 properties: {{\n\
             \x20   priority: <FREE-PRIORITY>\n\
             \x20   direction: 'Inbound'\n\
             \x20   access: 'Allow'\n\
             \x20   protocol: 'Tcp'\n\
             \x20   sourceAddressPrefix: '{from}'\n\
             \x20   sourcePortRange: '*'\n\
             \x20   destinationAddressPrefix: '{to}'\n\
             \x20   destinationPortRange: '{port}'\n\
             \x20 }}\n\
             }}"
        ),
    )
}

fn asa(hosts: &Hosts) -> Snippet {
    let (from, to, port) = (hosts.own(), hosts.destination, hosts.port);
    Snippet::new(
        PATH,
        "Cisco ASA",
        "above the line that denies",
        &format!(
            "access-list <ACL> line <LINE> extended permit tcp host {from} host {to} eq {port}"
        ),
    )
}

fn pan_os(name: &str, hosts: &Hosts) -> Snippet {
    let (from, to, port) = (hosts.own(), hosts.destination, hosts.port);
    Snippet::new(
        PATH,
        "Palo Alto PAN-OS",
        "the second command moves it above the rule that denies",
        &format!(
            "set rulebase security rules {name} from <FROM-ZONE> to <TO-ZONE> source {from} \
             destination {to} application any service <SERVICE-FOR-TCP-{port}> action allow\n\
             move rulebase security rules {name} before <RULE-THAT-DENIES>"
        ),
    )
}

impl Hosts {
    /// Returns source, destination and port as a device in `segment` sees them: after address translation on the
    /// server's side, before it elsewhere.
    pub(super) fn seen_by(&self, segment: &Segment) -> (String, String, String) {
        match segment {
            Segment::CloudEdge | Segment::ServerHost => (
                self.seen_by_cloud(),
                self.on_server(),
                self.port_on_server(),
            ),
            Segment::None
            | Segment::ThisHost
            | Segment::NearNetwork
            | Segment::Path { .. }
            | Segment::Proxy
            | Segment::Unknown => (
                self.own(),
                self.destination.to_string(),
                self.port.to_string(),
            ),
        }
    }

    fn port_on_server(&self) -> String {
        let known = self.port_on_server;
        known.map_or_else(
            || "<PORT-ON-SERVER-HOST>".to_owned(),
            |port| port.to_string(),
        )
    }

    /// Returns the source for a device before address translation.
    fn own(&self) -> String {
        place(self.source, "<SOURCE-ADDRESS>")
    }

    /// Returns the source as the cloud's side sees it. A private address is translated before it gets there.
    fn seen_by_cloud(&self) -> String {
        let public = |ip: &IpAddr| !is_private(*ip);
        place(
            self.source_after_nat.or_else(|| self.source.filter(public)),
            "<SOURCE-ADDRESS-AFTER-NAT>",
        )
    }

    fn on_server(&self) -> String {
        place(self.accepted_at, "<ADDRESS-OF-SERVER-HOST>")
    }
}

const EDGE: &str = "the cloud's edge";
const PATH: &str = "the firewall on the path";
const PRIORITY: &str = "with a smaller number than the priority of the rule that denies";

fn place(address: Option<IpAddr>, unknown: &str) -> String {
    address.map_or_else(|| unknown.to_owned(), |ip| ip.to_string())
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: Hosts = Hosts {
        source: Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3))),
        source_after_nat: None,
        destination: IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7)),
        accepted_at: None,
        port: 5901,
        port_on_server: Some(5901),
        client: String::new(),
        client_system: None,
    };

    fn path() -> Segment {
        Segment::Path {
            hop: None,
            address: None,
        }
    }

    #[test]
    fn every_snippet_has_a_place_to_fill_in_and_names_one_port() {
        for segment in [
            Segment::CloudEdge,
            Segment::ThisHost,
            Segment::ServerHost,
            path(),
        ] {
            let all = snippets(&segment, false, "fwprobe-5901-ipv4-1", &HOSTS);
            assert!(all.len() > 1, "{segment:?}");
            for snippet in all {
                let text = snippet.lines.join("\n");
                assert!(text.contains('<') && text.contains("5901"), "{snippet:?}");
                let fields = text.to_lowercase();
                let whole = [
                    "0.0.0.0",
                    "::/0",
                    "remoteip=any",
                    "delete",
                    "clear ",
                    "flush",
                    "policy",
                ];
                assert!(!whole.iter().any(|w| fields.contains(w)), "{snippet:?}");
            }
        }
        assert!(snippets(&Segment::Unknown, false, "n", &HOSTS).is_empty());
    }

    #[test]
    fn this_host_gets_rules_for_its_own_system_alone() {
        let systems = |client_system: Option<&str>, segment: &Segment| -> Vec<&'static str> {
            let hosts = Hosts {
                client: "head-1 (10.1.2.3)".to_owned(),
                client_system: client_system.map(str::to_owned),
                ..HOSTS
            };
            let all = snippets(segment, false, "fwprobe-5901-ipv4-1", &hosts);
            let mut devices = all.iter().map(|snippet| snippet.device.as_str());
            let of_client = *segment == Segment::ThisHost;
            assert!(devices.all(|device| (device == "head-1 (10.1.2.3)") == of_client));
            all.iter().map(|snippet| snippet.system).collect()
        };
        let windows = systems(Some("Windows 10.0.20348"), &Segment::ThisHost);
        assert_eq!(windows.len(), 2);
        assert!(windows.iter().all(|system| system.starts_with("Windows")));
        for linux in ["Linux", "Debian GNU/Linux 12 (bookworm)"] {
            assert_eq!(
                systems(Some(linux), &Segment::ThisHost),
                ["nftables", "ufw"]
            );
        }
        assert_eq!(systems(None, &Segment::ThisHost).len(), 4);
        // The system of the server's host is in no run.
        assert_eq!(systems(Some("Linux"), &Segment::ServerHost).len(), 4);
    }

    #[test]
    fn a_device_behind_a_translation_of_ports_is_asked_for_its_own_port() {
        let ports = |port_on_server| {
            let hosts = Hosts {
                port_on_server,
                ..HOSTS
            };
            let of = |segment: &Segment| hosts.seen_by(segment).2;
            (
                of(&Segment::CloudEdge),
                of(&Segment::ServerHost),
                of(&path()),
            )
        };
        let texts = |edge: &str, host: &str, path: &str| {
            (edge.to_owned(), host.to_owned(), path.to_owned())
        };
        assert_eq!(ports(Some(80)), texts("80", "80", "5901"));
        let unknown = "<PORT-ON-SERVER-HOST>";
        assert_eq!(ports(None), texts(unknown, unknown, "5901"));
    }

    #[test]
    fn a_private_address_is_no_source_for_the_cloud() {
        assert_eq!(HOSTS.own(), "10.1.2.3");
        assert_eq!(HOSTS.seen_by_cloud(), "<SOURCE-ADDRESS-AFTER-NAT>");
        let seen = Hosts {
            source_after_nat: "198.51.100.9".parse().ok(),
            ..HOSTS
        };
        assert_eq!(seen.seen_by_cloud(), "198.51.100.9");
    }
}
