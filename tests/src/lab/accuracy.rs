//! How often fwprobe and other programs are right about a port: each plays the lab's scenarios, and what
//! it says is judged by rules against what the scenario's file says.

mod page;
mod peer;
mod rule;
mod said;
mod truth;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use probe_core::catalogue::VerdictId;
use probe_core::document::Probe;
use probe_core::session_kind::SessionKind;
use serde::{Deserialize, Serialize};

use super::network::Network;
use super::play::{SILENCE, Scene, staged};
use super::{Command, Family, Host, Line, Scenario, Variant};
use crate::{Place, Process, User};

pub use page::{Circumstances, page};
pub use peer::{Errand, Output, PEERS, Peer};
pub use rule::{Mark, RULES, Rule, judge};
pub use said::{Said, Statement};
pub use truth::Truth;

/// One scenario over one family, and what every program said.
#[derive(Debug, Deserialize, Serialize)]
pub struct Played {
    pub scenario: String,
    pub family: Family,
    /// One for each fault in it; one where there is none.
    pub looks: Vec<Look>,
}

/// What was said of one port in one shape.
#[derive(Debug, Deserialize, Serialize)]
pub struct Look {
    pub port: u16,
    pub kind: SessionKind,
    pub address: IpAddr,
    /// Which `expect` of the file is about it; absent: none is, and it works.
    line: Option<usize>,
    /// fwprobe's.
    verdict: VerdictId,
    /// As its report shows it.
    at: String,
    /// Of each peer that was asked, by its name.
    outputs: BTreeMap<String, Vec<Output>>,
}

/// Every scenario file in `folder`, by its name.
///
/// # Errors
/// The folder cannot be read, or a file in it is no scenario.
pub fn scenarios(folder: &Path) -> anyhow::Result<BTreeMap<String, Scenario>> {
    let files = super::folder::files(folder)?;
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        Ok((name.into_owned(), Scenario::read(&file)?))
    };
    files.into_iter().map(read).collect()
}

/// Why a scenario is not for peers; `None`: it is.
pub fn unasked(scenario: &Scenario) -> Option<&'static str> {
    if scenario.flags.iter().any(|flag| flag == "--via") {
        Some("goes through a proxy")
    } else if scenario.command == Command::Idle {
        Some("is about silence")
    } else if scenario.expect.iter().any(is_chance) {
        Some("leaves it to chance which sessions live")
    } else {
        None
    }
}

/// Plays `scenario` once: fwprobe first, then the peers one after another.
///
/// # Errors
/// The lab cannot be built, or a program cannot be run.
pub fn play(name: &str, scenario: &Scenario, family: Family) -> anyhow::Result<Played> {
    let idle_timeout = Some(SILENCE);
    let looks = staged(scenario, family, Variant::Default, idle_timeout, |scene| {
        look(scenario, scene)
    })?;
    Ok(Played {
        scenario: name.to_owned(),
        family,
        looks,
    })
}

fn look(scenario: &Scenario, scene: Scene<'_>) -> anyhow::Result<Vec<Look>> {
    let client = scene.network.place(Host::Client, User::Same);
    let certificate = scene.identity.directory().join("server-certificate.pem");
    let _exporter = peer::Exporter::start(&client, &certificate)?;
    let mut looks = Vec::new();
    for (line, probe) in subjects(scenario, &scene.run.document()?.probes) {
        let measurement = &probe.measurement;
        let Some(address) = measurement.server() else {
            continue;
        };
        let rule = &measurement.rule;
        let errand = Errand {
            address,
            port: rule.port.get(),
            kind: rule.session,
        };
        let outputs = ask(scene.network, &client, &errand, &certificate)?;
        looks.push(Look {
            port: errand.port,
            kind: errand.kind,
            address,
            line,
            verdict: probe.verdict.id,
            at: probe.verdict.segment.to_string(),
            outputs,
        });
    }
    Ok(looks)
}

/// Of each line about a fault the first probe; where nothing is faulty, the first that a line is about.
fn subjects<'p>(scenario: &Scenario, probes: &'p [Probe]) -> Vec<(Option<usize>, &'p Probe)> {
    let about = |line: &Line, probe: &Probe| {
        let family = probe.measurement.server().map(Family::of);
        family.is_some_and(|family| line.is_about(probe, family))
    };
    let line_of = |probe: &Probe| scenario.expect.iter().position(|line| about(line, probe));
    let lines = scenario.expect.iter().enumerate();
    let first = |(index, _): (usize, &Line)| {
        let mut about = probes.iter().filter(|probe| line_of(probe) == Some(index));
        about.next().map(|probe| (Some(index), probe))
    };
    let faulty = lines.clone().filter(|(_, line)| !is_open(line.verdict));
    let faulty: Vec<_> = faulty.filter_map(first).collect();
    if !faulty.is_empty() {
        return faulty;
    }
    let about = lines.filter_map(first).next();
    let plain = probes.first().map(|probe| (None, probe));
    about.or(plain).into_iter().collect()
}

/// Sessions may live as well as die.
fn is_chance(line: &Line) -> bool {
    let lives = line.verdicts().any(is_open);
    let dies = |verdict| verdict != VerdictId::Inconclusive && !is_open(verdict);
    lives && line.verdicts().any(dies)
}

fn is_open(verdict: VerdictId) -> bool {
    matches!(verdict, VerdictId::Reachable | VerdictId::ReachableWithLoss)
}

fn ask(
    network: &Network,
    client: &Place,
    errand: &Errand,
    certificate: &Path,
) -> anyhow::Result<BTreeMap<String, Vec<Output>>> {
    let mut outputs = BTreeMap::new();
    for peer in &PEERS {
        if errand.address.is_ipv6() && !peer.ipv6 {
            continue;
        }
        settle(network)?;
        let printed = peer.run(client, errand, certificate);
        let printed = printed.with_context(|| format!("{} {errand:?}", peer.name))?;
        outputs.insert(peer.name.to_owned(), printed);
    }
    Ok(outputs)
}

/// So that nobody suffers from what others did before: devices forget their connections, and whoever
/// counts new ones by the second has one to spare.
fn settle(network: &Network) -> anyhow::Result<()> {
    for host in [Host::Firewall, Host::Isp] {
        let mut command = network.place(host, User::Same).command("conntrack");
        command.arg("--flush");
        // It fails where nothing is tracked, which is as good.
        Process::start(command)?.finish()?;
    }
    std::thread::sleep(BETWEEN_PEERS);
    Ok(())
}

impl Look {
    /// What is true of it, by its scenario's file.
    fn truth(&self, scenario: &Scenario) -> Truth {
        Truth::of(scenario, self.expected(scenario))
    }

    fn expected<'s>(&self, scenario: &'s Scenario) -> Option<&'s Line> {
        self.line.and_then(|line| scenario.expect.get(line))
    }

    /// What fwprobe's verdict is worth.
    fn mark_of_fwprobe(&self, scenario: &Scenario, family: Family) -> Mark {
        let right = match self.expected(scenario) {
            Some(line) => line.names(self.verdict, &self.at, family),
            None => self.verdict == VerdictId::Reachable,
        };
        match (self.verdict, right) {
            (VerdictId::Inconclusive, _) => Mark::CannotTell,
            (_, true) => Mark::Right,
            (_, false) => Mark::Wrong,
        }
    }

    /// What `peer` said and the rule about it; absent: it was not asked.
    fn judged(
        &self,
        peer: &Peer,
        scenario: &Scenario,
        family: Family,
    ) -> Option<(Statement, &'static Rule)> {
        let outputs = self.outputs.get(peer.name)?;
        let errand = Errand {
            address: self.address,
            port: self.port,
            kind: self.kind,
        };
        let statement = peer.statement(outputs, &errand);
        let place = self.place(scenario).map(|text| family.fill(text));
        let there = match (truth::address(place.as_deref(), family), statement.at) {
            (Some(blamed), Some(named)) => blamed == named,
            // A prohibition is signed.
            (None, Some(_)) => statement.said == Said::Prohibited,
            (_, None) => false,
        };
        let rule = judge(self.truth(scenario), statement.said, there);
        Some((statement, rule))
    }

    /// Where the fault is; a file may say so only where it is proved without the server's account.
    fn place<'s>(&self, scenario: &'s Scenario) -> Option<&'s str> {
        let line = self.expected(scenario)?;
        let weaker = scenario.control_blocked.as_ref();
        let mut lines = weaker.map_or(&[][..], |weaker| &weaker.expect).iter();
        let same =
            lines.find(|other| other.is_about_port(self.port) && other.verdict == line.verdict);
        let at = line.at.as_ref();
        let at = at.or_else(|| same.and_then(|line| line.at.as_ref()));
        at.map(String::as_str)
    }
}

const BETWEEN_PEERS: Duration = Duration::from_millis(1100);

#[cfg(test)]
mod tests;
