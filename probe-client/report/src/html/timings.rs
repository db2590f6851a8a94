//! Timings as bars: one bar per port, with a part for each step of the session.

use serde::Serialize;

use crate::duration::milliseconds;
use crate::rows::PortRow;

/// The bar of one port.
#[derive(Debug, Serialize)]
pub(super) struct Bar {
    parts: Vec<Part>,
    /// The times of the bar in words.
    words: String,
}

#[derive(Debug, Serialize)]
struct Part {
    /// The name of the step, which is also its class in the page's styles.
    step: &'static str,
    x: u64,
    width: u64,
}

/// Returns the bars of all ports, drawn to the same scale.
pub(super) fn bars(ports: &[PortRow]) -> Vec<Bar> {
    let longest = ports
        .iter()
        .map(|p| steps(p).iter().map(|(_, us)| us).sum::<u64>());
    let longest = longest.max().unwrap_or(0).max(1);
    ports.iter().map(|port| bar(port, longest)).collect()
}

fn bar(port: &PortRow, longest: u64) -> Bar {
    let steps = steps(port);
    let (mut parts, mut before) = (Vec::new(), 0);
    for (step, us) in &steps {
        let x = scaled(before, longest);
        before += us;
        let width = scaled(before, longest).saturating_sub(x).max(1);
        parts.push(Part { step, x, width });
    }
    let words: Vec<String> = steps
        .iter()
        .map(|(step, us)| format!("{step} {}", milliseconds(*us)))
        .collect();
    Bar {
        parts,
        words: words.join(", "),
    }
}

/// Returns the steps that were reached, with their times.
fn steps(port: &PortRow) -> Vec<(&'static str, u64)> {
    let timings = &port.timings;
    let steps = [
        ("proxy", timings.proxy_us),
        ("connect", timings.connect_us),
        ("tls", timings.tls_us),
        ("greeting", timings.testimony_us),
        ("payload", timings.exchange_us),
    ];
    let reached = |(step, us): (&'static str, Option<u64>)| Some((step, us?));
    steps.into_iter().filter_map(reached).collect()
}

fn scaled(us: u64, longest: u64) -> u64 {
    us.saturating_mul(FULL) / longest
}

/// The width of the longest bar.
const FULL: u64 = 160;
