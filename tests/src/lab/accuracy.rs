//! Measures how often fwprobe and other programs are right about a port.
//!
//! Each program plays the lab's scenarios, and rules compare its answer with the scenario file.

mod page;
mod peer;
mod rule;
mod statement;
mod truth;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use probe_documents::Probe;
use serde::{Deserialize, Serialize};

use super::network::Network;
use super::play::{SILENCE, Scene, staged};
use super::{Command, Family, Host, Line, Scenario, Variant};
use crate::{Place, Process, User};

pub use page::{Circumstances, page};
pub use peer::{Errand, Output, PEERS, Peer};
pub use rule::{Mark, RULES, Rule, judge};
pub use statement::{Claim, Statement};
pub use truth::Truth;

/// One scenario over one address family, with the answers of all programs.
#[derive(Debug, Deserialize, Serialize)]
pub struct Played {
    pub scenario: String,
    pub family: Family,
    /// One look for each fault of the scenario; a single look if there is no fault.
    pub looks: Vec<Look>,
}

/// The answers of all programs about one port, tested with one session kind.
#[derive(Debug, Deserialize, Serialize)]
pub struct Look {
    pub port: u16,
    pub kind: SessionKind,
    pub address: IpAddr,
    /// The index of the file's `expect` line about this port; `None` if the port works and no line is about it.
    line: Option<usize>,
    /// fwprobe's verdict.
    verdict: VerdictId,
    /// The verdict's segment, as the report shows it.
    at: String,
    /// The outputs of each of the other programs that was asked, by the program's name.
    outputs: BTreeMap<String, Vec<Output>>,
}

/// Reads every scenario file in `folder`, and returns the scenarios by name.
///
/// # Errors
/// Fails if the folder cannot be read, or a file in it is not a scenario.
pub fn scenarios(folder: &Path) -> anyhow::Result<BTreeMap<String, Scenario>> {
    let files = super::folder::files(folder)?;
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        Ok((name.into_owned(), Scenario::read(&file)?))
    };
    files.into_iter().map(read).collect()
}

/// Returns why the other programs are not asked about a scenario; `None` if they are asked.
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

/// Plays `scenario` once: first with fwprobe, then with each of the other programs in turn.
///
/// # Errors
/// Fails if the lab cannot be built, or a program cannot be run.
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

/// Returns the first probe of each line about a fault. If nothing is faulty, returns the first probe that any line is
/// about.
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

/// Returns whether the line allows both a success and a failure, because chance decides.
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

/// Prevents one program from affecting the next: makes devices forget their connections, and waits until a limit on new
/// connections per second has recovered.
fn settle(network: &Network) -> anyhow::Result<()> {
    for host in [Host::Firewall, Host::Isp] {
        let mut command = network.place(host, User::Same).command("conntrack");
        command.arg("--flush");
        // `conntrack --flush` fails if nothing is tracked, which is fine.
        Process::start(command)?.finish()?;
    }
    std::thread::sleep(BETWEEN_PEERS);
    Ok(())
}

impl Look {
    /// Returns the truth about this port, as the scenario file states it.
    fn truth(&self, scenario: &Scenario) -> Truth {
        Truth::of(scenario, self.expected(scenario))
    }

    fn expected<'s>(&self, scenario: &'s Scenario) -> Option<&'s Line> {
        self.line.and_then(|line| scenario.expect.get(line))
    }

    /// Returns the mark for fwprobe's verdict.
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

    /// Returns the answer of `peer` and the rule that judges it; `None` if that program was not asked.
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
            // The sender's address in an ICMP prohibition names the place by itself.
            (None, Some(_)) => statement.said == Claim::Prohibited,
            (_, None) => false,
        };
        let rule = judge(self.truth(scenario), statement.said, there);
        Some((statement, rule))
    }

    /// Returns the place of the fault.
    ///
    /// A file may give the place only in the expectation for a blocked control channel, where it is proved without the
    /// server's account.
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
