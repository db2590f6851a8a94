//! Judges every run document in `scenarios/` anew, and compares the verdicts and their text with the snapshot of the
//! same name. A bug report becomes a file there.

use std::fmt::Write as _;

use probe_documents::{RunDocument, judge_again};

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the scenarios are files; the core itself reads none"
)]
fn every_scenario_is_judged_as_recorded() {
    insta::glob!("scenarios/*.json", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let document: RunDocument = serde_json::from_str(&text).unwrap();
        insta::assert_snapshot!(verdicts(&judge_again(document)).unwrap());
    });
}

fn verdicts(document: &RunDocument) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    for probe in &document.probes {
        let (m, v) = (&probe.measurement, &probe.verdict);
        let to = m.address.map_or_else(|| m.host.clone(), |a| a.to_string());
        writeln!(out, "{}/{} to {to}", m.rule.port, m.rule.session)?;
        writeln!(out, "  {} at {} ({:?})", v.id, v.segment, v.confidence)?;
        writeln!(out, "  claim: {}", v.claim)?;
        for fact in &v.evidence {
            writeln!(out, "  seen:  {fact}")?;
        }
        if let Some(step) = &v.next_step {
            writeln!(out, "  next:  {step}")?;
        }
        for finding in &probe.findings {
            let detail = finding.detail.as_deref().unwrap_or("-");
            writeln!(out, "  note:  {}: {} ({detail})", finding.id, finding.claim)?;
        }
    }
    writeln!(out, "exit {}", document.summary.exit_code)?;
    Ok(out)
}
