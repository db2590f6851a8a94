//! Turns a mixture into a scenario: the changes of all its parts together, and the expected result for every port.

use probe_core::catalogue::{FindingId, VerdictClass, VerdictId};
use toml::{Table, Value};

use super::super::Family;
use super::super::scenario::PROFILE_PORTS;
use super::line::{Line, exit_codes};
use super::parts::{Condition, Influence, Parts};
use super::{Addresses, Mixture, Placed, strings};

impl Mixture {
    /// Returns the mixture in the form of a scenario file, so that it can be kept as one.
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
        let exits = exit_codes(&lines);
        scenario.insert("exit".to_owned(), exits[0].into());
        let or: Vec<Value> = exits[1..].iter().map(|code| Value::from(*code)).collect();
        scenario.insert("or-exit".to_owned(), Value::Array(or));
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

    /// Returns `changes` with its placeholders filled for `placed`.
    fn filled(&self, changes: &Table, placed: &Placed) -> Table {
        let affected = self.faults.iter().flat_map(|f| &f.ports);
        let affected: Vec<u16> = affected.copied().collect();
        let elsewhere = PROFILE_PORTS.iter().find(|port| !affected.contains(port));
        let elsewhere = elsewhere.map_or_else(String::new, u16::to_string);
        let only = match placed.only {
            Some(Family::Ipv4) => "meta protocol ip",
            Some(Family::Ipv6) => "meta protocol ip6",
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

    /// Returns the expected lines; the first line about a port counts.
    fn lines(&self, parts: &Parts, condition: Option<&Condition>) -> Vec<Line> {
        let mut lines = Vec::new();
        for placed in &self.faults {
            let fault = &parts.faults[placed.fault];
            if condition.is_some_and(|c| fault.lifted_by.contains(&c.name)) {
                continue;
            }
            lines.push(self.direct(placed, parts, condition));
            if self.proxied && !fault.proxied.is_empty() {
                lines.push(self.through_the_proxy(placed, parts));
            }
        }
        let influence = self.influence(parts, None);
        let working = |path: Option<&str>, findings: &[FindingId]| Line {
            path: path.map(str::to_owned),
            verdicts: [&[VerdictId::Reachable], &influence.open[..]].concat(),
            findings: findings.to_vec(),
            perhaps: influence.notes.clone(),
            ..Line::default()
        };
        if self.proxied {
            lines.push(working(Some(&parts.proxy.path), &[]));
        }
        lines.push(working(
            None,
            condition.map_or(&[], |condition| &condition.findings),
        ));
        lines
    }

    /// Returns the effect of all parts on the rest of the run, without the effect of the fault `but` on its own ports.
    fn influence(&self, parts: &Parts, but: Option<&Placed>) -> Influence {
        let mut all = Influence::default();
        if let Some(index) = self.condition {
            all.add(&parts.conditions[index].run);
        }
        for placed in &self.faults {
            let its = &parts.faults[placed.fault].run;
            if Some(placed) == but {
                all.notes.extend(&its.notes);
            } else {
                all.add(its);
            }
        }
        if self.proxied {
            all.notes.extend(&parts.proxy.notes);
        }
        all
    }

    fn direct(&self, placed: &Placed, parts: &Parts, condition: Option<&Condition>) -> Line {
        let fault = &parts.faults[placed.fault];
        let influence = self.influence(parts, Some(placed));
        let mut or = fault.or.clone();
        if fault.verdict.entry().class == VerdictClass::Open {
            or.extend(&influence.open);
        }
        if !influence.failing.is_empty() {
            or.extend(influence.failing.iter().chain(&fault.weaker));
        }
        if condition.is_some_and(|c| fault.blurred_by.contains(&c.name)) {
            or.push(VerdictId::Inconclusive);
        }
        let certain = or.len() == fault.or.len();
        // A session that gets far enough also has the findings of the condition.
        let way = condition.map_or(&[][..], |condition| &condition.findings);
        let (findings, chance) = if certain {
            (fault.findings.clone(), &[][..])
        } else {
            (Vec::new(), &fault.findings[..])
        };
        let at = fault.at.clone();
        Line {
            ports: placed.ports.clone(),
            path: self.proxied.then(|| "direct".to_owned()),
            family: placed.only,
            verdicts: std::iter::once(fault.verdict).chain(or).collect(),
            at: at.filter(|_| certain && !influence.hides_places),
            findings,
            perhaps: [way, chance, &fault.perhaps, &influence.notes].concat(),
        }
    }

    fn through_the_proxy(&self, placed: &Placed, parts: &Parts) -> Line {
        let influence = self.influence(parts, Some(placed));
        let fault = &parts.faults[placed.fault];
        Line {
            ports: placed.ports.clone(),
            path: Some(parts.proxy.path.clone()),
            verdicts: [&fault.proxied[..], &influence.failing].concat(),
            perhaps: influence.notes,
            ..Line::default()
        }
    }
}

/// Adds `more` to `all`: tables key by key, lists by appending, rules of one chain line by line.
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

/// Returns `value` with its texts filled; a list that holds only `<ports>` becomes a list of numbers.
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
