//! The link matrix: links that lose, delay, reorder, duplicate or hold back packets, each once with every port open and
//! once with one port dropped.

use std::path::Path;

use anyhow::Context as _;
use toml::{Table, Value};

use super::{Family, Repeated, Scenario, Variant};

/// Returns two scenarios over `family` for each link of the matrix, each to be played `times`. The folder `scenarios`
/// contains the files.
///
/// # Errors
/// Fails if a file is missing, or is not a scenario.
pub fn links(scenarios: &Path, family: Family, times: usize) -> anyhow::Result<Vec<Repeated>> {
    let mut all = Vec::new();
    for link in LINKS {
        let file = scenarios.join(link).with_extension("toml");
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let table: Table = toml::from_str(&text)?;
        for (what, lines) in [("clean", CLEAN), ("a port dropped", DROPPED)] {
            let mut table = table.clone();
            laid_over(&mut table, toml::from_str(lines)?);
            let scenario: Scenario = table
                .try_into()
                .with_context(|| format!("{}, {what}", file.display()))?;
            all.push(Repeated {
                name: format!("{link}, {what}"),
                scenario,
                family,
                variant: Variant::Default,
                times,
            });
        }
    }
    Ok(all)
}

/// Replaces entries of `table` by the entries of `over`, and merges entries that are tables.
fn laid_over(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => laid_over(below, above),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

const LINKS: [&str; 7] = [
    "loss-of-3-percent",
    "loss-of-5-percent",
    "queue-of-two-seconds",
    "slow-line-of-64-kilobits",
    "delay-of-300-ms-and-jitter",
    "reordering-of-25-percent",
    "duplicates-of-30-percent",
];

/// The expectation with every port open: a link must not make a port look closed.
const CLEAN: &str = r#"
exit = 0
or-exit = []

[[expect]]
verdict = "reachable"
or = ["reachable-with-loss"]
perhaps = ["loss", "slow-path", "reordering"]
"#;

/// The expectation with one port dropped: a link must not turn the drop into another cause, or hide that the other
/// ports are open.
const DROPPED: &str = r#"
exit = 1
or-exit = [3]

[isp.chains]
edge = "tcp dport 5901 drop"

[[expect]]
ports = [5901]
verdict = "dropped"
or = ["inconclusive"]

[[expect]]
verdict = "reachable"
or = ["reachable-with-loss"]
perhaps = ["loss", "slow-path", "reordering"]
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_is_a_scenario_twice() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/lab/scenarios"));
        let all = links(folder, Family::Ipv4, 1).expect("the links");
        assert_eq!(all.len(), LINKS.len() * 2);
        let dropped = all.iter().filter(|one| one.scenario.exit == 1).count();
        assert_eq!(dropped, LINKS.len());
    }
}
