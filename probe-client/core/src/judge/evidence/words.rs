//! Puts the evidence into words, for claims and reports.

use std::collections::BTreeSet;

use super::super::words::duration;
use super::Evidence;
use crate::measurement::{Measurement, egress_address, seen_as, source_address};
use crate::observation::{FailureKind, Operation, Origin};
use crate::path::authority;

impl<'a> Evidence<'a> {
    /// Returns the target, for example `203.0.113.7:443`, or the host if there is no address.
    pub fn target(&self) -> String {
        match (&self.probe.address, &self.probe.proxy) {
            (Some(address), _) => address.to_string(),
            (None, Some(proxy)) => authority(&proxy.host_asked, proxy.port_asked),
            (None, None) => self.probe.host.clone(),
        }
    }

    /// Returns the flow that a rule has to let through, replies included, for example `TCP from 10.0.0.4 to
    /// 203.0.113.7:443`. Through a proxy it is two flows, each with the addresses that firewalls see there. Behind a
    /// NAT, it names the address that the cloud's firewalls see too.
    pub fn flow(&self) -> String {
        let (source, target) = (self.source(), self.target());
        match self.proxy() {
            None => format!("TCP from {source}{} to {target}", self.seen_as()),
            Some(proxy) => format!(
                "TCP from {} to the proxy {}, and from {source} to {target}",
                self.client(),
                proxy.authority()
            ),
        }
    }

    /// Returns the address from which connections to the server come: this host's, or the proxy's outgoing one.
    pub fn source(&self) -> String {
        if self.proxy().is_none() {
            return self.client();
        }
        match egress_address(self.probe, self.same_server.iter().copied()) {
            Some(address) => {
                format!("{address} (the proxy's outgoing address, as the server saw it)")
            }
            None => {
                "the proxy's outgoing address (fwprobe does not know it: no session through it \
                     reached the server)"
                    .to_owned()
            }
        }
    }

    /// Returns a note on the address under which the server saw this host; empty if that is the host's own address.
    pub fn seen_as(&self) -> String {
        let same_server = || self.same_server.iter().copied();
        let source = source_address(self.probe, same_server(), self.own_addresses);
        seen_as(self.probe, same_server(), source)
    }

    /// Returns the address from which this probe left, or `this host` if that is not known.
    pub fn client(&self) -> String {
        let same_server = self.same_server.iter().copied();
        source_address(self.probe, same_server, self.own_addresses)
            .map_or_else(|| "this host".to_owned(), |ip| ip.to_string())
    }

    /// Returns the server's address, for example `203.0.113.7`, or the host if there is no address.
    pub fn server_named(&self) -> String {
        let address = self.probe.server();
        address.map_or_else(|| self.probe.host.clone(), |ip| ip.to_string())
    }

    /// Returns the commands that show the firewall rules of the server's host for the probe's IP family.
    pub fn commands_for_host_rules(&self) -> &'static str {
        if self.probe.server().is_some_and(|ip| ip.is_ipv6()) {
            "`nft list ruleset`, `ip6tables -S`"
        } else {
            "`nft list ruleset`, `iptables -S`"
        }
    }

    /// Returns the observation of the failure, in words.
    pub fn seen(&self) -> Option<String> {
        let observation = self
            .probe
            .observations
            .iter()
            .find(|o| o.failure.is_some())?;
        let failure = observation.failure.as_ref()?;
        let mut text = format!(
            "{} with {}: {} after {}",
            observation.operation.describe(),
            observation.target,
            how(observation.operation, failure.kind),
            duration(observation.duration_us)
        );
        if let Origin::Icmp {
            sender,
            icmp_type,
            code,
        } = failure.origin
        {
            // The system's own text says less, and may say something else, for example of a route.
            text.push_str(&format!(
                ", ICMP type {icmp_type} code {code} from {sender}"
            ));
        } else if let Some(said) = &failure.text {
            text.push_str(&format!(" ({})", plain(said)));
        }
        Some(text)
    }

    /// Says in words that the same port works over other paths; `None` if it does not work over any.
    pub fn other_paths_work(&self) -> Option<String> {
        let rule = &self.probe.rule.id;
        let paths = paths_of(
            self.proved_over_other_paths()
                .filter(|m| m.rule.id == *rule),
        )?;
        Some(format!(
            "the same server proved itself on this port over the path {paths}"
        ))
    }

    /// Says in words that some port works over other paths; `None` if none does.
    pub fn other_paths_lead_there(&self) -> Option<String> {
        let paths = paths_of(self.proved_over_other_paths())?;
        Some(format!(
            "a server of this name proved itself over the path {paths}"
        ))
    }

    /// Says in words that this port works over other paths, or else that some port does.
    pub fn works_over_other_paths(&self) -> Option<String> {
        self.other_paths_work()
            .or_else(|| self.other_paths_lead_there())
    }

    /// Says in words that other ports of the same server work; `None` if none does.
    pub fn others_work(&self) -> Option<String> {
        let ports = self.working_ports();
        match ports.as_slice() {
            [] => None,
            [one] => Some(format!(
                "the same server proved itself on port {one} in this run"
            )),
            many => {
                let listed: Vec<String> = many.iter().map(ToString::to_string).collect();
                let listed = listed.join(", ");
                Some(format!(
                    "the same server proved itself on ports {listed} in this run"
                ))
            }
        }
    }
}

/// Returns in words how `operation` failed.
fn how(operation: Operation, kind: FailureKind) -> &'static str {
    match (operation, kind) {
        // The system reports an RST that answers the SYN as a refusal.
        (Operation::Connect | Operation::ProxyConnect, FailureKind::Reset) => {
            "completed, and the connection was then reset,"
        }
        (_, kind) => kind.describe(),
    }
}

/// Returns the different paths in words; `None` if there are none.
fn paths_of<'a>(measured: impl Iterator<Item = &'a Measurement>) -> Option<String> {
    let paths: BTreeSet<String> = measured.map(|m| m.path.to_string()).collect();
    let paths: Vec<String> = paths.into_iter().collect();
    (!paths.is_empty()).then(|| paths.join(", "))
}

/// Returns the text of an error without the address of the TLS library's manual, which the document contains.
fn plain(text: &str) -> &str {
    text.find(": https://docs.rs/")
        .map_or(text, |end| &text[..end])
}
