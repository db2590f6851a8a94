//! The reason why a request asks for nothing, and what to do about it.

use std::collections::BTreeSet;

use probe_core::catalogue::VerdictId;
use probe_core::control_record::CONTROL_PORT_RULE;
use probe_core::judge::Outcome;
use probe_core::measurement::Measurement;
use probe_documents::traffic::source_at_server;
use probe_documents::{Probe, RunDocument};

use super::expects_open;

/// Returns the reason why nothing is asked for after the run of `document`.
pub(super) fn why(document: &RunDocument) -> String {
    let probes = &document.probes;
    let unreachable = |p: &&Probe| p.verdict.id == VerdictId::ServerUnreachable && expects_open(p);
    let unreachable: Vec<&Probe> = probes.iter().filter(unreachable).collect();
    if !unreachable.is_empty() {
        return nothing_came_back(document, &unreachable);
    }
    if !probes.is_empty() && !probes.iter().any(expects_open) {
        return "every rule of this run expects its port to be blocked, and a request asks for \
                ports to be opened. To ask for those that should be open, run the profile without \
                expectations of `blocked` (--expect) first"
            .to_owned();
    }
    if probes.iter().all(|p| p.outcome == Outcome::AsExpected) {
        return "every port that should be open is open".to_owned();
    }
    "no policy was seen to block a port that should be open; the reasons are below".to_owned()
}

/// Returns the reason if a server gave no answer on any port: a firewall that lets nothing
/// through looks like a server that is down.
fn nothing_came_back(document: &RunDocument, probes: &[&Probe]) -> String {
    let mut needed: Vec<String> = Vec::new();
    for of_one in super::super::failure::by_server(probes) {
        let Some(first) = of_one.first() else {
            continue;
        };
        let m = &first.measurement;
        let source = source_at_server(document, m);
        let server = super::super::port::server(&m.host, m.server(), &m.path);
        let mut ports: Vec<String> = Vec::new();
        for port in of_one
            .iter()
            .map(|p| p.measurement.port_dialled().to_string())
        {
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        needed.push(format!(
            "TCP from {source} to {server}, ports {}",
            ports.join(", ")
        ));
    }
    format!(
        "no port of the echo server gave an answer. A firewall that lets nothing through looks \
         exactly like a server that is down, so this run is no evidence for a request. Make sure \
         first that the echo server runs (`systemctl status fwprobe-echo` on its host, or a run \
         from another network), then ask for its control port only ({}), and run again: once one \
         port works, the request can name the other ports with evidence. What this run needed: {}",
        control_port(document, probes),
        needed.join("; ")
    )
}

/// Returns the control port of the servers of `probes` as the run dialled it, or its usual number.
fn control_port(document: &RunDocument, probes: &[&Probe]) -> String {
    let same_server = |m: &&Measurement| probes.iter().any(|p| p.measurement.same_server(m));
    let of_control = |m: &&Measurement| m.rule.id.as_str() == CONTROL_PORT_RULE;
    let all = document.reference_probes.iter();
    let dialled: BTreeSet<u16> = all
        .filter(of_control)
        .filter(same_server)
        .map(Measurement::port_dialled)
        .collect();
    if dialled.is_empty() {
        return "8443 unless its configuration says otherwise".to_owned();
    }
    let ports: Vec<String> = dialled.iter().map(ToString::to_string).collect();
    ports.join(", ")
}
