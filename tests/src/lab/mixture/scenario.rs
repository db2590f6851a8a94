//! A mixture as a scenario: the changes of all its parts together, and what is right about every port.

use probe_core::catalogue::{FindingId, VerdictId};
use toml::{Table, Value};

use super::super::Family;
use super::super::scenario::PROFILE_PORTS;
use super::parts::{Condition, Fault, Parts};
use super::{Addresses, Mixture, Placed};

impl Mixture {
    /// As a scenario's file has it, so that it can be kept as one.
    pub(super) fn scenario(&self, parts: &Parts) -> Table {
        let condition = self.condition.map(|index| &parts.conditions[index]);
        let mut scenario = Table::new();
        if let Some(condition) = condition {
            merge(&mut scenario, &condition.changes);
        }
        if self.proxied {
            merge(&mut scenario, &parts.proxy.changes);
            scenario.insert("flags".to_owned(), strings(&parts.proxy.flags));
        }
        for placed in &self.faults {
            let changes = &parts.faults[placed.fault].changes;
            merge(&mut scenario, &self.filled(changes, placed));
        }
        self.address(&mut scenario);
        scenario.insert("why".to_owned(), self.why(parts).into());
        scenario.insert("variants".to_owned(), strings(&["default"]));
        let lines = self.lines(parts, condition);
        let fails = |verdict: &VerdictId| *verdict != VerdictId::Reachable;
        let exit = i64::from(lines.iter().any(|line| fails(&line.verdicts[0])));
        scenario.insert("exit".to_owned(), exit.into());
        let expect = lines.into_iter().map(|line| Value::Table(line.table()));
        scenario.insert("expect".to_owned(), Value::Array(expect.collect()));
        scenario
    }

    fn address(&self, scenario: &mut Table) {
        let family = match self.addresses {
            Addresses::Of(family) => family,
            Addresses::Both => {
                scenario.insert("name".to_owned(), "echo.example.org".into());
                scenario.insert("dual-stack".to_owned(), true.into());
                Family::Ipv4
            }
        };
        scenario.insert("families".to_owned(), strings(&[family.name()]));
    }

    fn why(&self, parts: &Parts) -> String {
        let mut names = Vec::new();
        for placed in &self.faults {
            let family = placed.only.map_or("", |only| match only {
                Family::Ipv4 => " over IPv4",
                Family::Ipv6 => " over IPv6",
            });
            let name = &parts.faults[placed.fault].name;
            names.push(format!("{name} on {:?}{family}", placed.ports));
        }
        names.extend(
            self.condition
                .map(|index| parts.conditions[index].name.clone()),
        );
        names.extend(self.proxied.then(|| "through a proxy too".to_owned()));
        names.join("; ")
    }

    /// `changes` with its placeholders filled for `placed`.
    fn filled(&self, changes: &Table, placed: &Placed) -> Table {
        let affected = self.faults.iter().flat_map(|f| &f.ports);
        let affected: Vec<u16> = affected.copied().collect();
        let elsewhere = PROFILE_PORTS.iter().find(|port| !affected.contains(port));
        let elsewhere = elsewhere.map_or_else(String::new, u16::to_string);
        let only = match placed.only {
            Some(Family::Ipv4) => "meta nfproto ipv4",
            Some(Family::Ipv6) => "meta nfproto ipv6",
            None => "",
        };
        let listed: Vec<String> = placed.ports.iter().map(u16::to_string).collect();
        let set = format!("{{ {} }}", listed.join(", "));
        let fill = |text: &str| {
            text.replace("<ports>", &set)
                .replace("<only>", only)
                .replace("<elsewhere>", &elsewhere)
        };
        changes
            .iter()
            .map(|(key, value)| (key.clone(), filled(value, &placed.ports, &fill)))
            .collect()
    }

    /// What is right, the first line about a port counting.
    fn lines(&self, parts: &Parts, condition: Option<&Condition>) -> Vec<Line> {
        let findings = condition.map_or(&[][..], |condition| &condition.findings);
        let mut lines = Vec::new();
        for placed in &self.faults {
            let fault = &parts.faults[placed.fault];
            if condition.is_some_and(|c| fault.lifted_by.contains(&c.name)) {
                continue;
            }
            lines.push(Line::direct(fault, placed, findings, parts, self.proxied));
            if self.proxied && !fault.proxied.is_empty() {
                lines.push(Line::through_the_proxy(fault, placed, parts));
            }
        }
        if self.proxied {
            lines.push(Line {
                path: Some(parts.proxy.path.clone()),
                perhaps: parts.proxy.notes.clone(),
                ..Line::reachable()
            });
        }
        lines.push(Line {
            findings: findings.to_vec(),
            perhaps: if self.proxied {
                parts.proxy.notes.clone()
            } else {
                Vec::new()
            },
            ..Line::reachable()
        });
        lines
    }
}

/// One line of what a scenario expects.
#[derive(Debug)]
struct Line {
    ports: Vec<u16>,
    path: Option<String>,
    family: Option<Family>,
    /// The first is the right one, the others are as right.
    verdicts: Vec<VerdictId>,
    at: Option<String>,
    findings: Vec<FindingId>,
    perhaps: Vec<FindingId>,
}

impl Line {
    fn reachable() -> Self {
        Self {
            ports: Vec::new(),
            path: None,
            family: None,
            verdicts: vec![VerdictId::Reachable],
            at: None,
            findings: Vec::new(),
            perhaps: Vec::new(),
        }
    }

    fn direct(
        fault: &Fault,
        placed: &Placed,
        findings: &[FindingId],
        parts: &Parts,
        proxied: bool,
    ) -> Self {
        let verdicts = std::iter::once(fault.verdict).chain(fault.or.iter().copied());
        let notes = if proxied { &parts.proxy.notes[..] } else { &[] };
        Self {
            ports: placed.ports.clone(),
            path: proxied.then(|| "direct".to_owned()),
            family: placed.only,
            verdicts: verdicts.collect(),
            at: fault.at.clone(),
            findings: Vec::new(),
            // A session that got far enough shows what the way does to it.
            perhaps: [findings, notes].concat(),
        }
    }

    fn through_the_proxy(fault: &Fault, placed: &Placed, parts: &Parts) -> Self {
        Self {
            ports: placed.ports.clone(),
            path: Some(parts.proxy.path.clone()),
            family: None,
            verdicts: fault.proxied.clone(),
            at: None,
            findings: Vec::new(),
            perhaps: parts.proxy.notes.clone(),
        }
    }

    fn table(self) -> Table {
        let ids =
            |all: &[FindingId]| strings(&all.iter().map(ToString::to_string).collect::<Vec<_>>());
        let mut table = Table::new();
        if !self.ports.is_empty() {
            let ports = self.ports.iter().map(|port| Value::from(i64::from(*port)));
            table.insert("ports".to_owned(), Value::Array(ports.collect()));
        }
        if let Some(path) = self.path {
            table.insert("path".to_owned(), path.into());
        }
        if let Some(family) = self.family {
            table.insert("family".to_owned(), family.name().into());
        }
        if let Some((right, or)) = self.verdicts.split_first() {
            table.insert("verdict".to_owned(), right.to_string().into());
            let or: Vec<String> = or.iter().map(ToString::to_string).collect();
            table.insert("or".to_owned(), strings(&or));
        }
        if let Some(at) = self.at {
            table.insert("at".to_owned(), at.into());
        }
        table.insert("findings".to_owned(), ids(&self.findings));
        table.insert("perhaps".to_owned(), ids(&self.perhaps));
        table
    }
}

/// Adds `more` to `all`: tables key by key, lists one behind the other, rules of one chain line by line.
fn merge(all: &mut Table, more: &Table) {
    for (key, value) in more {
        match (all.get_mut(key), value) {
            (Some(Value::Table(all)), Value::Table(more)) => merge(all, more),
            (Some(Value::Array(all)), Value::Array(more)) => all.extend(more.iter().cloned()),
            (Some(Value::String(all)), Value::String(more)) => {
                all.push('\n');
                all.push_str(more);
            }
            _ => {
                all.insert(key.clone(), value.clone());
            }
        }
    }
}

/// `value` with its texts filled; a list that holds the ports alone becomes a list of numbers.
fn filled(value: &Value, ports: &[u16], fill: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text)),
        Value::Array(all) if all.len() == 1 && all[0].as_str() == Some("<ports>") => {
            let ports = ports.iter().map(|port| Value::from(i64::from(*port)));
            Value::Array(ports.collect())
        }
        Value::Array(all) => {
            let filled = all.iter().map(|value| filled(value, ports, fill));
            Value::Array(filled.collect())
        }
        Value::Table(table) => {
            let pairs = table.iter();
            let filled = pairs.map(|(key, value)| (key.clone(), filled(value, ports, fill)));
            Value::Table(filled.collect())
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            value.clone()
        }
    }
}

fn strings(all: &[impl AsRef<str>]) -> Value {
    Value::Array(all.iter().map(|text| Value::from(text.as_ref())).collect())
}
