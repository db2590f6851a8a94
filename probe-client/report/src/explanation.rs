//! The full explanation of one row as plain text, for formats that have one field for it.

use crate::fact::labelled;
use crate::rows::PortRow;

/// Returns claim, expectation, place, evidence, next step, logs and findings, each on a line of its own.
pub(crate) fn explanation(port: &PortRow) -> String {
    let mut lines = vec![format!("{}: {}", port.verdict.id, port.verdict.claim)];
    lines.push(expectation(&port.expected, port.contradiction));
    if port.verdict.segment != "none" {
        let confidence = port.verdict.confidence;
        lines.push(format!(
            "where: {} (confidence {confidence})",
            port.verdict.place
        ));
    }
    lines.extend(port.verdict.evidence.iter().map(|fact| {
        let (label, fact) = labelled(fact);
        format!("{label}: {fact}")
    }));
    lines.extend(
        port.verdict
            .next_step
            .iter()
            .map(|step| format!("next: {step}")),
    );
    lines.extend(
        port.verdict
            .logs
            .iter()
            .map(|logged| format!("logs: {logged}")),
    );
    for finding in &port.findings {
        let detail = finding.detail.as_ref();
        let detail = detail.map_or_else(String::new, |d| format!(" ({d})"));
        lines.push(format!("noted: {}: {}{detail}", finding.id, finding.claim));
    }
    lines.push(format!("more: fwprobe explain {}", port.verdict.id));
    lines.join("\n")
}

/// Returns what the rule expects, and how the result contradicts it.
pub(crate) fn expectation(expected: &str, contradiction: Option<&str>) -> String {
    match contradiction {
        None => format!("expected {expected}"),
        // It names the expectation itself.
        Some(contradiction) => contradiction.to_owned(),
    }
}
