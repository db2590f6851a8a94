//! The traffic to look for in the logs of devices on the path: source, destination and time of a probe.

use jiff::Timestamp;
use probe_core::catalogue::VerdictId;
use probe_core::measurement::{Measurement, egress_address, seen_as, source_address};

use crate::{Probe, RunDocument};

/// Returns whether packets of `probe` left this host.
pub fn was_sent(probe: &Probe) -> bool {
    let nowhere = matches!(
        probe.verdict.id,
        VerdictId::NameNotResolved | VerdictId::NoRoute
    );
    !nowhere && (probe.measurement.address.is_some() || probe.measurement.proxy.is_some())
}

/// Returns the traffic to look for in the logs of devices on the path, for `probes` of one server and path.
///
/// `None` if nothing was sent, or if the time is unknown.
pub fn in_logs(document: &RunDocument, probes: &[&Probe]) -> Option<String> {
    let first = &probes.first()?.measurement;
    let alike = |p: &&Probe| p.measurement.same_server(first);
    if !probes.iter().all(|p| was_sent(p) && alike(p)) {
        return None;
    }
    let source = source_address(first, of_server(document, first), &document.host.addresses);
    let seen = seen_as(first, of_server(document, first), source);
    let source = source.map_or_else(|| "this host".to_owned(), |ip| ip.to_string());
    let through = first.path.proxy().map_or_else(String::new, |proxy| {
        format!(
            "{proxy}, and from {} to ",
            source_at_server(document, first)
        )
    });
    let host = first
        .server()
        .map_or_else(|| first.host.clone(), |ip| ip.to_string());
    let (plural, ports) = ports(probes);
    Some(format!(
        "TCP from {source}{seen} to {through}{host}, port{plural} {ports}, {}",
        span(document, probes)?
    ))
}

/// Returns in words the address from which connections over the path of `measurement` reach the server: this host's
/// address, or the proxy's outgoing one, which is the only one that firewalls beyond the proxy see.
pub fn source_at_server(document: &RunDocument, measurement: &Measurement) -> String {
    let all = || of_server(document, measurement);
    if measurement.path.proxy().is_some() {
        return match egress_address(measurement, all()) {
            Some(address) => format!("{address} (the proxy, as the server saw it)"),
            None => "the proxy's outgoing address (not known)".to_owned(),
        };
    }
    let source = source_address(measurement, all(), &document.host.addresses);
    source.map_or_else(|| "this host".to_owned(), |ip| ip.to_string())
}

/// Returns the measurements of the same server over the same path as `measurement`.
fn of_server<'a>(
    document: &'a RunDocument,
    measurement: &'a Measurement,
) -> impl Iterator<Item = &'a Measurement> {
    let all = document.probes.iter().map(|p| &p.measurement);
    let all = all.chain(&document.reference_probes);
    all.filter(|m| m.same_server(measurement))
}

fn ports(probes: &[&Probe]) -> (&'static str, String) {
    let mut ports: Vec<u16> = probes
        .iter()
        .map(|p| p.measurement.port_dialled())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    let plural = if ports.len() == 1 { "" } else { "s" };
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    (plural, ports.join(", "))
}

/// Returns the time span from the first packet to the last, in UTC with whole seconds, as in most logs.
fn span(document: &RunDocument, probes: &[&Probe]) -> Option<String> {
    let started: Timestamp = document.run.started.parse().ok()?;
    let at = |us: u64| {
        let after = jiff::SignedDuration::from_micros(i64::try_from(us).ok()?);
        started.checked_add(after).ok()
    };
    let timings = || probes.iter().map(|p| &p.timings);
    let first = at(timings().map(|t| t.started_us).min()?)?;
    let ended = timings().map(|t| {
        t.started_us
            .saturating_add(t.whole_us.unwrap_or(t.total_us))
    });
    let last = at(ended.max()?)?;
    if first.as_second() == last.as_second() {
        return Some(format!("{} UTC", first.strftime("%F %T")));
    }
    let of_day = if first.strftime("%F").to_string() == last.strftime("%F").to_string() {
        "%T"
    } else {
        "%F %T"
    };
    Some(format!(
        "{} to {} UTC",
        first.strftime("%F %T"),
        last.strftime(of_day)
    ))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn recorded(text: &str) -> RunDocument {
        crate::judge_again(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn source_destination_and_time_are_named() {
        let document = recorded(include_str!("../../core/tests/scenarios/dropped.json"));
        let dropped = |p: &&Probe| p.verdict.id == VerdictId::Dropped;
        let probes: Vec<&Probe> = document.probes.iter().filter(dropped).collect();
        let told = in_logs(&document, &probes).unwrap();
        insta::assert_snapshot!(told);
    }

    #[test]
    fn of_several_addresses_none_is_guessed() {
        let mut document = recorded(include_str!("../../core/tests/scenarios/dropped.json"));
        for probe in &mut document.probes {
            probe.measurement.local = None;
        }
        document.reference_probes.clear();
        let server = document.probes[0].measurement.server().unwrap();
        let own = |last: u8| match server {
            IpAddr::V4(_) => IpAddr::from([192, 0, 2, last]),
            IpAddr::V6(_) => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)]),
        };
        let probe = &document.probes[0].measurement;
        let none = || std::iter::empty();
        assert_eq!(source_address(probe, none(), &[own(1)]), Some(own(1)));
        assert_eq!(source_address(probe, none(), &[own(1), own(2)]), None);
    }

    #[test]
    fn what_sent_nothing_is_in_no_log() {
        let document = recorded(include_str!(
            "../../core/tests/scenarios/name-not-resolved.json"
        ));
        let probes: Vec<&Probe> = document.probes.iter().take(1).collect();
        assert_eq!(in_logs(&document, &probes), None);
    }
}
