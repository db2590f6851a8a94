//! Parts that all tables of a report share: servers as headings, outcomes as words, cells cut to their width.

use std::net::IpAddr;

use probe_core::document::{Outcome, Probe, RunDocument};
use probe_core::measurement::Measurement;
use probe_core::path::NetworkPath;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::paint::Tone;

/// The target of a measurement: the server as one path leads to it.
pub(super) type Server<'a> = (&'a str, Option<IpAddr>, &'a NetworkPath);

/// Returns the server that `measurement` went to.
pub(super) fn server(measurement: &Measurement) -> Server<'_> {
    (&measurement.host, measurement.server(), &measurement.path)
}

/// Returns the heading over a server's rows.
pub(super) fn title((host, address, path): Server<'_>) -> String {
    let title = match address {
        Some(address) if address.to_string() != host => format!("{host} [{address}]"),
        Some(_) | None => host.to_owned(),
    };
    match path {
        NetworkPath::Direct => title,
        NetworkPath::Proxy(proxy) => format!("{title} through {proxy}"),
    }
}

/// Returns `text`, cut to `width` with an ellipsis if it is too long.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        if short.width() + character.width().unwrap_or(0) + 1 > width {
            break;
        }
        short.push(character);
    }
    short.push('…');
    short
}

/// Returns the ports of the probes that `include` accepts, each once.
pub(super) fn ports(document: &RunDocument, include: impl Fn(&Probe) -> bool) -> String {
    let mut ports: Vec<String> = Vec::new();
    for probe in document.probes.iter().filter(|p| include(p)) {
        let rule = &probe.measurement.rule;
        let port = format!("{}/{}", rule.port, rule.session);
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports.join(", ")
}

/// Returns the word and the colour for a probe. A probe that is as expected but needs an explanation is not green.
pub(super) fn mark(probe: &Probe) -> (&'static str, Tone) {
    let (word, tone) = outcome(probe.outcome);
    if probe.outcome == Outcome::AsExpected && probe.needs_a_word() {
        return (word, Tone::Undecided);
    }
    (word, tone)
}

/// Returns the word and the colour for an outcome.
pub(super) fn outcome(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::AsExpected => ("ok", Tone::Good),
        Outcome::NotAsExpected => ("FAIL", Tone::Bad),
        Outcome::Undecided => ("?", Tone::Undecided),
    }
}

/// The space between two columns.
pub(super) const GAP: &str = "  ";
