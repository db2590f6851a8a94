//! The full explanation of one row as plain text, for formats that have one field for it.

use crate::rows::PortRow;

/// Returns claim, place, evidence, next step, logs and findings, each on a line of its own.
pub(crate) fn explanation(port: &PortRow) -> String {
    let mut lines = vec![format!("{}: {}", port.verdict.id, port.verdict.claim)];
    if let Some(contradiction) = port.contradiction {
        lines.push(contradiction.to_owned());
    }
    if port.verdict.segment != "none" {
        let confidence = port.verdict.confidence;
        lines.push(format!(
            "where: {} (confidence {confidence})",
            port.verdict.place
        ));
    }
    lines.extend(
        port.verdict
            .evidence
            .iter()
            .map(|fact| format!("seen: {fact}")),
    );
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
