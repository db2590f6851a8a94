//! Judges every head node in `checks/`, and compares the answers and their text with the snapshot of the same name.
//! Every status of a check has to occur.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use head_node::answer::{Check, CheckStatus};
use head_node::catalogue::CheckId;
use head_node::check::checks;
use head_node::{CertificateFile, ClockState, HeadNode, NameLookup, Origin, Proxy, Reading};
use jiff::Timestamp;
use serde::Deserialize;

/// The user's arguments and the facts that a system reports.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    now: String,
    registry: Option<String>,
    #[serde(default)]
    assume: Vec<String>,
    node_type: Option<String>,
    nodes: Option<u32>,
    cores: Option<u32>,
    routes: Option<Vec<IpAddr>>,
    #[serde(default)]
    names: Vec<Name>,
    clock: Option<String>,
    no_proxies: Option<bool>,
    #[serde(default)]
    certificates: Vec<CertificateFile>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
    #[serde(default)]
    addresses: Vec<IpAddr>,
    error: Option<String>,
}

#[test]
fn every_head_node_is_judged_as_recorded() {
    insta::glob!("checks/*.toml", |path| {
        insta::assert_snapshot!(told(&answers(path).unwrap()).unwrap());
    });
}

#[test]
fn every_answer_that_the_catalogue_announces_occurs_and_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checks");
    let mut seen = BTreeSet::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        seen.extend(answers(&path).unwrap().iter().map(|c| (c.id, c.status)));
    }
    let announced: BTreeSet<(CheckId, CheckStatus)> = CheckId::ALL
        .iter()
        .flat_map(|id| id.entry().statuses.iter().map(move |s| (*id, *s)))
        .collect();
    let missing: Vec<_> = announced.difference(&seen).collect();
    let unannounced: Vec<_> = seen.difference(&announced).collect();
    assert!(missing.is_empty(), "no scenario for {missing:?}");
    assert!(
        unannounced.is_empty(),
        "not in the catalogue: {unannounced:?}"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "the scenarios are files; the core itself reads none"
)]
fn answers(path: &Path) -> Result<Vec<Check>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let scenario: Scenario = toml::from_str(&text)?;
    let now: Timestamp = scenario.now.parse()?;
    Ok(checks(&head_node(scenario)?, now))
}

fn head_node(scenario: Scenario) -> Result<HeadNode, Box<dyn Error>> {
    let mut node = HeadNode {
        certificates: scenario.certificates,
        ..HeadNode::default()
    };
    if let Some(text) = scenario.registry {
        let origin = Origin::ExportedFile("hpc.reg".to_owned());
        node.read_export(text.as_bytes(), origin);
    }
    for text in &scenario.assume {
        node.assume(text.parse()?);
    }
    node.planned.node_type = scenario.node_type.map(|text| text.parse()).transpose()?;
    node.planned.nodes = scenario.nodes;
    node.planned.cores = scenario.cores;
    if let Some(routes) = scenario.routes {
        node.routes = Reading::Found(Origin::System, routes);
    }
    if scenario.no_proxies == Some(true) {
        node.proxies = Reading::Found(Origin::Environment, Vec::<Proxy>::new());
    }
    node.names = scenario.names.into_iter().map(lookup).collect();
    node.clock = match scenario.clock.as_deref() {
        None => Reading::NotRead,
        Some("agrees") => Reading::Found(Origin::Run, ClockState::Agrees),
        Some(how) => Reading::Found(Origin::Run, ClockState::Differs(how.to_owned())),
    };
    Ok(node)
}

fn lookup(name: Name) -> NameLookup {
    NameLookup {
        result: match name.error {
            Some(error) => Err(error),
            None => Ok(name.addresses),
        },
        name: name.name,
    }
}

fn told(checks: &[Check]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    for check in checks {
        let about = check
            .about
            .as_deref()
            .map_or_else(String::new, |a| format!(" ({a})"));
        writeln!(
            out,
            "{} {}{about}: {}",
            check.status.name(),
            check.id,
            check.text
        )?;
        if let Some(step) = &check.next_step {
            writeln!(out, "  next: {step}")?;
        }
        if !check.origins.is_empty() {
            writeln!(out, "  from: {}", check.origins.join(", "))?;
        }
        if let Some(caveat) = check.sourcing.caveat() {
            writeln!(out, "  {caveat}")?;
        }
    }
    Ok(out)
}
