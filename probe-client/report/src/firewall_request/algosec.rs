//! Writes a firewall request for AlgoSec FireFlow: an array of bodies for `POST /FireFlow/api/change-requests/traffic`,
//! one for each address family, since FireFlow has a template for each.
//!
//! Names of fields: AlgoSec Security Management Suite A33.00, API guide, "Create a traffic change request".

use std::io::{self, Write};

use serde::Serialize;

use crate::json;
use crate::rows::{AskedRow, Report};

/// The body of one request.
#[derive(Serialize)]
struct ChangeRequest {
    template: &'static str,
    fields: [Field; 2],
    traffic: Vec<TrafficLine>,
}

#[derive(Serialize)]
struct Field {
    name: &'static str,
    values: [String; 1],
}

/// One connection that should be allowed.
#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TrafficLine {
    source: Items<Address>,
    destination: Items<Address>,
    service: Items<Service>,
    application: Items<Name>,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nat_details: Option<NatDetails>,
}

#[derive(PartialEq, Serialize)]
struct Items<T> {
    items: [T; 1],
}

#[derive(PartialEq, Serialize)]
struct Address {
    address: String,
}

#[derive(PartialEq, Serialize)]
struct Service {
    service: String,
}

#[derive(PartialEq, Serialize)]
struct Name {
    name: &'static str,
}

/// The addresses after translation, as far as they are known.
#[derive(PartialEq, Serialize)]
struct NatDetails {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destination: Vec<String>,
}

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut requests = Vec::new();
    for (family, template) in TEMPLATES {
        requests.extend(request(report, family, template)?);
    }
    json::pretty(&requests, out)
}

/// Returns the request for one address family, if there is something to ask for.
fn request(
    report: &Report,
    family: &str,
    template: &'static str,
) -> io::Result<Option<ChangeRequest>> {
    let mut traffic = Vec::new();
    let rows = report.request.asked.iter();
    for row in rows.filter(|row| row.family == family && is_on_the_network(row)) {
        let line = TrafficLine::of(row);
        if !traffic.contains(&line) {
            traffic.push(line);
        }
    }
    if traffic.is_empty() {
        return Ok(None);
    }
    let subject = match traffic.len() {
        1 => format!("Allow 1 {family} connection: {}", report.run.what),
        count => format!("Allow {count} {family} connections: {}", report.run.what),
    };
    let fields = [
        field("subject", subject),
        field("Change Request Description", description(report, family)?),
    ];
    Ok(Some(ChangeRequest {
        template,
        fields,
        traffic,
    }))
}

/// Returns whether a firewall on the network blocks the connection. FireFlow does not change the firewalls of hosts,
/// and a proxy's policy is not a rule with addresses.
fn is_on_the_network(row: &AskedRow) -> bool {
    !matches!(row.verdict.segment, "proxy" | "this-host" | "server-host")
}

/// Returns the whole request of one family as text, with blanks for people to fill in.
fn description(report: &Report, family: &str) -> io::Result<String> {
    let mut of_family = report.clone();
    of_family.request.asked.retain(|row| row.family == family);
    let mut text = Vec::new();
    super::write_text(&of_family, &mut text)?;
    String::from_utf8(text).map_err(io::Error::other)
}

const fn field(name: &'static str, value: String) -> Field {
    Field {
        name,
        values: [value],
    }
}

impl TrafficLine {
    fn of(row: &AskedRow) -> Self {
        let address = |address: String| Items {
            items: [Address { address }],
        };
        let source = row.source.map(|ip| ip.to_string());
        Self {
            source: address(source.unwrap_or_else(|| "<SOURCE-ADDRESS>".to_owned())),
            destination: address(row.destination.to_string()),
            service: Items {
                items: [Service {
                    service: format!("tcp/{}", row.port),
                }],
            },
            application: Items {
                items: [Name { name: "any" }],
            },
            action: "Allow",
            nat_details: NatDetails::of(row),
        }
    }
}

impl NatDetails {
    fn of(row: &AskedRow) -> Option<Self> {
        let translated = row.source_after_nat.filter(|_| row.is_translated());
        let source: Vec<String> = translated.iter().map(ToString::to_string).collect();
        let destination: Vec<String> = row
            .destination_after_nat
            .iter()
            .map(ToString::to_string)
            .collect();
        let translated = !source.is_empty() || !destination.is_empty();
        translated.then_some(Self {
            source,
            destination,
        })
    }
}

/// The templates that FireFlow is delivered with, one for each address family.
const TEMPLATES: [(&str, &str); 2] = [
    ("IPv4", "Basic Change Traffic Request"),
    ("IPv6", "170: Traffic Change Request (IPv6)"),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::recorded;

    fn requests(run: &recorded::Recorded) -> Vec<Value> {
        let text = recorded::written(|out| write(&Report::of(&run.read()), out));
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn each_blocked_connection_is_one_line_of_traffic() {
        let requests = requests(recorded::THREE_FAULTS);
        assert_eq!(requests.len(), 1, "the run is of one address family");
        let traffic = requests[0]["traffic"].as_array().unwrap();
        let line = |port: &str| {
            let of_port = |line: &&Value| line["service"]["items"][0]["service"] == port;
            traffic.iter().find(of_port)
        };
        assert_eq!(traffic.len(), 2);
        let line = line("tcp/3389").unwrap();
        assert_eq!(line["source"]["items"][0]["address"], "10.73.1.2");
        assert_eq!(line["destination"]["items"][0]["address"], "10.73.3.2");
        assert_eq!(line["action"], "Allow");
        let description = &requests[0]["fields"][1]["values"][0];
        let description = description.as_str().unwrap();
        assert!(description.contains("Requester:  ") && description.contains("443/https"));
    }

    #[test]
    fn a_proxy_and_a_host_are_not_asked_for() {
        for run in [recorded::THROUGH_PROXIES, recorded::BLOCKED_ON_THIS_HOST] {
            assert!(
                !Report::of(&run.read()).request.asked.is_empty(),
                "{}",
                run.name
            );
            assert!(requests(run).is_empty(), "{}", run.name);
        }
    }
}
