//! Plays a scenario of the lab again and again, with the client's own patience, and prints what each run
//! said and took, as root, who makes the hosts:
//!
//!     cargo run -p fwprobe-tests --example repeat -- tests/lab/scenarios/open.toml ipv4 20

#![expect(clippy::print_stdout, reason = "an example prints its figures")]

use std::path::Path;

use anyhow::{Context as _, bail};
use fwprobe_tests::lab::{Family, timed};
use probe_core::document::RunDocument;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context(USAGE);
    let (file, family, times) = (next()?, next()?, next()?);
    let family = match family.as_str() {
        "ipv4" => Family::Ipv4,
        "ipv6" => Family::Ipv6,
        other => bail!("{other:?} is neither ipv4 nor ipv6; {USAGE}"),
    };
    let times: u32 = times.parse().context(USAGE)?;
    let mut longest = 0.0_f64;
    for number in 1..=times {
        let timed = timed(Path::new(&file), family, None)?;
        let document = timed.run.document()?;
        let took = timed.took.as_secs_f64();
        longest = longest.max(took);
        println!(
            "{number:>3} {took:>6.1} s  exit {}  {}",
            document.summary.exit_code,
            said(document)
        );
        if let Ok(folder) = std::env::var("FWPROBE_KEEP") {
            let name = format!("{folder}/{number}.json");
            std::fs::write(&name, serde_json::to_vec_pretty(document)?).context(name)?;
        }
    }
    println!("longest: {longest:.1} s");
    Ok(())
}

/// Port by port.
fn said(document: &RunDocument) -> String {
    let probes = document.probes.iter();
    let probes = probes.map(|probe| {
        let findings: Vec<String> = probe.findings.iter().map(|f| f.id.to_string()).collect();
        let rule = &probe.measurement.rule;
        format!("{}={}[{}]", rule.port, probe.verdict.id, findings.join(","))
    });
    probes.collect::<Vec<_>>().join(" ")
}

const USAGE: &str = "usage: repeat SCENARIO ipv4|ipv6 TIMES";
