//! The table of all marks: one row for each look, with both families in one cell.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use probe_core::session_kind::SessionKind;

use super::super::{Look, Mark, PEERS, Played, Scenario, Truth, unasked};
use super::STRING;
use crate::lab::Family;

/// The marks about one port of one scenario.
#[derive(Debug)]
pub(super) struct Row {
    truth: Truth,
    scenario: String,
    port: u16,
    kind: SessionKind,
    /// The marks of every program: fwprobe's first, then those of the others in the order of [`PEERS`].
    marks: Vec<Vec<GivenMark>>,
}

/// One mark, with its family and rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct GivenMark {
    family: Family,
    mark: Mark,
    /// The rule's id; `None` for fwprobe, which is judged by its verdict alone.
    rule: Option<&'static str>,
}

/// The marks of each program.
#[derive(Debug)]
pub(super) struct Totals(BTreeMap<&'static str, Vec<GivenMark>>);

/// Returns the rows of everything that was played, ordered by truth.
pub(super) fn rows(
    scenarios: &BTreeMap<String, Scenario>,
    played: &[Played],
) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for played in played {
        let name = &played.scenario;
        let scenario = scenarios.get(name).with_context(|| name.clone())?;
        if unasked(scenario).is_some() {
            continue;
        }
        for look in &played.looks {
            let truth = look.truth(scenario);
            if truth == Truth::Unasked {
                continue;
            }
            // If a scenario uses both families, the address shows which one this look is about.
            let marks = marks(look, scenario, Family::of(look.address));
            let same = rows.iter_mut().find(|row| {
                (&row.scenario, row.port, row.kind) == (name, look.port, look.kind)
                    && row.truth == truth
            });
            if let Some(row) = same {
                for (all, more) in row.marks.iter_mut().zip(marks) {
                    all.extend(more);
                }
            } else {
                rows.push(Row {
                    truth,
                    scenario: name.clone(),
                    port: look.port,
                    kind: look.kind,
                    marks,
                });
            }
        }
    }
    rows.sort_by(|a, b| (a.truth, &a.scenario).cmp(&(b.truth, &b.scenario)));
    Ok(rows)
}

fn marks(look: &Look, scenario: &Scenario, family: Family) -> Vec<Vec<GivenMark>> {
    let own = GivenMark {
        family,
        mark: look.mark_of_fwprobe(scenario, family),
        rule: None,
    };
    let others = PEERS.iter().map(|peer| {
        let judged = look.judged(peer, scenario, family);
        let given = judged.map(|(_, rule)| GivenMark {
            family,
            mark: rule.mark,
            rule: Some(rule.id),
        });
        given.into_iter().collect()
    });
    std::iter::once(vec![own]).chain(others).collect()
}

pub(super) fn text(rows: &[Row]) -> String {
    let mut text = String::from(HEAD);
    let names: Vec<&str> = names().collect();
    writeln!(
        text,
        "| true is | scenario | port | {} |",
        names.join(" | ")
    )
    .expect(STRING);
    writeln!(text, "|---|---|---|{}", "---|".repeat(names.len())).expect(STRING);
    for row in rows {
        let cells: Vec<String> = row.marks.iter().map(|given| cell(given)).collect();
        let Row {
            truth,
            scenario,
            port,
            kind,
            ..
        } = row;
        let (truth, cells) = (truth.word(), cells.join(" | "));
        writeln!(text, "| {truth} | {scenario} | {port}/{kind} | {cells} |").expect(STRING);
    }
    text
}

/// Returns the text of a cell: one mark if the families agree, otherwise both.
fn cell(given: &[GivenMark]) -> String {
    let mut shown: Vec<String> = given.iter().map(GivenMark::text).collect();
    shown.dedup();
    shown.join(" / ")
}

/// Lists where fwprobe is wrong, or cannot tell what another program gets right.
pub(super) fn shortcomings(rows: &[Row]) -> Vec<String> {
    let mut all = Vec::new();
    for row in rows {
        let Some((own, others)) = row.marks.split_first() else {
            continue;
        };
        for given in own {
            let right = |(peer, marks): (&super::super::Peer, &Vec<GivenMark>)| {
                let same = |other: &&GivenMark| other.family == given.family;
                let mut same = marks.iter().filter(same);
                same.any(|other| other.mark == Mark::Right)
                    .then_some(peer.name)
            };
            let by: Vec<&str> = PEERS.iter().zip(others).filter_map(right).collect();
            let falls_short = match given.mark {
                Mark::Right => false,
                Mark::CannotTell => !by.is_empty(),
                Mark::Wrong => true,
            };
            if falls_short {
                let (family, mark) = (given.family.name(), given.mark.text());
                all.push(format!(
                    "{} {family} {}/{}: fwprobe {mark}, right: {by:?}",
                    row.scenario, row.port, row.kind
                ));
            }
        }
    }
    all
}

impl GivenMark {
    fn text(&self) -> String {
        match self.rule {
            Some(rule) => format!("{} {rule}", self.mark.text()),
            None => self.mark.text().to_owned(),
        }
    }
}

impl Totals {
    pub(super) fn of(rows: &[Row]) -> Self {
        let mut totals: BTreeMap<&str, Vec<GivenMark>> = BTreeMap::new();
        for row in rows {
            for (name, given) in names().zip(&row.marks) {
                totals.entry(name).or_default().extend(given);
            }
        }
        Self(totals)
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::from(TOTALS);
        for name in names() {
            let of = |mark| self.count(name, |given| given.mark == mark);
            let all = self.count(name, |_| true);
            let [right, unknown, wrong] = Mark::ALL.map(of);
            let ipv4 = PEERS.iter().any(|peer| peer.name == name && !peer.ipv6);
            let note = if ipv4 { " (IPv4 alone)" } else { "" };
            writeln!(
                text,
                "| {name}{note} | {right} | {unknown} | {wrong} | {all} |"
            )
            .expect(STRING);
        }
        text
    }

    /// Returns the share of `mark` among a program's marks, in whole percent.
    pub(super) fn share(&self, name: &str, mark: Mark) -> u32 {
        let all = self.count(name, |_| true).max(1);
        self.count(name, |given| given.mark == mark) * 100 / all
    }

    pub(super) fn by_rule(&self, name: &str, rule: &str) -> u32 {
        self.count(name, |given| given.rule == Some(rule))
    }

    fn count(&self, name: &str, fits: impl Fn(&GivenMark) -> bool) -> u32 {
        let marks = self.0.get(name).map_or(&[][..], Vec::as_slice);
        let fitting = marks.iter().filter(|given| fits(given)).count();
        u32::try_from(fitting).unwrap_or(u32::MAX)
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    std::iter::once("fwprobe").chain(PEERS.iter().map(|peer| peer.name))
}

const TOTALS: &str = "\n## Totals\n
| program | right | cannot tell | wrong | of |\n|---|---:|---:|---:|---:|\n";

const HEAD: &str = "\n## Every mark\n
`right`, `?` for cannot tell, or `WRONG`, and the rule that says so; IPv4 / IPv6 where they \
                    differ.\n\n";
