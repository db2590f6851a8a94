//! Writes the run documents of a cluster: many nodes with a few answers, some nodes that differ, and files that are not
//! runs. The documents are recorded ones under other names. The same numbers and seed always give the same files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

/// A cluster with one run of each node.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    pub nodes: usize,
    /// The number of nodes for which a port is dropped that is open for their neighbours.
    pub odd: usize,
    /// The seed by which the odd nodes are drawn.
    pub seed: u64,
}

impl Fleet {
    /// Writes a document for each node into `folder`, and for every thousand nodes or fewer one file that is cut off
    /// and one that is not a run. Returns the names of the odd nodes.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(self, folder: &Path) -> anyhow::Result<Vec<String>> {
        let (open, other, odd) = (template(OPEN)?, template(OTHER)?, template(&dropped()?)?);
        let odd_nodes = self.draw();
        for number in 1..=self.nodes {
            let template = match number % 10 {
                _ if odd_nodes.contains(&number) => &odd,
                0 => &other,
                _ => &open,
            };
            let (name, text) = (name(number), document(template, number));
            write(folder, &format!("{name}.json"), &text)?;
        }
        for number in 0..self.nodes.div_ceil(1_000) {
            let text = document(&open, number);
            let (cut_off, _) = text.split_at(text.len() / 2);
            write(folder, &format!("cut-off-{number}.json"), cut_off)?;
            write(folder, &format!("foreign-{number}.json"), FOREIGN)?;
        }
        Ok(odd_nodes.into_iter().map(name).collect())
    }

    /// Draws the numbers of the odd nodes. The tenth part of all nodes that has the other answer is left out.
    fn draw(self) -> BTreeSet<usize> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let most = self.nodes - self.nodes / 10;
        let mut odd = BTreeSet::new();
        while odd.len() < self.odd.min(most) {
            let number = random.random_range(1..=self.nodes);
            if number % 10 != 0 {
                odd.insert(number);
            }
        }
        odd
    }
}

fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let file = folder.join(name);
    fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))
}

/// Returns the name of a node.
fn name(number: usize) -> String {
    format!("n{number:06}")
}

/// Returns a recorded run in one line, with marks in place of the node's name and the run's id.
fn template(recorded: &str) -> anyhow::Result<String> {
    let mut run: Value = serde_json::from_str(recorded)?;
    run["host"]["name"] = Value::from(NODE);
    run["run"]["id"] = Value::from(ID);
    Ok(run.to_string())
}

/// Returns the document of a node.
fn document(template: &str, number: usize) -> String {
    let id = format!("{number:032x}");
    template.replace(NODE, &name(number)).replace(ID, &id)
}

/// Returns the recorded run with its last rule dropped.
fn dropped() -> anyhow::Result<String> {
    let mut run: Value = serde_json::from_str(OPEN)?;
    let probes = run["probes"].as_array_mut().context("probes")?;
    let count = probes.len();
    let last = probes.last_mut().context("a probe")?;
    last["outcome"] = Value::from("not-as-expected");
    last["verdict"]["id"] = Value::from("dropped");
    last["verdict"]["segment"] = json!({"at": "path", "hop": 3});
    run["summary"]["as_expected"] = Value::from(count - 1);
    run["summary"]["not_as_expected"] = Value::from(1);
    run["summary"]["exit_code"] = Value::from(1);
    Ok(run.to_string())
}

/// The recorded run of nine nodes in ten: every rule is as expected.
const OPEN: &str =
    include_str!("../../probe-client/core/tests/scenarios/reachable-both-families.json");
/// The recorded run of the tenth node: seven ports, of which two are not as expected.
const OTHER: &str = include_str!("../../probe-client/core/tests/scenarios/demo.json");
const FOREIGN: &str = "{\"runs\": []}";
/// The marks in a template.
const NODE: &str = "@node@";
const ID: &str = "@id@";
