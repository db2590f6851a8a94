//! Writes the answer of many nodes as samples for Prometheus: a few series for the whole site, none for a single node.

use std::collections::BTreeMap;

use probe_core::judge::Outcome;
use probe_core::profile::AddressFamily;
use probe_documents::merge::MergeDocument;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Exposition, OUTCOMES, PREFIX, name};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NodesLabel {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct RuleLabels {
    rule: String,
    path: String,
    /// `ipv4` or `ipv6`; empty if only a proxy knows the server's address.
    family: &'static str,
    state: &'static str,
}

impl Exposition {
    /// Returns the samples of the answer of many nodes.
    pub fn of_merge(self, merge: &MergeDocument) -> String {
        let mut registry = Registry::with_prefix(PREFIX);
        register_nodes(&mut registry, merge);
        register_rules(&mut registry, merge);
        self.written(&registry)
    }
}

fn register_nodes(registry: &mut Registry, merge: &MergeDocument) {
    let summary = merge.summary;
    let nodes: Family<NodesLabel, Gauge> = Family::default();
    for (state, count) in [
        (name(Outcome::AsExpected), summary.as_expected),
        (name(Outcome::NotAsExpected), summary.not_as_expected),
        (name(Outcome::Undecided), summary.undecided),
        ("missing", summary.missing),
    ] {
        nodes.get_or_create(&NodesLabel { state }).set(whole(count));
    }
    let help = "Nodes, by the outcome of the newest run of each";
    registry.register("site_nodes", help, nodes);
    let groups: Gauge = Gauge::default();
    groups.set(whole(merge.groups.len()));
    let help = "Groups of nodes with the same answer";
    registry.register("site_groups", help, groups);
    let unread: Gauge = Gauge::default();
    unread.set(whole(summary.unread));
    let help = "Files that are not runs or could not be read";
    registry.register("site_files_unread", help, unread);
}

fn register_rules(registry: &mut Registry, merge: &MergeDocument) {
    let mut counts: BTreeMap<RuleLabels, usize> = BTreeMap::new();
    for group in &merge.groups {
        for row in &group.rows {
            for outcome in OUTCOMES {
                let labels = RuleLabels {
                    rule: row.question.rule.to_string(),
                    path: row.question.path.clone(),
                    family: row.question.family.map_or("", AddressFamily::name),
                    state: name(outcome),
                };
                let counted = if row.outcome == outcome {
                    group.nodes.count
                } else {
                    0
                };
                *counts.entry(labels).or_default() += counted;
            }
        }
    }
    let rules: Family<RuleLabels, Gauge> = Family::default();
    for (labels, count) in counts {
        rules.get_or_create(&labels).set(whole(count));
    }
    let help = "Nodes, by the outcome of one rule over one path";
    registry.register("site_rule_nodes", help, rules);
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use probe_documents::merge::{Merge, unfold};

    use super::*;
    use crate::recorded;

    #[test]
    fn the_series_do_not_depend_on_the_number_of_nodes() {
        let samples = |nodes: usize| {
            let mut merge = Merge::default();
            let mut run = recorded::DROPPED.read();
            for number in 1..=nodes {
                run.host.name = Some(format!("n{number}"));
                let run = serde_json::to_string(&run).unwrap();
                let run = serde_json::from_str(&run).unwrap();
                merge.add(&format!("{number}.json"), &run);
            }
            let expected = unfold("n[1-10],head").unwrap();
            let merged = merge.merged(Some(&expected));
            let text = Exposition::Classic.of_merge(&merged);
            let samples = text.lines().filter(|line| !line.starts_with('#'));
            let mut samples: Vec<String> = samples.map(str::to_owned).collect();
            samples.sort_unstable();
            samples
        };
        let (few, many) = (samples(3), samples(10));
        assert_eq!(few.len(), many.len());
        for sample in [
            "fwprobe_site_nodes{state=\"not_as_expected\"} 10",
            "fwprobe_site_nodes{state=\"missing\"} 1",
            "fwprobe_site_groups 1",
            "fwprobe_site_files_unread 0",
            "fwprobe_site_rule_nodes{rule=\"port-5902-nettcp\",path=\"direct\",family=\"ipv4\",\
             state=\"not_as_expected\"} 10",
            "fwprobe_site_rule_nodes{rule=\"port-443-https\",path=\"direct\",family=\"ipv4\",\
             state=\"as_expected\"} 10",
        ] {
            assert!(many.iter().any(|line| line == sample), "{many:#?}");
        }
    }
}
