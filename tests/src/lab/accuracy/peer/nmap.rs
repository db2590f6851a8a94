//! Reads nmap's XML.

use std::net::IpAddr;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::super::statement::{Claim, Statement};
use super::{Errand, Output};

#[derive(Debug, Default)]
struct Port {
    number: u16,
    state: String,
    reason: String,
    /// The hop limit of the answer as it arrived; 0 if it is not known.
    hop_limit: u8,
    by: Option<IpAddr>,
}

pub(super) fn read(outputs: &[Output], errand: &Errand) -> Statement {
    let [output] = outputs else {
        return Claim::Unclear.anywhere();
    };
    let ports = ports(&output.stdout);
    let (own, others): (Vec<_>, Vec<_>) = ports.iter().partition(|port| port.number == errand.port);
    let working = others.iter().find(|port| port.state == "open");
    match own.first() {
        _ if output.stderr.contains("Operation not permitted") => Claim::NotPermitted.anywhere(),
        Some(port) => {
            let mut statement = port.statement(working.map(|port| port.hop_limit));
            // nmap omits the sender of an ICMP error if that is the target itself.
            if statement.at.is_none() && port.hop_limit > 0 {
                statement.at = Some(errand.address);
            }
            statement
        }
        None if output.stderr.contains("failed to determine route") => Claim::NoRoute.anywhere(),
        None => Claim::Unclear.anywhere(),
    }
}

impl Port {
    fn statement(&self, working: Option<u8>) -> Statement {
        let elsewhere =
            working.is_some_and(|hops| hops > 0 && self.hop_limit > 0 && hops != self.hop_limit);
        let said = match (self.state.as_str(), self.reason.as_str()) {
            ("open", _) if elsewhere => Claim::OpenElsewhere,
            ("open", _) => Claim::Open,
            ("closed", _) if elsewhere => Claim::RefusedElsewhere,
            ("closed", _) => Claim::Refused,
            ("filtered", "admin-prohibited" | "host-prohibited" | "net-prohibited") => {
                Claim::Prohibited
            }
            ("filtered", "host-unreach" | "net-unreach") => Claim::FilteredUnreachable,
            ("filtered", _) => Claim::NoAnswer,
            _ => Claim::Unclear,
        };
        Statement { said, at: self.by }
    }
}

fn ports(xml: &str) -> Vec<Port> {
    let mut reader = Reader::from_str(xml);
    let mut ports: Vec<Port> = Vec::new();
    // Reading stops at XML that is not well-formed, and keeps what came before.
    while let Ok(event) = reader.read_event() {
        let (Event::Start(element) | Event::Empty(element)) = event else {
            if event == Event::Eof {
                break;
            }
            continue;
        };
        match element.name().as_ref() {
            "port" => ports.push(Port {
                number: attribute(&element, "portid").parse().unwrap_or(0),
                ..Port::default()
            }),
            "state" => {
                if let Some(port) = ports.last_mut() {
                    port.state = attribute(&element, "state");
                    port.reason = attribute(&element, "reason");
                    port.hop_limit = attribute(&element, "reason_ttl").parse().unwrap_or(0);
                    port.by = attribute(&element, "reason_ip").parse().ok();
                }
            }
            _ => {}
        }
    }
    ports
}

/// Returns the value of an attribute; empty if there is none.
fn attribute(element: &BytesStart<'_>, name: &str) -> String {
    match element.try_get_attribute(name) {
        Ok(Some(attribute)) => attribute.value.into_owned(),
        Ok(None) | Err(_) => String::new(),
    }
}
